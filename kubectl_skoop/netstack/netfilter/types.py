"""Rules as values: what the parsers make and the walk evaluates.

`netfilter.iptables` and `netfilter.nft` each turn their text into these; `netfilter.traverse` runs the base
chains of one hook in the kernel's order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from kubectl_skoop.model.packet import Address, Frame, Packet, Passage
from kubectl_skoop.model.verdict import Ternary, Unknown

if TYPE_CHECKING:
    from kubectl_skoop.netstack.stack import Stack


class Hook(StrEnum):
    PREROUTING = "prerouting"
    INPUT = "input"
    FORWARD = "forward"
    OUTPUT = "output"
    POSTROUTING = "postrouting"
    INGRESS = "ingress"
    """Of a device, as a frame comes in (NF_NETDEV_INGRESS)."""
    EGRESS = "egress"


IP_HOOKS = (Hook.PREROUTING, Hook.INPUT, Hook.FORWARD, Hook.OUTPUT, Hook.POSTROUTING)
LinkFamily = Literal["bridge", "netdev", "arp"]

Engine = Literal["iptables-legacy", "iptables-nft", "nft", "ebtables-nft", "arptables-legacy"]
ChainType = Literal["filter", "nat", "route"]


@dataclass(eq=False, slots=True, kw_only=True)
class RuleContext:
    """What a rule sees. Targets change `frame` (by replacing it) and `passage`."""

    stack: "Stack"
    hook: Hook
    frame: Frame
    passage: Passage
    indev: int = 0
    """Device index, 0 where the hook has none."""
    outdev: int = 0
    family: LinkFamily | None = None
    """None: a hook of IP, where each frame is an IP packet."""

    @property
    def packet(self) -> Packet:
        """Raises: TypeError for a frame that carries no IP packet."""
        if not isinstance(self.frame, Packet):
            raise TypeError("a rule about IP was asked about an ARP message")
        return self.frame

    @packet.setter
    def packet(self, changed: Packet) -> None:
        self.frame = changed

    def assume(self, sentence: str) -> None:
        """For the user: what is taken for granted, told once."""
        if sentence not in self.stack.assumptions:
            self.stack.assumptions.append(sentence)

    @property
    def length(self) -> int:
        """Of the IP packet, bytes; a rule that asks for it may judge another one otherwise."""
        self.stack.reliance.by_length()
        return self.packet.length


class _Plain:
    """A verdict that has nothing but its kind."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Accept(_Plain):
    """Ends this base chain; the next one still runs."""

    __slots__ = ()


class Drop(_Plain):
    """Ends the packet."""

    __slots__ = ()


class Continue(_Plain):
    """To the next rule."""

    __slots__ = ()


PASSED_BY = Continue()
"""Of a rule that does not match, so that it changes nothing."""


class Return(_Plain):
    """Back to the calling chain; at the end of a base chain its policy decides."""

    __slots__ = ()


class Jump(NamedTuple):
    """To a user chain; with `goto` its end does not come back here."""

    chain: str
    goto: bool = False


class Reject(NamedTuple):
    """Ends the packet; its sender is told."""

    kind: str
    """`tcp-reset`, or the name of the ICMP code as iptables writes it (icmp-port-unreachable …)."""


class Nat(NamedTuple):
    """A binding that a nat chain asks for. Ports and addresses are inclusive ranges."""

    kind: Literal["snat", "dnat", "masquerade", "redirect", "netmap"]
    low: Address | None = None
    high: Address | None = None
    port_low: int = 0
    port_high: int = 0
    netmap_prefix: int = 0
    random: bool = False


class Redirected(NamedTuple):
    """Another device sends the frame as it is (nft_fwd_netdev.c)."""

    device: int


class Stolen(NamedTuple):
    """The packet goes where the simulator cannot follow (NFQUEUE, TPROXY …)."""

    unknown: Unknown


Verdict = Accept | Drop | Continue | Return | Jump | Reject | Nat | Redirected | Stolen


class Statement(Protocol):
    """Something a rule does. Returns Continue where the kernel goes on with the rule or the chain."""

    def apply(self, ctx: RuleContext) -> Verdict | Unknown: ...


class Match(Protocol):
    """Something a rule asks."""

    def matches(self, ctx: RuleContext) -> Ternary: ...


class Rule(Protocol):
    """One rule of either engine. `text` is as the tool prints it, without counters."""

    @property
    def text(self) -> str: ...

    def evaluate(self, ctx: RuleContext) -> Verdict | Unknown:
        """The verdict; Continue if it does not match.

        Unknown: it cannot be told whether it matches: then `if_matched` is followed in one branch.
        """
        ...

    def if_matched(self, ctx: RuleContext) -> Verdict | Unknown: ...


class Chain(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def empty(self) -> bool:
        """It has no rules."""
        ...

    def rules(self, frame: Frame) -> Sequence[tuple[int, Rule]]:
        """Positions (from 1) and rules that may match this frame; a long chain may leave out those that
        certainly do not (by destination address or port)."""
        ...


class Table(Protocol):
    """One table of one engine and family: user chains by name, parsed when reached."""

    @property
    def name(self) -> str: ...

    def chain(self, name: str) -> Chain | Unknown: ...


class BaseChain(NamedTuple):
    """A chain that is registered at a hook."""

    engine: Engine
    families: frozenset[int]
    """{4}, {6}, or both (nft inet); none: it sees frames (`LinkChain`)."""
    table: Table
    chain: str
    type: ChainType
    hook: Hook
    priority: int
    policy: Literal["accept", "drop"] = "accept"
    order: int = 0
    """Position among equal priorities where the kernel told it, else 0 for all (K-1)."""


class LinkChain(NamedTuple):
    """A base chain that sees frames."""

    family: LinkFamily
    base: BaseChain
    devices: tuple[str, ...] | None = ()
    """Of family netdev; a name may end in `*`. None: the snapshot does not tell."""
    ip_only: bool = False
    """Of a table `inet`: other frames pass it by (nft_do_chain_inet_ingress)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Netfilter:
    """All rules of one namespace."""

    base_chains: tuple[BaseChain, ...] = ()
    conntrack_families: frozenset[int] = frozenset()
    """Families in which some loaded rule needs conntrack (K-5)."""
    bridge_conntrack: bool = False
    """A rule of the family bridge does: connections of what is bridged are tracked, too."""
    nat_families: frozenset[int] = frozenset()
    """Families with any nat base chain loaded: the null binding (K-7)."""
    order_known: bool = False
    """The kernel told the order of hooks at equal priority."""
    unknowns: Mapping[int, tuple[Unknown, ...]] = field(default_factory=dict)
    """By family: tables that could not be read, so that any hook may decide otherwise."""
    programs: Mapping[tuple[int, Hook], tuple[Unknown, ...]] = field(default_factory=dict)
    """By family and hook: BPF programs, which may drop what passes."""
    link_chains: tuple[LinkChain, ...] = ()
    """Those at bridges, at devices, and for ARP."""
    link_unknowns: Mapping[LinkFamily, tuple[Unknown, ...]] = field(default_factory=dict)
    """Tables of these families that could not be read."""
    settled: dict[tuple[int, Hook, bool], Sequence[object]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    """What `netfilter.traverse` runs, where every packet meets it in the same order."""

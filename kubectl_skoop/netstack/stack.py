"""One namespace in one branch: the frozen state, and what packets made of it on their way (K-68)."""

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple, Unpack

from kubectl_skoop.model.packet import Address, Frame, Packet, Passage
from kubectl_skoop.model.place import Where, WhereFields
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.model.trace import StepKind, Trace
from kubectl_skoop.model.verdict import STEP, Choices, Unknown
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours.capacity import NodeNeighbours
from kubectl_skoop.netstack.reliance import Reliance

if TYPE_CHECKING:
    from kubectl_skoop.netstack.ipvs.connection import VirtualConnection
    from kubectl_skoop.netstack.l4.endpoint import Client, Server
    from kubectl_skoop.netstack.netfilter.conntrack import Connection
    from kubectl_skoop.netstack.netfilter.recent import RecentEntry
    from kubectl_skoop.netstack.routing.way import InputRoute, OutputRoute, RouteError


class Loss(NamedTuple):
    """A frame that ended here, and why."""

    because: Suspicion
    frame: Frame
    unknown: Unknown | None = None
    """What becomes of the frame here cannot be told."""
    unanswered: Address | None = None
    """The next hop that nobody answered for."""


class Journey:
    """What one NetNode did with one frame: from its arrival (or its making) until it left or ended."""

    __slots__ = ("losses", "served", "trace")

    def __init__(self) -> None:
        self.trace: list[Trace] = []
        self.losses: list[Loss] = []
        self.served = False
        """It reached a socket, or what answers in its place."""


class Emission(NamedTuple):
    """A frame that leaves by a device whose other end is not in this namespace."""

    device: int
    frame: Frame
    journey: Journey


Way = Literal["up", "down", "routed", "delivered"]


class Handover(NamedTuple):
    """A frame that goes to a device of another namespace without a wire between (vlan, macvlan)."""

    netns: str
    """`NetworkNamespace.id`"""
    device: int
    frame: Frame
    journey: Journey
    by: str
    """Name of the device here."""
    way: Way
    """It comes in there (up), leaves by that device (down), is routed there as if it was made there, or goes
    to a socket there."""


class Upper(NamedTuple):
    """A device that is on top of another one (IFLA_LINK), and the namespace that it is in."""

    ns: NetworkNamespace
    device: Device

    def has(self, address: Address) -> bool:
        own = self.ns.addresses_of(address.version, self.device.index)
        return any(entry.address == address for entry in own)


class Heard(NamedTuple):
    """Where a WireGuard peer was heard from (struct endpoint)."""

    endpoint: tuple[Address, int]
    own: Address
    """Our address that it sent to."""
    device: int
    """Index of the device that it came in by."""


class Waiting(NamedTuple):
    """A packet that waits for its neighbour (arp_queue)."""

    packet: Packet
    passage: Passage
    journey: Journey
    bridge_port: int = 0
    """Port by which it goes on being bridged (K-32); 0: it is routed."""


class Stack:
    """What the functions of the simulator work on. The namespace never changes; the rest is this branch's."""

    def __init__(
        self,
        ns: NetworkNamespace,
        choices: Choices,
        *,
        cold: bool = False,
        use_existing: bool = False,
        forgiven: frozenset[tuple[Where, str]] = frozenset(),
        above: Callable[[str, int, Address | None], Sequence[Upper]] = lambda netns, index, address: (),
        node_neighbours: NodeNeighbours | None = None,
        reliance: Reliance | None = None,
    ) -> None:
        self.ns = ns
        self.choices = choices
        self.cold = cold
        """Neighbours that were resolved, not configured, count as absent."""
        self.use_existing = use_existing
        """The conntrack entries of the dump count, too (stale ones among them)."""
        self.forgiven = forgiven
        """Rules and policies that do not stop a packet in this branch, by place and text."""
        self.above = above
        """The devices of all namespaces of the node on top of the one with this index in that namespace; with
        an address that of the pod that has it."""
        self.node_neighbours = node_neighbours or NodeNeighbours()
        """Shared by the stacks of a node."""
        self.reliance = reliance or Reliance()
        """Shared by the stacks of a branch."""

        self.journey = Journey()
        """Of the frame that is being handled."""
        self.out: deque[Emission | Handover] = deque()
        self.waiting: dict[tuple[int, Address], list[Waiting]] = {}
        """(device, next hop) → packets."""
        self.depth = 0
        """Devices that the frame passed inside this namespace; bounded by `netstack.receive.MAX_DEPTH`."""
        self.assumptions: list[str] = []
        """What was taken for granted on the way, as sentences for the user."""

        self.neighbours: dict[tuple[int, Address], str] = {}
        """MACs learned in this branch."""
        self.fdb: dict[tuple[int, int, str], int] = {}
        """(bridge, VLAN or 0, MAC) → port, learned in this branch."""
        self.heard: dict[tuple[int, str], Heard] = {}
        """(WireGuard device, digest of the peer's key) → where it was heard in this branch."""
        self.connections: list[Connection] = []
        """Made in this branch."""
        self.virtual_connections: list[VirtualConnection] = []
        """Of IPVS, made in this branch."""
        self.recent: dict[str, dict[Address, RecentEntry | None]] = {}
        """What rules wrote to the lists of the match `recent`; None: taken out."""
        self.changed_sets: set[str] = set()
        """ipsets, and sets of nft with their table, that a rule changed: what they hold is not modelled."""
        self.added: dict[str, set[Hashable]] = {}
        """What rules added to sets of nft."""
        self.routes: dict[Hashable, tuple[InputRoute | OutputRoute | RouteError, Trace]] = {}
        """Answers to look-ups of this branch, with their steps: the same question gets the same one."""
        self.pmtu: dict[Address, int] = {}
        """Learned path MTUs, bytes."""
        self.clients: list[Client] = []
        """Sockets that this branch opened towards a destination."""
        self.servers: list[Server] = []
        """What this branch's packets reached: connections of listeners, datagram sockets."""

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What happens inside belongs to no journey: a look-up that only answers a question."""
        here, self.journey = self.journey, Journey()
        try:
            yield
        finally:
            self.journey = here

    @property
    def trace(self) -> list[Trace]:
        return self.journey.trace

    def where(self, **fields: Unpack[WhereFields]) -> Where:
        return Where(self.ns.place, **fields)

    def step(
        self, kind: StepKind, text: str, effect: str = "", *, tool: str = "", **fields: Unpack[WhereFields]
    ) -> Trace:
        return self.repeat(Trace(kind, Where(self.ns.place, **fields), text, effect, tool))

    def repeat(self, step: Trace) -> Trace:
        """A step that was taken before, or is taken now."""
        self.journey.trace.append(step)
        self.choices.effort.left -= STEP
        return step

    def lose(
        self,
        code: str,
        frame: Frame,
        message: str,
        *,
        where: Where | None = None,
        evidence: Sequence[str] = (),
        remedy: str = "",
        unanswered: Address | None = None,
    ) -> None:
        """The frame ends here; `code` is one of `model.codes`."""
        because = Suspicion(
            code=code,
            level=Level.FATAL,
            where=where or self.where(),
            message=message,
            evidence=tuple(evidence),
            remedy=remedy,
        )
        self.journey.losses.append(Loss(because=because, frame=frame, unanswered=unanswered))

    def give_up(self, code: str, frame: Frame, reason: str, *, where: Where | None = None) -> None:
        """The frame goes where the simulator cannot follow: its fate is unknown, for this reason."""
        because = Suspicion(code=code, level=Level.WARNING, where=where or self.where(), message=reason)
        self.journey.losses.append(Loss(because=because, frame=frame, unknown=Unknown(reason)))

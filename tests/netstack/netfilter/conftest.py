"""Builders: a router with rules as nft JSON or iptables-save text, packets, and their way through it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

import pytest

from kubectl_skoop.model.packet import Packet, Passage, TcpFlags
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.conntrack_types import ConntrackEntry
from kubectl_skoop.netstack.device import Device, InterfaceAddress
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.load import load_netfilter
from kubectl_skoop.netstack.netfilter.outcome import Outcome, Passed
from kubectl_skoop.netstack.netfilter.traverse import traverse
from kubectl_skoop.netstack.netfilter.types import Hook
from kubectl_skoop.netstack.stack import Stack


@dataclass
class Rules:
    """What `load_netfilter` takes; absent by default."""

    iptables_legacy: str | None = None
    ip6tables_legacy: str | None = None
    iptables_nft: str | None = None
    ip6tables_nft: str | None = None
    nft: object = None
    nft_raw: object = None
    hook_order: object = None
    gaps: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Router:
    """in0 (1) ─ router ─ out0 (2)."""

    stack: Stack

    def forward(self, packet: Packet, *, back: bool = False) -> Outcome:
        """The first outcome that is not Passed, else the last."""
        indev, outdev = (2, 1) if back else (1, 2)
        passage = Passage(iif=indev)
        result: Outcome = Passed(packet)
        for hook, i, o in (
            (Hook.PREROUTING, indev, 0),
            (Hook.FORWARD, indev, outdev),
            (Hook.POSTROUTING, indev, outdev),
        ):
            if isinstance(result, Passed):
                result = traverse(self.stack, hook, result.packet, passage, indev=i, outdev=o)
        return result

    def at(self, hook: Hook, packet: Packet, passage: Passage | None = None) -> Outcome:
        return traverse(self.stack, hook, packet, passage or Passage(), indev=1, outdev=2)


@pytest.fixture
def router() -> Callable[..., Router]:
    def make(
        *,
        script: Sequence[int] = (),
        conntrack: Sequence[ConntrackEntry] = (),
        use_existing: bool = False,
        addresses: Sequence[tuple[int, str]] = ((1, "10.77.1.1"), (2, "10.77.2.1")),
        **rules: object,
    ) -> Router:
        given = Rules(**rules)  # type: ignore[arg-type]
        ns = NetworkNamespace(
            id="router",
            place=Place("node", "router"),
            node="router",
            devices={1: Device(index=1, name="in0"), 2: Device(index=2, name="out0")},
            addresses=tuple(
                InterfaceAddress(device=device, address=ip_address(text), prefix=24)
                for device, text in addresses
            ),
            netfilter=load_netfilter(**vars(given)),
            conntrack=tuple(conntrack),
        )
        return Router(Stack(ns, Choices(script=tuple(script)), use_existing=use_existing))

    return make


@pytest.fixture
def tcp() -> Callable[..., Packet]:
    def make(
        src: str = "10.77.1.2",
        dst: str = "10.77.2.2",
        sport: int = 40000,
        dport: int = 80,
        flags: TcpFlags = TcpFlags.SYN,
    ) -> Packet:
        return Packet(
            src=ip_address(src), dst=ip_address(dst), protocol=6, sport=sport, dport=dport, flags=flags
        )

    return make

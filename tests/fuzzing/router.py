"""One host between two networks, whose rules a packet of each kind passes."""

from collections.abc import Mapping
from ipaddress import ip_address

from kubectl_skoop.model.packet import Packet, Passage, TcpFlags
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.device import Device, InterfaceAddress
from kubectl_skoop.netstack.ipset.types import IpSet
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.outcome import Passed
from kubectl_skoop.netstack.netfilter.traverse import traverse
from kubectl_skoop.netstack.netfilter.types import Hook, Netfilter
from kubectl_skoop.netstack.stack import Stack

_ENDS = (("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2"))
PACKETS = tuple(
    packet
    for src, dst in ((ip_address(a), ip_address(b)) for a, b in _ENDS)
    for packet in (
        Packet(src=src, dst=dst, protocol=6, sport=40000, dport=80, flags=TcpFlags.SYN),
        Packet(src=src, dst=dst, protocol=17, sport=40000, dport=53),
        Packet(
            src=src, dst=dst, protocol=1 if src.version == 4 else 58, icmp_type=8 if src.version == 4 else 128
        ),
    )
)
_WAY = (
    (Hook.PREROUTING, 1, 0),
    (Hook.INPUT, 1, 0),
    (Hook.FORWARD, 1, 2),
    (Hook.OUTPUT, 0, 2),
    (Hook.POSTROUTING, 1, 2),
)


def pass_all(netfilter: Netfilter, ipsets: Mapping[str, IpSet] | None = None) -> None:
    """Every packet at every hook, by the first answer to what is not decided, and by the second one."""
    ns = NetworkNamespace(
        id="router",
        place=Place("node", "router"),
        node="router",
        devices={1: Device(index=1, name="eth0"), 2: Device(index=2, name="eth1")},
        addresses=(InterfaceAddress(device=1, address=ip_address("10.0.0.9"), prefix=24),),
        netfilter=netfilter,
        ipsets=ipsets or {},
    )
    families = {family for base in netfilter.base_chains for family in base.families}
    for packet in PACKETS:
        if packet.family in families:
            met = _pass(ns, packet, Choices()).made
            if met:
                _pass(ns, packet, Choices(script=(1, 1, 1)))


def _pass(ns: NetworkNamespace, packet: Packet, choices: Choices) -> Choices:
    stack = Stack(ns, choices)
    passage = Passage(iif=1)
    for hook, indev, outdev in _WAY:
        end = traverse(stack, hook, packet, passage, indev=indev, outdev=outdev)
        if isinstance(end, Passed):
            packet = end.packet
    return choices

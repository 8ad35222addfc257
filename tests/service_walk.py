"""What the simulator makes of a new connection to a service that comes in: the other reader of the rules."""

from typing import Literal

from kubectl_skoop.diagnosis.services.door import Door, Target
from kubectl_skoop.diagnosis.walk.fan_out import fan_out
from kubectl_skoop.model.packet import Address, Packet, Passage, Protocol, TcpFlags
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.outcome import Passed
from kubectl_skoop.netstack.netfilter.traverse import traverse
from kubectl_skoop.netstack.netfilter.types import Hook
from kubectl_skoop.netstack.stack import Stack

Shares = dict[Target | Literal["dropped"] | None, float]
"""None: it goes on untranslated."""
_PROTOCOLS = {"tcp": Protocol.TCP, "udp": Protocol.UDP, "sctp": Protocol.SCTP}


def walked(ns: NetworkNamespace, door: Door, source: Address, device: str = "eth0") -> Shares:
    """`device`: by which it comes in."""
    index = ns.device_by_name[device].index
    protocol = _PROTOCOLS[door.protocol]

    def run(choices: Choices) -> Target | Literal["dropped"] | None:
        packet = Packet(
            src=source,
            dst=door.address,
            protocol=protocol,
            sport=40000,
            dport=door.port,
            flags=TcpFlags.SYN if protocol == Protocol.TCP else TcpFlags(0),
        )
        stack, passage = Stack(ns=ns, choices=choices), Passage(iif=index)
        end = traverse(stack, Hook.PREROUTING, packet, passage, indev=index, outdev=0)
        if not isinstance(end, Passed):
            return "dropped"
        return None if end.packet.dst == door.address else Target(end.packet.dst, end.packet.dport)

    shares: Shares = {}
    for way in fan_out(run, lambda target: target):
        shares[way.result] = shares.get(way.result, 0.0) + float(way.share)
    return shares

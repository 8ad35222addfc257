"""What lies beyond the underlay: nothing of it is collected, so all of it is assumption, and said to be."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from kubectl_skoop.diagnosis.branch import Branch
from kubectl_skoop.diagnosis.world import Port
from kubectl_skoop.model.packet import (
    ICMP_ECHO,
    ICMP_ECHO_REPLY,
    Address,
    Packet,
    Protocol,
    TcpFlags,
)
from kubectl_skoop.model.place import EndpointKind, Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.stack import Journey, Loss, Stack


@dataclass(frozen=True, slots=True)
class Outside:
    """Answers as a host would, to addresses that the outside can know; routes to nodes, not to pods."""

    kind_of: Callable[[Address], EndpointKind]

    def receive(
        self, branch: Branch, stack: Stack, device: Device, packet: Packet, nexthop: str, journey: Journey
    ) -> tuple[Port, Packet] | None:
        """The answer with the node's device that it arrives at; None: there is none."""
        kind = self.kind_of(packet.dst)
        where = Where(place=Place("external", nexthop))
        if kind in ("pod", "service"):
            branch.assume(f"the underlay has no route to {kind} addresses")
            self._lose(
                journey,
                packet,
                where,
                f"the packet for {kind} address {packet.dst} leaves {stack.ns.place} by {device.name} towards "
                f"{nexthop}, which is not part of the cluster",
            )
            return None
        if kind in ("node", "lb"):
            owner = branch.world.owner_of_address(packet.dst)
            if owner is not None:
                branch.assume(f"{nexthop} routes to {packet.dst}")
                return owner, replace(packet, ttl=packet.ttl - 1, src_mac="", dst_mac=owner.device.mac)
        reply = _reply(packet)
        if reply is None:
            return None
        journey.served = True
        branch.assume(f"{packet.dst} outside of the cluster answers")
        return self._back(branch, Port(stack.ns, device), reply, journey, where)

    def _back(
        self, branch: Branch, port: Port, reply: Packet, journey: Journey, where: Where
    ) -> tuple[Port, Packet] | None:
        if self.kind_of(reply.dst) == "pod":
            branch.assume("the outside has no route to pod addresses")
            self._lose(
                journey,
                reply,
                where,
                f"the answer goes to pod address {reply.dst}, to which the outside has no route: the source was "
                "not translated on the way out",
            )
            return None
        owner = branch.world.owner_of_address(reply.dst) or port
        return owner, replace(reply, dst_mac=owner.device.mac)

    def _lose(self, journey: Journey, packet: Packet, where: Where, message: str) -> None:
        because = Suspicion(code="external.unknown", level=Level.FATAL, where=where, message=message)
        journey.losses.append(Loss(because=because, frame=packet))


def _reply(packet: Packet) -> Packet | None:
    if packet.protocol == Protocol.ICMP and packet.icmp_type != ICMP_ECHO:
        return None
    if packet.flags & TcpFlags.RST:
        return None
    reply = replace(
        packet, src=packet.dst, dst=packet.src, sport=packet.dport, dport=packet.sport, ttl=60, src_mac=""
    )
    if packet.protocol == Protocol.ICMP:
        return replace(reply, icmp_type=ICMP_ECHO_REPLY)
    if packet.protocol == Protocol.TCP:
        if packet.flags & TcpFlags.SYN:
            return replace(reply, flags=TcpFlags.SYN | TcpFlags.ACK, mss=1460)
        return replace(reply, flags=TcpFlags.ACK | TcpFlags.PSH) if packet.length > 52 else None
    return reply

"""A router between the nodes, on the link of the one that it leads a packet to: whether it finds that node,
and what it tells the sender if not."""

from collections.abc import Sequence
from ipaddress import IPv4Address, ip_network

from kubectl_skoop.cluster.objects import NodeInfo
from kubectl_skoop.diagnosis.walk.outsider import OUTSIDE_MAC
from kubectl_skoop.diagnosis.walk.world import Port
from kubectl_skoop.model.packet import Address, Arp, Packet, Protocol
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack import receive
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.l4 import icmp
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.stack import Journey, Loss, Stack


def silence(
    stack: Stack, port: Port, packet: Packet, router: Address | None, named: Sequence[Address] = ()
) -> Loss | None:
    """Why the router gets no answer to its question for the device; None: it gets one, or knows the device
    from elsewhere, as it is not known to be on its link. `stack`: the device's. Who is asked learns from it.

    `named`: the node's addresses by the objects that are in the router's network; its routes lead by them.
    """
    target = _sought(port, packet, router, named)
    if target is None or not isinstance(router, IPv4Address):
        return None
    question = Arp(request=True, sender_mac=OUTSIDE_MAC, sender=router, target=target, src_mac=OUTSIDE_MAC)
    here, before = stack.journey, len(stack.out)
    stack.journey = Journey()
    receive.receive(stack, port.device.index, question)
    losses, stack.journey = stack.journey.losses, here
    sent = [stack.out.pop().frame for _ in range(len(stack.out) - before)]
    if any(frame.neighbour is not None and not frame.asks for frame in sent):
        return None
    if losses:
        return losses[0]._replace(frame=packet)
    message = f"{port.device.name} does not answer ARP for {target} that {router} sends"
    where = stack.where(device=port.device.name)
    because = Suspicion(code="neighbour.unresolved", level=Level.FATAL, where=where, message=message)
    return Loss(because=because, frame=packet)


def _sought(
    port: Port, packet: Packet, router: Address | None, named: Sequence[Address]
) -> IPv4Address | None:
    """The address that a router asks for: the packet's destination if it is on the link, else the node's
    there, whether or not the node still has it."""
    if port.branch:
        return None
    own = [
        entry.address
        for entry in port.ns.addresses
        if entry.device == port.device.index
        and isinstance(entry.address, IPv4Address)
        and router in ip_network((entry.address, entry.prefix), strict=False)
    ]
    if isinstance(packet.dst, IPv4Address) and packet.dst in own:
        return packet.dst
    return next((address for address in (*named, *own) if isinstance(address, IPv4Address)), None)


def beside(
    router: Address | None, ns: NetworkNamespace, device: Device, node: NodeInfo | None
) -> list[Address]:
    """The node's addresses that are in one network with the router, by the device that leads to it.

    `router`: None where a packet is addressed without one.
    """
    if router is None or node is None:
        return []
    networks = [
        network
        for entry in ns.addresses
        if entry.device == device.index
        and router in (network := ip_network((entry.address, entry.prefix), strict=False))
    ]
    return [address for address in node.internal_addresses if any(address in one for one in networks)]


def complaint(router: Address, packet: Packet) -> Packet | None:
    """Host unreachable, as routers say it of whom they do not find; None: it is not told of such a packet."""
    if icmp.is_error(packet) or packet.family != 4:
        return None
    kind, code = icmp.HOST_UNREACHABLE
    return Packet(
        src=router,
        dst=packet.src,
        protocol=Protocol.ICMP,
        icmp_type=kind,
        icmp_code=code,
        quoted=packet,
        length=min(576, 28 + packet.length),
    )


def doubt(lost: Loss, router: Address) -> Unknown:
    return Unknown(
        f"{lost.because.message}: whether {router} has to ask for who it leads packets to is not known"
    )

"""From INPUT to the protocols, and to the sockets that send (ip_protocol_deliver_rcu)."""

from collections.abc import Callable

from kubectl_skoop.model.packet import Packet, Passage, Protocol
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices import vxlan
from kubectl_skoop.netstack.l4 import icmp, tcp, udp
from kubectl_skoop.netstack.l4.endpoint import SYMPTOMS
from kubectl_skoop.netstack.neighbours import discovery
from kubectl_skoop.netstack.netfilter.outcome import Dropped, Outcome, Rejected, Unserved
from kubectl_skoop.netstack.routing.output import RouteError
from kubectl_skoop.netstack.stack import Stack

Receive = Callable[[Stack, Packet, Passage], None]


def deliver(stack: Stack, device: Device, packet: Packet, passage: Passage) -> None:
    """To its protocol. Which others this kernel takes (tunnels, SCTP) no snapshot says: unknown."""
    if packet.ipsec is not None and not packet.ipsec.in_udp:
        from kubectl_skoop.netstack.xfrm import ipsec_in

        ipsec_in.receive(stack, device, packet, passage)
        return
    match packet.protocol:
        case Protocol.ICMPV6 if packet.discovery is not None:
            discovery.receive(stack, device, packet)
        case Protocol.ICMP | Protocol.ICMPV6:
            icmp.deliver(stack, packet, passage)
        case Protocol.TCP:
            tcp.deliver(stack, device, packet, passage)
        case Protocol.UDP if packet.ipsec is None and (receive := _udp_tunnel(stack, packet)):
            receive(stack, packet, passage)
        case Protocol.UDP:
            udp.deliver(stack, device, packet, passage)
        case Protocol.IPIP | Protocol.IPV6 | Protocol.GRE if packet.inner is not None:
            from kubectl_skoop.netstack.devices import ip6_tunnel, ip_tunnel

            tunnel = ip_tunnel if packet.family == 4 else ip6_tunnel
            tunnel.receive(stack, packet, passage)
        case _:
            reason = f"delivery of IP protocol {packet.protocol} is not modelled"
            stack.give_up("device.unmodelled", packet, reason)


def _udp_tunnel(stack: Stack, packet: Packet) -> Receive | None:
    """The kind of device that has a socket of the kernel on the packet's port."""
    if vxlan.takes(stack, packet):
        return vxlan.receive
    if packet.in_udp is not None or stack.ns.fou:
        from kubectl_skoop.netstack.devices import fou

        if fou.takes(stack, packet):
            return fou.receive
    kinds = {device.kind for device in stack.ns.devices.values()}
    if "geneve" in kinds:
        from kubectl_skoop.netstack.devices import geneve

        if geneve.takes(stack, packet):
            return geneve.receive
    if "wireguard" in kinds:
        from kubectl_skoop.netstack.devices import wireguard

        if wireguard.takes(stack, packet):
            return wireguard.receive
    return None


def refused_locally(stack: Stack, packet: Packet, passage: Passage, result: Outcome) -> None:
    """The sender's own hook dropped it: a datagram's send fails with EPERM, TCP goes on trying (K-14)."""
    if not isinstance(result, Dropped | Rejected | Unserved) or passage.owner is None:
        return
    for client in stack.clients:
        port = packet.icmp_id if packet.protocol == Protocol.ICMP else packet.sport
        if (client.protocol, client.port) == (packet.protocol, port) and client.protocol != Protocol.TCP:
            client.fail(SYMPTOMS["EPERM"])


def unroutable_locally(stack: Stack, packet: Packet, route: RouteError) -> None:
    """The lookup after OUTPUT found nothing: a datagram's send fails with its errno, TCP goes on trying."""
    for client in stack.clients:
        if client.local == packet.src and client.protocol == packet.protocol != Protocol.TCP:
            client.fail(SYMPTOMS.get(route.errno, route.errno))

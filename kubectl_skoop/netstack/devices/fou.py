"""Packets of tunnels that come in UDP packets (net/ipv4/fou_core.c: fou_udp_recv, gue_udp_recv)."""

from kubectl_skoop.model.changed import changed
from kubectl_skoop.model.packet import Packet, Passage
from kubectl_skoop.netstack import gap
from kubectl_skoop.netstack.devices.fou_types import FouPort
from kubectl_skoop.netstack.stack import Stack


def takes(stack: Stack, packet: Packet) -> bool:
    """A socket of the kernel has the port, or may have it."""
    return _socket(stack, packet) is not None or (packet.in_udp is not None and bool(_unread(stack)))


def receive(stack: Stack, packet: Packet, passage: Passage) -> None:
    """The packet is handled once more, by the protocol that is inside, without the UDP header."""
    from kubectl_skoop.netstack.devices import ip_tunnel

    socket, carried = _socket(stack, packet), packet.in_udp
    if socket is None:
        stack.give_up("device.unmodelled", packet, _unread(stack))
        return
    passage_fits = socket.device in (0, passage.iif)
    if carried is None or not socket.takes(carried) or packet.family != 4 or not passage_fits:
        reason = f"what the socket of the kernel on UDP {socket} makes of other packets is not modelled"
        stack.give_up("device.unmodelled", packet, reason)
        return
    stack.step("tunnel", str(socket), "taken out of UDP")
    inside = changed(packet, protocol=carried.protocol, sport=0, dport=0, in_udp=None)
    ip_tunnel.receive(stack, inside, passage)


def _socket(stack: Stack, packet: Packet) -> FouPort | None:
    """Those that are bound to an end are asked only for packets of it (udp_lib_lookup)."""
    for socket in stack.ns.fou or ():
        if (
            (socket.port, socket.family) == (packet.dport, packet.family)
            and socket.local in (None, packet.dst)
            and socket.peer in (None, packet.src)
            and socket.peer_port in (0, packet.sport)
        ):
            return socket
    return None


def _unread(stack: Stack) -> str:
    """Why it is not known which ports the kernel takes such packets on; empty: it is."""
    if reason := gap.table(stack, "fou"):
        return reason
    return f"the ports of fou and gue of {stack.ns.place} were not collected" if stack.ns.fou is None else ""

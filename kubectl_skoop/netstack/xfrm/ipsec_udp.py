"""ESP in UDP that comes to a socket (RFC 3948; net/ipv4/xfrm4_input.c: xfrm4_udp_encap_rcv).

A socket takes ESP out if its program has set UDP_ENCAP, which no dump shows: sock_diag does not tell it. A
key daemon sets it for the port that the states which it then makes have as their destination.
"""

from kubectl_skoop.model.packet import IpsecHeader, Packet, Passage
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.l4 import socket_lookup
from kubectl_skoop.netstack.l4.socket_types import Socket
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.netstack.xfrm import ipsec_in
from kubectl_skoop.netstack.xfrm.sealing import ESP_HEADER, IP_HEADER, UDP_HEADER


def receive(
    stack: Stack, device: Device, packet: Packet, passage: Passage, header: IpsecHeader, socket: Socket
) -> None:
    """Where no state takes it out of UDP it is lost, whatever the socket is: no program reads it."""
    state = ipsec_in.state_of(stack, packet, header, passage.mark)
    if state is not None and state.encapsulation is not None:
        text = socket_lookup.socket_text(stack, socket)
        if socket.local.version != packet.family or state.encapsulation.dport != packet.dport:
            reason = f"whether the UDP socket {text} takes ESP out (UDP_ENCAP) is in no dump"
            stack.give_up("unknown", packet, reason, where=stack.where(device=device.name))
            return
        stack.assumptions.append(f"the UDP socket {text} takes ESP out (UDP_ENCAP), as a key daemon sets it")
    ipsec_in.receive(stack, device, packet, passage)


def swallows(stack: Stack, packet: Packet) -> bool:
    """Whether a program's datagram may be taken for ESP: if it is longer than the header of ESP, unless it
    begins with four zeros, as IKE does on this port (the non-ESP marker). What else a daemon's socket eats is
    one byte of ones (a NAT keepalive)."""
    if not any(
        state.encapsulation is not None
        and (state.destination, state.encapsulation.dport) == (packet.dst, packet.dport)
        for state in stack.ns.ipsec.states or ()
    ):
        return False
    stack.reliance.by_length()
    return packet.length > IP_HEADER[packet.family] + UDP_HEADER + ESP_HEADER

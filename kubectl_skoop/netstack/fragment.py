"""Fragments: a datagram stands for its largest one, which decides whether it fits."""

from dataclasses import replace

from kubectl_skoop.model.packet import Packet

IP_HEADER = 20


def largest(packet: Packet, mtu: int) -> Packet:
    """The first and largest fragment for a device with this MTU in bytes (ip_do_fragment)."""
    if packet.length <= mtu:
        return packet
    payload = (mtu - IP_HEADER) // 8 * 8
    return replace(
        packet,
        length=IP_HEADER + payload,
        datagram=packet.datagram or packet.length,
        more_fragments=True,
        gso=False,
    )


def whole(packet: Packet) -> Packet:
    """Put together again at its destination (ip_defrag)."""
    if not packet.datagram:
        return packet
    return replace(packet, length=packet.datagram, datagram=0, more_fragments=False, fragment_offset=0)

"""The bytes of a packet that the model holds: what rules ask by their place (`-m u32`, `@nh,0,8`)."""

from kubectl_skoop.model.packet import Packet, Protocol

_DF, _MF = 0x40, 0x20

Byte = int | None
"""None: a byte that the model does not hold (identification, sequence numbers, checksums, data)."""


def packet_octets(packet: Packet) -> list[Byte]:
    """From the IP header on; as long as the packet."""
    header = _ipv4(packet) if packet.family == 4 else _ipv6(packet)
    known: list[Byte] = [*header, *transport(packet)]
    known += [None] * max(packet.length - len(known), 0)
    return known[: packet.length]


def _ipv4(packet: Packet) -> list[Byte]:
    flags = (_DF if packet.df else 0) | (_MF if packet.more_fragments else 0)
    fragment = flags << 8 | packet.fragment_offset // 8
    total = packet.length.to_bytes(2, "big") if packet.length < 1 << 16 else (None, None)
    start: list[Byte] = [0x45, packet.tos, *total, None, None, *fragment.to_bytes(2, "big")]
    return [*start, packet.ttl, packet.protocol, None, None, *packet.src.packed, *packet.dst.packed]


def _ipv6(packet: Packet) -> list[Byte]:
    """Without the flow label."""
    payload = max(packet.length - 40, 0) & 0xFFFF
    start: list[Byte] = [0x60 | packet.tos >> 4, None, None, None, *payload.to_bytes(2, "big")]
    fragment = packet.fragment_offset or packet.more_fragments
    return [*start, None if fragment else packet.protocol, packet.ttl, *packet.src.packed, *packet.dst.packed]


def transport(packet: Packet) -> list[Byte]:
    """The beginning of its header, as far as it is known at all."""
    if packet.fragment_offset or (packet.family == 6 and packet.more_fragments):
        return []
    ports: list[Byte] = [*packet.sport.to_bytes(2, "big"), *packet.dport.to_bytes(2, "big")]
    match packet.protocol:
        case Protocol.TCP:
            return [*ports, *[None] * 9, int(packet.flags)]
        case Protocol.UDP | Protocol.SCTP:
            return ports
        case Protocol.ICMP | Protocol.ICMPV6:
            return [packet.icmp_type, packet.icmp_code]
    return []

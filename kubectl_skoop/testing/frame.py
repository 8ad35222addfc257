"""A packet or ARP message of the model as the bytes of its Ethernet frame, with right checksums."""

import struct
from collections.abc import Iterable
from ipaddress import IPv4Address

from kubectl_skoop.model.packet import Arp, Frame, Packet, Protocol

_ETHERTYPE = {4: 0x0800, 6: 0x86DD}
_ARP, _TAGGED = 0x0806, 0x8100
_DF, _MF = 0x4000, 0x2000
_IPV4_HEADER, _IPV6_HEADER, _FRAGMENT_HEADER = 20, 40, 8
_NEXT_FRAGMENT = 44
_UDPLITE = 136


def encode(frame: Frame, *, sequence: int = 1) -> bytes:
    """`sequence` is the TCP sequence number, the IP identification and the ICMP sequence number."""
    tag = b"" if frame.vlan is None else struct.pack("!HH", _TAGGED, frame.vlan)
    ethernet = _mac(frame.dst_mac) + _mac(frame.src_mac) + tag
    if isinstance(frame, Arp):
        return ethernet + struct.pack("!H", _ARP) + _arp(frame)
    return ethernet + struct.pack("!H", _ETHERTYPE[frame.family]) + _ip(frame, sequence)


def _arp(message: Arp) -> bytes:
    """RFC 826"""
    head = struct.pack("!HHBBH", 1, _ETHERTYPE[4], 6, 4, 1 if message.request else 2)
    sender = _mac(message.sender_mac) + message.sender.packed
    return head + sender + _mac(message.target_mac or "00:00:00:00:00:00") + message.target.packed


def _ip(packet: Packet, sequence: int) -> bytes:
    fragment = packet.fragment_offset or packet.more_fragments
    header = _IPV4_HEADER if packet.family == 4 else _IPV6_HEADER + (_FRAGMENT_HEADER if fragment else 0)
    space = max(packet.length - header, 0)
    body = b"P" * space if packet.fragment_offset else _transport(packet, sequence, space)
    if packet.family == 4:
        return _ipv4(packet, sequence, len(body)) + body
    return _ipv6(packet, sequence, len(body), fragment=bool(fragment)) + body


def _ipv4(packet: Packet, identification: int, payload: int) -> bytes:
    flags = (_DF if packet.df else 0) | (_MF if packet.more_fragments else 0) | packet.fragment_offset // 8

    def header(checksum: int) -> bytes:
        return struct.pack(
            "!BBHHHBBH4s4s",
            0x45,
            packet.tos,
            _IPV4_HEADER + payload,
            identification & 0xFFFF,
            flags,
            packet.ttl,
            packet.protocol,
            checksum,
            packet.src.packed,
            packet.dst.packed,
        )

    return header(checksum((header(0),)))


def _ipv6(packet: Packet, identification: int, payload: int, *, fragment: bool) -> bytes:
    extension = b""
    if fragment:
        offset = packet.fragment_offset & ~7 | (1 if packet.more_fragments else 0)
        extension = struct.pack("!BBHI", packet.protocol, 0, offset, identification)
    return (
        struct.pack(
            "!IHBB",
            6 << 28 | packet.tos << 20,
            len(extension) + payload,
            _NEXT_FRAGMENT if fragment else packet.protocol,
            packet.ttl,
        )
        + packet.src.packed
        + packet.dst.packed
        + extension
    )


def _transport(packet: Packet, sequence: int, space: int) -> bytes:
    match packet.protocol:
        case Protocol.TCP:
            options = struct.pack("!BBH", 2, 4, packet.mss) if packet.mss else b""
            offset = (20 + len(options)) // 4 << 4
            ports = (packet.sport, packet.dport)
            start = struct.pack("!HHIIBBH", *ports, sequence, 0, offset, int(packet.flags), 64240)
            return _with_checksum(packet, start, options, space)
        case Protocol.UDP:
            start = struct.pack("!HHH", packet.sport, packet.dport, max(space, 8))
            return _with_checksum(packet, start, b"", space, urgent=False)
        case Protocol.ICMP | Protocol.ICMPV6:
            rest = struct.pack("!HH", packet.icmp_id, sequence & 0xFFFF)
            start = struct.pack("!BB", packet.icmp_type, packet.icmp_code)
            return _with_checksum(packet, start, rest, space, urgent=False)
        case Protocol.SCTP:
            return struct.pack("!HHII", packet.sport, packet.dport, 0, 0).ljust(space, b"\0")
    return struct.pack("!HH", packet.sport, packet.dport).ljust(space, b"\0")


def _with_checksum(packet: Packet, start: bytes, end: bytes, space: int, *, urgent: bool = True) -> bytes:
    tail = (b"\0\0" if urgent else b"") + end
    tail = tail.ljust(space - len(start) - 2, b"\0")
    length = len(start) + 2 + len(tail)
    pseudo = b"" if packet.protocol == Protocol.ICMP else _pseudo_header(packet, length)
    value = checksum((pseudo, start, b"\0\0", tail))
    if packet.protocol == Protocol.UDP and not value:
        value = 0xFFFF
    return start + struct.pack("!H", value) + tail


def _pseudo_header(packet: Packet, length: int) -> bytes:
    addresses = packet.src.packed + packet.dst.packed
    if isinstance(packet.src, IPv4Address):
        return addresses + struct.pack("!BBH", 0, packet.protocol, length)
    return addresses + struct.pack("!II", length, packet.protocol)


def checksum(parts: Iterable[bytes]) -> int:
    """RFC 1071."""
    data = b"".join(parts)
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))

"""Is this packet in that set?

Kernel: net/netfilter/ipset, ip_set_core.c (ip_set_test), ip_set_hash_gen.h (mtype_test_cidrs), and the kadt
function of each type. A field that the packet does not have makes it no member.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.ipset.member import ANY_MAC, ANY_PROTOCOL, Key, Members, Part
from kubectl_skoop.netstack.ipset.types import Dimension, IpSet

Direction = Literal["src", "dst"]

_UDPLITE = 136
_WITH_PORTS = frozenset({Protocol.TCP, Protocol.UDP, Protocol.SCTP, _UDPLITE})
_ICMP = frozenset({Protocol.ICMP, Protocol.ICMPV6})
_ZERO_MAC = "00:00:00:00:00:00"
_NUMBER = re.compile(r"0x[0-9a-f]{1,8}|[0-9]{1,3}", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a set may ask about a packet."""

    packet: Packet
    mark: int = 0
    indev: str = ""
    outdev: str = ""
    framed: bool = False
    """It came in by an Ethernet device, so there is a frame."""


def lookup(
    sets: Mapping[str, IpSet],
    name: str,
    subject: Subject,
    directions: Sequence[Direction],
    *,
    return_nomatch: bool = False,
) -> Ternary:
    """`directions` are those of --match-set, one a dimension."""
    ipset = sets.get(name)
    if ipset is None:
        return Unknown(f"set {name} is not in the dump")
    dimensions = ipset.dimensions
    if not dimensions:
        return Unknown(f"set type {ipset.type} is not modelled")
    if not ipset.entries:
        return False
    if len(directions) < len(dimensions) or ipset.family not in {0, subject.packet.family}:
        return False
    for option in ("bitmask", "netmask", "markmask"):
        value = ipset.options.get(option)
        if value is not None and (option == "bitmask" or not _NUMBER.fullmatch(value)):
            return Unknown(f"option {option} of set {name} is not modelled")
    if dimensions == ("set",):
        return _any_listed(sets, ipset, subject, directions, return_nomatch=return_nomatch)
    query: list[Part] = []
    for dimension, direction in zip(dimensions, directions, strict=False):
        part = _part(ipset, dimension, direction, subject)
        if part is None or isinstance(part, Unknown):
            return False if part is None else part
        query.append(part)
    found = _find(ipset, query)
    if found is None:
        return Unknown(f"set {name} has members that are not modelled") if ipset.members.unreadable else False
    nomatch = found
    if return_nomatch and "net" in dimensions:
        return nomatch
    return not nomatch


def _any_listed(
    sets: Mapping[str, IpSet],
    ipset: IpSet,
    subject: Subject,
    directions: Sequence[Direction],
    *,
    return_nomatch: bool,
) -> Ternary:
    unknown: Unknown | None = None
    for name in ipset.listed:
        member = sets.get(name)
        if member is not None and member.type == ipset.type:
            unknown = Unknown(f"set {ipset.name} lists a list")
            continue
        answer = lookup(sets, name, subject, directions, return_nomatch=return_nomatch)
        if isinstance(answer, Unknown):
            unknown = answer if unknown is None else unknown
        elif answer:
            return True
    return False if unknown is None else unknown


def _part(
    ipset: IpSet, dimension: Dimension, direction: Direction, subject: Subject
) -> Part | Unknown | None:
    """The packet's value of one dimension; None: it has none."""
    packet, source = subject.packet, direction == "src"
    match dimension:
        case "ip":
            address = int(packet.src if source else packet.dst)
            return address & _netmask(ipset) if "netmask" in ipset.options else address
        case "net":
            return int(packet.src if source else packet.dst)
        case "port":
            return _bitmap_port(packet, source) if ipset.type == "bitmap:port" else _port(packet, source)
        case "mac":
            return _mac(subject, source)
        case "mark":
            return subject.mark & _number(ipset.options.get("markmask", "0xffffffff"))
        case "iface":
            return (subject.indev if source else subject.outdev) or None
    return None


def _netmask(ipset: IpSet) -> int:
    bits = 128 if ipset.family == 6 else 32
    length = min(_number(ipset.options["netmask"]), bits)
    return (1 << bits) - (1 << (bits - length))


def _number(text: str) -> int:
    """Of a text that fits `_NUMBER`."""
    return int(text, 16 if text[:2] in ("0x", "0X") else 10)


def _port(packet: Packet, source: bool) -> Part | None:
    """ip_set_getport.c: a later fragment has none; other protocols have port 0 (IPv4: fragments too)."""
    known = packet.protocol in _WITH_PORTS or packet.protocol in _ICMP
    if packet.fragment_offset and (known or packet.family == 6):
        return None
    if packet.protocol in _ICMP:
        return packet.protocol, packet.icmp_type << 8 | packet.icmp_code
    return packet.protocol, (packet.sport if source else packet.dport) if known else 0


def _bitmap_port(packet: Packet, source: bool) -> Part | None:
    """ip_set_bitmap_port.c, ip_set_get_ip_port: TCP and UDP alike, nothing else."""
    if packet.protocol not in {Protocol.TCP, Protocol.UDP} or packet.fragment_offset:
        return None
    return ANY_PROTOCOL, packet.sport if source else packet.dport


def _mac(subject: Subject, source: bool) -> Part | Unknown | None:
    if not subject.framed:
        return None
    mac = subject.packet.src_mac if source else subject.packet.dst_mac
    if not mac:
        return Unknown("the frame's MAC addresses are not known")
    return None if mac == _ZERO_MAC else mac


def _find(ipset: IpSet, query: Sequence[Part]) -> bool | None:
    """Whether the most specific member that covers the query says nomatch; None: there is none.

    hash:net,iface ends at the most specific net that it holds with any device (hash_netiface4_data_equal).
    """
    members, bits = ipset.members, 128 if ipset.family == 6 else 32
    for lengths in members.lengths:
        key = _key(ipset.dimensions, query, lengths, bits)
        nomatch = members.nomatch.get(key)
        if nomatch is None:
            nomatch = _by_prefix(members, key)
        if nomatch is None and ipset.type == "bitmap:ip,mac":
            nomatch = members.nomatch.get((key[0], ANY_MAC))
        if nomatch is not None or key[:-1] in members.nets:
            return nomatch
    return None


def _key(dimensions: Sequence[Dimension], query: Sequence[Part], lengths: Sequence[int], bits: int) -> Key:
    remaining = iter(lengths)
    parts: list[Part] = []
    for dimension, part in zip(dimensions, query, strict=True):
        if dimension == "net" and isinstance(part, int):
            length = next(remaining)
            parts.append((part >> (bits - length) << (bits - length), length))
        else:
            parts.append(part)
    return tuple(parts)


def _by_prefix(members: Members, key: Key) -> bool | None:
    for net, beginning, nomatch in members.prefixes:
        if net == key[:-1] and str(key[-1]).startswith(beginning):
            return nomatch
    return None

"""Conntrack tuples: what of a packet identifies its connection (nf_conntrack_core.c, nf_ct_get_tuple)."""

from kubectl_skoop.model.changed import changed
from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.netstack.conntrack_types import Tuple

PORT_PROTOCOLS = frozenset({Protocol.TCP, Protocol.UDP, Protocol.SCTP, 33, 136})
"""TCP, UDP, SCTP, DCCP, UDP-Lite."""
ICMP_PROTOCOLS = frozenset({Protocol.ICMP, Protocol.ICMPV6})

_PAIRS = ((8, 0), (13, 14), (15, 16), (17, 18), (128, 129), (139, 140))
QUERY_ANSWER = dict(_PAIRS) | {answer: query for query, answer in _PAIRS}
"""ICMP and ICMPv6 query types with their answers, both ways (nf_conntrack_proto_icmp.c, invmap)."""
ICMP_ERRORS = frozenset({3, 4, 5, 11, 12})
ICMP_REDIRECTS: dict[int, int] = {Protocol.ICMP: 5, Protocol.ICMPV6: 137}


def tuple_of(packet: Packet) -> Tuple:
    """ICMP: id for the source port, type and code for the other; what has no ports has 0."""
    if packet.protocol in PORT_PROTOCOLS:
        return Tuple(
            src=packet.src,
            dst=packet.dst,
            protocol=packet.protocol,
            sport=packet.sport,
            dport=packet.dport,
        )
    if packet.protocol in ICMP_PROTOCOLS:
        kind = packet.icmp_type << 8 | packet.icmp_code
        return Tuple(
            src=packet.src,
            dst=packet.dst,
            protocol=packet.protocol,
            sport=packet.icmp_id,
            dport=kind,
        )
    return Tuple(src=packet.src, dst=packet.dst, protocol=packet.protocol)


def invert(value: Tuple) -> Tuple:
    """The tuple that the answer has (nf_ct_invert_tuple)."""
    if value.protocol in ICMP_PROTOCOLS:
        kind, code = divmod(value.dport, 256)
        dport = QUERY_ANSWER.get(kind, kind) << 8 | code
        return value._replace(src=value.dst, dst=value.src, dport=dport)
    return Tuple(value.dst, value.src, value.protocol, value.dport, value.sport)


def is_icmp_error(packet: Packet) -> bool:
    """It is looked up by the packet that it quotes (icmp_error_message, nf_conntrack_icmpv6_error)."""
    if packet.protocol == Protocol.ICMP:
        return packet.icmp_type in ICMP_ERRORS
    return packet.protocol == Protocol.ICMPV6 and (packet.icmp_type < 128 or packet.icmp_type == 137)


def with_source(packet: Packet, target: Tuple) -> Packet:
    """The packet with the source side of `target` (nf_nat_manip_pkt, NF_NAT_MANIP_SRC)."""
    if packet.protocol in PORT_PROTOCOLS:
        return changed(packet, src=target.src, sport=target.sport)
    return _with_icmp_id(changed(packet, src=target.src), target)


def with_destination(packet: Packet, target: Tuple) -> Packet:
    """The packet with the destination side of `target` (nf_nat_manip_pkt, NF_NAT_MANIP_DST)."""
    if packet.protocol in PORT_PROTOCOLS:
        return changed(packet, dst=target.dst, dport=target.dport)
    return _with_icmp_id(changed(packet, dst=target.dst), target)


def _with_icmp_id(packet: Packet, target: Tuple) -> Packet:
    """Queries carry the id, whichever side is changed (icmp_manip_pkt)."""
    if packet.protocol in ICMP_PROTOCOLS and packet.icmp_type in QUERY_ANSWER:
        return changed(packet, icmp_id=target.sport)
    return packet

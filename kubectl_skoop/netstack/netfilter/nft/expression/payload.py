"""Header fields: `ip saddr`, `tcp dport`, `th dport` … (nft_payload.c)."""

from collections.abc import Callable
from dataclasses import dataclass

from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft import datatype as types
from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype, Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import field as field_of
from kubectl_skoop.netstack.netfilter.nft.document import text
from kubectl_skoop.netstack.netfilter.nft.expression import link_header
from kubectl_skoop.netstack.netfilter.nft.expression.raw_payload import RawPayload, parse_raw
from kubectl_skoop.netstack.netfilter.nft.expression.value import ABSENT, Reading
from kubectl_skoop.netstack.netfilter.tuples import ICMP_PROTOCOLS, PORT_PROTOCOLS
from kubectl_skoop.netstack.netfilter.types import RuleContext

Field = tuple[Datatype, Callable[[Packet], int | Unknown]]


def _header_length(packet: Packet) -> int:
    network = 20 if packet.family == 4 else 40
    return packet.length - network


def _first_word(packet: Packet) -> int | Unknown:
    """`th sport`: type and code of an ICMP message stand where other protocols have the source port."""
    if packet.protocol in PORT_PROTOCOLS:
        return packet.sport
    if packet.protocol in ICMP_PROTOCOLS:
        return packet.icmp_type << 8 | packet.icmp_code
    return Unknown(f"what protocol {packet.protocol:d} has in the place of the source port")


def _second_word(packet: Packet) -> int | Unknown:
    """`th dport`"""
    if packet.protocol in PORT_PROTOCOLS:
        return packet.dport
    if packet.protocol in ICMP_PROTOCOLS:
        return Unknown("the checksum of an ICMP message, which is in the place of the destination port")
    return Unknown(f"what protocol {packet.protocol:d} has in the place of the destination port")


_IP: dict[str, Field] = {
    "saddr": (types.IPV4, lambda packet: int(packet.src)),
    "daddr": (types.IPV4, lambda packet: int(packet.dst)),
    "protocol": (types.PROTOCOL, lambda packet: packet.protocol),
    "ttl": (types.INTEGER, lambda packet: packet.ttl),
    "length": (types.INTEGER, lambda packet: packet.length),
    "dscp": (types.DSCP, lambda packet: packet.tos >> 2),
    "ecn": (types.INTEGER, lambda packet: packet.tos & 3),
    "version": (types.INTEGER, lambda packet: 4),
    "hdrlength": (types.INTEGER, lambda packet: 5),
    "frag-off": (
        types.INTEGER,
        lambda packet: packet.fragment_offset // 8 | packet.more_fragments << 13 | packet.df << 14,
    ),
}


def _next_header(packet: Packet) -> int:
    """In the IP header itself; AH is an extension header."""
    if packet.ipsec is not None and packet.ipsec.protocol == Protocol.AH:
        return Protocol.AH
    return packet.protocol


_IP6: dict[str, Field] = {
    "saddr": (types.IPV6, lambda packet: int(packet.src)),
    "daddr": (types.IPV6, lambda packet: int(packet.dst)),
    "nexthdr": (types.PROTOCOL, _next_header),
    "hoplimit": (types.INTEGER, lambda packet: packet.ttl),
    "length": (types.INTEGER, lambda packet: packet.length - 40),
    "dscp": (types.DSCP, lambda packet: packet.tos >> 2),
    "ecn": (types.INTEGER, lambda packet: packet.tos & 3),
    "version": (types.INTEGER, lambda packet: 6),
}
_PORTS: dict[str, Field] = {
    "sport": (types.SERVICE, lambda packet: packet.sport),
    "dport": (types.SERVICE, lambda packet: packet.dport),
}
_TRANSPORT: dict[str, Field] = {
    "sport": (types.SERVICE, _first_word),
    "dport": (types.SERVICE, _second_word),
}
_TCP: dict[str, Field] = {**_PORTS, "flags": (types.TCP_FLAGS, lambda packet: int(packet.flags))}
_UDP: dict[str, Field] = {**_PORTS, "length": (types.INTEGER, _header_length)}
_ICMP: dict[str, Field] = {
    "type": (types.ICMP_TYPE, lambda packet: packet.icmp_type),
    "code": (types.ICMP_CODE, lambda packet: packet.icmp_code),
    "id": (types.INTEGER, lambda packet: packet.icmp_id),
    "mtu": (types.INTEGER, lambda packet: packet.icmp_mtu),
}
_ICMPV6: dict[str, Field] = {
    **_ICMP,
    "type": (types.ICMPV6_TYPE, lambda packet: packet.icmp_type),
    "code": (types.ICMPV6_CODE, lambda packet: packet.icmp_code),
}


def _spi(packet: Packet) -> int | Unknown:
    header = packet.ipsec
    return header.spi if header is not None else Unknown(f"the SPI of protocol {packet.protocol}")


_IPSEC: dict[str, Field] = {"spi": (types.INTEGER, _spi)}
_IPCOMP: dict[str, Field] = {
    "cpi": (types.INTEGER, lambda packet: Unknown("what IPComp says of its packets")),
}


def _carries(protocol: int) -> Callable[[Packet], bool]:
    return lambda packet: packet.protocol == protocol


_HEADERS: dict[str, tuple[Callable[[Packet], bool], dict[str, Field]]] = {
    "ip": (lambda packet: packet.family == 4, _IP),
    "ip6": (lambda packet: packet.family == 6, _IP6),
    "th": (lambda packet: True, _TRANSPORT),
    "tcp": (_carries(Protocol.TCP), _TCP),
    "udp": (_carries(Protocol.UDP), _UDP),
    "sctp": (_carries(Protocol.SCTP), _PORTS),
    "dccp": (_carries(33), _PORTS),
    "udplite": (_carries(136), _PORTS),
    "esp": (_carries(Protocol.ESP), _IPSEC),
    "ah": (_carries(Protocol.AH), _IPSEC),
    "comp": (_carries(Protocol.COMP), _IPCOMP),
    "icmp": (_carries(Protocol.ICMP), _ICMP),
    "icmpv6": (_carries(Protocol.ICMPV6), _ICMPV6),
}


_RAW = {
    ("ll", 0, 48): ("ether", "daddr"),
    ("ll", 48, 48): ("ether", "saddr"),
}
"""What nft 1.0.6 does not name behind a match of the VLAN tag: base, offset and length in bits."""
_BELOW_TRANSPORT = frozenset({"ip", "ip6"})


@dataclass(frozen=True, slots=True)
class Payload:
    protocol: str
    field: str
    checked: bool = False
    """The rule asks for the protocol before, in a comparison of its own."""

    @property
    def types(self) -> tuple[Datatype, ...]:
        of_link = link_header.FIELDS.get((self.protocol, self.field))
        return ((of_link or _HEADERS[self.protocol][1][self.field])[0],)

    def read(self, ctx: RuleContext) -> Reading:
        """Of a later fragment, nft takes what stands there for the transport header (seen on 6.18; K-6)."""
        if (self.protocol, self.field) in link_header.FIELDS:
            return link_header.read(ctx, self.protocol, self.field, checked=self.checked)
        present, fields = _HEADERS[self.protocol]
        if not isinstance(ctx.frame, Packet) or not present(ctx.frame):
            return ABSENT
        if not self.checked and (unknown := link_header.behind_tag(ctx)) is not None:
            return unknown
        if ctx.frame.fragment_offset and self.protocol not in _BELOW_TRANSPORT:
            return Unknown(f"data of a later fragment in the place of {self.protocol} {self.field}")
        if self.field == "length":
            ctx.stack.reliance.by_length()
        return fields[self.field][1](ctx.frame)


def parse_payload(body: object, *, checked: bool = False) -> Payload | RawPayload:
    """`checked`: see `Payload`. Raises Unmodelled."""
    raw = field_of(body, "base"), field_of(body, "offset"), field_of(body, "len")
    if raw in _RAW:
        return Payload(*_RAW[raw], checked)
    if raw[0] is not None:
        return parse_raw(*raw)
    protocol, field = text(body, "protocol"), text(body, "field")
    known = protocol in _HEADERS and field in _HEADERS[protocol][1]
    if not known and (protocol, field) not in link_header.FIELDS:
        raise Unmodelled(f"the header field {protocol} {field}")
    return Payload(protocol, field, checked)

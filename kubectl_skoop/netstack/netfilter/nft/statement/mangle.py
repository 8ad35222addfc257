"""Statements that change the packet or what belongs to it: `meta mark set`, `ct mark set`, `ip ttl set` …"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import IPv4Address, IPv6Address

from kubectl_skoop.model.packet import Arp, Frame, Packet, PacketType, TcpFlags
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter import conntrack
from kubectl_skoop.netstack.netfilter.labels import set_label
from kubectl_skoop.netstack.netfilter.nft import datatype as types
from kubectl_skoop.netstack.netfilter.nft.datatype import Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import field, single, text
from kubectl_skoop.netstack.netfilter.nft.expression.option import (
    MaximumSegment,
    TcpHeader,
    parse_option,
)
from kubectl_skoop.netstack.netfilter.nft.expression.parse import Scope, parse_mapping
from kubectl_skoop.netstack.netfilter.nft.expression.payload import Payload, parse_payload
from kubectl_skoop.netstack.netfilter.nft.expression.value import Absent, Constant, Expression
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Outcome, Progress
from kubectl_skoop.netstack.netfilter.types import RuleContext, Stolen

_IGNORED_META = frozenset({"nftrace", "priority", "secmark"})
_IGNORED_CT = frozenset({"helper", "timeout", "expectation", "event", "secmark"})


def _set_mark(ctx: RuleContext, value: int) -> None:
    ctx.passage.mark = value


def _set_ct_mark(ctx: RuleContext, value: int) -> None:
    connection = conntrack.connection_of(ctx.passage)
    if connection is not None:
        connection.mark = value


def _set_ct_label(ctx: RuleContext, value: int) -> None:
    """nf_connlabels_replace: beside those that it has."""
    connection = conntrack.connection_of(ctx.passage)
    if connection is None:
        return
    for number in range(value.bit_length()):
        if value >> number & 1 and isinstance(set_label(connection, str(number)), Unknown):
            connection.labels = None


def _forget_labels(ctx: RuleContext, value: int) -> None:
    connection = conntrack.connection_of(ctx.passage)
    if connection is not None:
        connection.labels = None


def _set_ct_zone(ctx: RuleContext, value: int) -> None:
    conntrack.set_zone(ctx.passage, value)


def _set_mss(ctx: RuleContext, value: int) -> None:
    """Never raises it; of a segment without the option the rule goes on (nft_exthdr_tcp_set_eval)."""
    if ctx.packet.mss > value:
        ctx.packet = replace(ctx.packet, mss=value)


def _set_packet_type(ctx: RuleContext, value: int) -> None:
    """nft_meta_set_eval: only among those that a device tells apart."""
    ctx.passage.packet_type = PacketType(value)


def _arp(change: Callable[[Arp, int], Arp]) -> Callable[[Frame, int], Frame]:
    return lambda frame, value: change(frame, value) if isinstance(frame, Arp) else frame


def _mac(value: int) -> str:
    return value.to_bytes(6).hex(":")


_LINK_HEADER: dict[tuple[str, str], Callable[[Frame, int], Frame]] = {
    ("ether", "saddr"): lambda frame, value: replace(frame, src_mac=_mac(value)),
    ("ether", "daddr"): lambda frame, value: replace(frame, dst_mac=_mac(value)),
    ("arp", "saddr ip"): _arp(lambda message, value: replace(message, sender=IPv4Address(value))),
    ("arp", "daddr ip"): _arp(lambda message, value: replace(message, target=IPv4Address(value))),
    ("arp", "saddr ether"): _arp(lambda message, value: replace(message, sender_mac=_mac(value))),
    ("arp", "daddr ether"): _arp(lambda message, value: replace(message, target_mac=_mac(value))),
}
_HEADER: dict[tuple[str, str], Callable[[Packet, int], Packet]] = {
    ("ip", "saddr"): lambda packet, value: replace(packet, src=IPv4Address(value)),
    ("ip", "daddr"): lambda packet, value: replace(packet, dst=IPv4Address(value)),
    ("ip6", "saddr"): lambda packet, value: replace(packet, src=IPv6Address(value)),
    ("ip6", "daddr"): lambda packet, value: replace(packet, dst=IPv6Address(value)),
    ("ip", "ttl"): lambda packet, value: replace(packet, ttl=value),
    ("ip6", "hoplimit"): lambda packet, value: replace(packet, ttl=value),
    ("ip", "dscp"): lambda packet, value: replace(packet, tos=value << 2 | packet.tos & 3),
    ("ip6", "dscp"): lambda packet, value: replace(packet, tos=value << 2 | packet.tos & 3),
    ("ip", "ecn"): lambda packet, value: replace(packet, tos=packet.tos & ~3 | value),
    ("tcp", "flags"): lambda packet, value: replace(packet, flags=TcpFlags(value)),
    **{
        (protocol, "sport"): lambda packet, value: replace(packet, sport=value)
        for protocol in ("tcp", "udp", "sctp", "th")
    },
    **{
        (protocol, "dport"): lambda packet, value: replace(packet, dport=value)
        for protocol in ("tcp", "udp", "sctp", "th")
    },
}


@dataclass(frozen=True, slots=True)
class Assignment:
    target: Callable[[RuleContext, int], None]
    value: Expression
    requires: Expression | None = None
    """A header that must be there, else the rule ends."""

    def execute(self, ctx: RuleContext) -> Outcome:
        value = self.value.read(ctx)
        present = self.requires.read(ctx) if self.requires else True
        if isinstance(value, Absent) or isinstance(present, Absent):
            return Progress.BREAK
        for reading in (present, value):
            if isinstance(reading, Unknown):
                return Stolen(reading)
        if not isinstance(value, int):
            return Stolen(Unknown("a value that is no number"))
        self.target(ctx, value)
        return Progress.NEXT


@dataclass(frozen=True, slots=True)
class Ignored:
    """It changes nothing that a packet's fate depends on."""

    def execute(self, ctx: RuleContext) -> Outcome:
        return Progress.NEXT


def parse_mangle(body: object, scope: Scope) -> Assignment | Ignored:
    """Raises Unmodelled."""
    kind, key = single(field(body, "key"))
    value = field(body, "value")
    match kind:
        case "meta" if text(key, "key") == "mark":
            return Assignment(_set_mark, parse_mapping(value, (types.MARK,), scope))
        case "meta" if text(key, "key") == "pkttype":
            return Assignment(_set_packet_type, parse_mapping(value, (types.PACKET_TYPE,), scope))
        case "meta" if text(key, "key") in _IGNORED_META:
            return Ignored()
        case "ct" if text(key, "key") == "mark":
            return Assignment(_set_ct_mark, parse_mapping(value, (types.MARK,), scope))
        case "ct" if text(key, "key") == "zone" and field(key, "dir") is None:
            return Assignment(_set_ct_zone, parse_mapping(value, (types.INTEGER,), scope))
        case "ct" if text(key, "key") == "label":
            return _label(value, scope)
        case "ct" if text(key, "key") in _IGNORED_CT:
            return Ignored()
        case "payload":
            header = parse_payload(key, checked=scope.checked)
            if isinstance(header, Payload):
                return _parse_header(header, value, scope)
        case "tcp option" if isinstance(option := parse_option(key), MaximumSegment) and not option.exists:
            return Assignment(_set_mss, parse_mapping(value, (types.INTEGER,), scope), TcpHeader())
    raise Unmodelled(f"setting {kind} {field(key, 'key') or ''}".rstrip())


def _label(value: object, scope: Scope) -> Assignment:
    """A name of connlabel.conf stands for a number that is not known: then the labels are not, either."""
    try:
        return Assignment(_set_ct_label, parse_mapping(value, (types.CT_LABEL,), scope))
    except Unmodelled:
        return Assignment(_forget_labels, Constant((types.INTEGER,), 0))


def _parse_header(header: Payload, value: object, scope: Scope) -> Assignment:
    number = parse_mapping(value, header.types, scope)
    if of_link := _LINK_HEADER.get((header.protocol, header.field)):
        return Assignment(partial(_change_frame, of_link), number, header)
    if of_ip := _HEADER.get((header.protocol, header.field)):
        return Assignment(partial(_change_packet, of_ip), number, header)
    raise Unmodelled(f"setting {header.protocol} {header.field}")


def _change_frame(change: Callable[[Frame, int], Frame], ctx: RuleContext, number: int) -> None:
    ctx.frame = change(ctx.frame, number)


def _change_packet(change: Callable[[Packet, int], Packet], ctx: RuleContext, number: int) -> None:
    ctx.packet = change(ctx.packet, number)

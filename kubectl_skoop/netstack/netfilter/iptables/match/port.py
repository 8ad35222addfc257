"""-m udp, -m udplite, -m sctp, -m dccp: ports. Also the port comparison of -m tcp."""

from typing import NamedTuple

from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Option, Options, number
from kubectl_skoop.netstack.netfilter.types import RuleContext

_ARITY = {"--sport": 1, "--source-port": 1, "--dport": 1, "--destination-port": 1}


class PortRange(NamedTuple):
    """--sport, --dport; both ends belong to it."""

    low: int = 0
    high: int = 0xFFFF
    negated: bool = False

    def covers(self, port: int) -> bool:
        return (self.low <= port <= self.high) != self.negated


ANY_PORT = PortRange()


class Ports(NamedTuple):
    """Kernel: xt_tcpudp.c, udp_mt; xt_sctp.c, sctp_mt; xt_dccp.c, dccp_mt."""

    source: PortRange = ANY_PORT
    destination: PortRange = ANY_PORT
    more: str = ""
    """What else is asked for and not modelled."""
    native: bool = False

    def matches(self, ctx: RuleContext) -> Ternary:
        packet = ctx.packet
        if packet.fragment_offset:
            return later_fragment(native=self.native)
        if not (self.source.covers(packet.sport) and self.destination.covers(packet.dport)):
            return False
        return Unknown(f"{self.more} is not modelled") if self.more else True


def later_fragment(*, native: bool) -> Ternary:
    """It has no ports and never matches; but nft_payload_fast_eval reads its data in their place."""
    return Unknown("nft takes the data of a later fragment for ports") if native else False


def port(text: str) -> int:
    """Raises: Unreadable."""
    return number(text, 0xFFFF)


def port_range(option: Option | None) -> PortRange:
    if option is None:
        return ANY_PORT
    low, colon, high = option.values[0].partition(":")
    if not colon:
        return PortRange(port(low), port(low), option.negated)
    return PortRange(port(low) if low else 0, port(high) if high else 0xFFFF, option.negated)


def source_ports(options: Options) -> PortRange:
    return port_range(options.find("--sport", "--source-port"))


def destination_ports(options: Options) -> PortRange:
    return port_range(options.find("--dport", "--destination-port"))


def _parse(options: Options) -> Ports:
    asked = options.find("--chunk-types", "--dccp-types", "--dccp-option")
    more = asked.name if asked else ""
    return Ports(source_ports(options), destination_ports(options), more)


def _parse_udp(options: Options) -> Ports:
    native = options.native and bool(options.given)
    return Ports(source_ports(options), destination_ports(options), native=native)


KINDS = {
    "udp": MatchKind(_ARITY, _parse_udp),
    "udplite": MatchKind(_ARITY, _parse),
    "dccp": MatchKind({**_ARITY, "--dccp-types": 1, "--dccp-option": 1}, _parse),
    "sctp": MatchKind({**_ARITY, "--chunk-types": 2}, _parse),
}

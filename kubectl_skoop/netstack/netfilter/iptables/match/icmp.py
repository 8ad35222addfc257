"""-m icmp, -m icmp6."""

from dataclasses import dataclass

from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, number
from kubectl_skoop.netstack.netfilter.types import RuleContext

_NAMES_V4 = {
    "echo-reply": (0, 0, 255),
    "destination-unreachable": (3, 0, 255),
    "host-unreachable": (3, 1, 1),
    "port-unreachable": (3, 3, 3),
    "fragmentation-needed": (3, 4, 4),
    "redirect": (5, 0, 255),
    "echo-request": (8, 0, 255),
    "time-exceeded": (11, 0, 255),
}
_NAMES_V6 = {
    "destination-unreachable": (1, 0, 255),
    "packet-too-big": (2, 0, 255),
    "time-exceeded": (3, 0, 255),
    "echo-request": (128, 0, 255),
    "echo-reply": (129, 0, 255),
    "router-solicitation": (133, 0, 255),
    "router-advertisement": (134, 0, 255),
    "neighbour-solicitation": (135, 0, 255),
    "neighbor-solicitation": (135, 0, 255),
    "neighbour-advertisement": (136, 0, 255),
    "neighbor-advertisement": (136, 0, 255),
    "redirect": (137, 0, 255),
}
_ANY = 255


@dataclass(frozen=True, slots=True)
class Icmp:
    """Kernel: xt_tcpudp.c, icmp_match, icmp6_match: type 255 is any type."""

    type: int
    low: int
    high: int
    negated: bool

    def matches(self, ctx: RuleContext) -> bool:
        packet = ctx.packet
        if packet.fragment_offset:
            return False
        right = self.type == _ANY or (
            packet.icmp_type == self.type and self.low <= packet.icmp_code <= self.high
        )
        return right != self.negated


def _parse(options: Options) -> Icmp:
    option = options.find("--icmp-type", "--icmpv6-type")
    if option is None:
        return Icmp(_ANY, 0, 255, False)
    text = option.values[0]
    if text == "any":
        return Icmp(_ANY, 0, 255, option.negated)
    named = (_NAMES_V4 if options.family == 4 else _NAMES_V6).get(text)
    if named is None:
        kind, slash, code = text.partition("/")
        named = (number(kind, 255), number(code, 255) if slash else 0, number(code, 255) if slash else 255)
    return Icmp(*named, option.negated)


KINDS = {
    "icmp": MatchKind({"--icmp-type": 1}, _parse),
    "icmp6": MatchKind({"--icmpv6-type": 1}, _parse),
}

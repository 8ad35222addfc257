"""-m multiport."""

from dataclasses import dataclass

from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.match.port import port
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable
from kubectl_skoop.netstack.netfilter.types import RuleContext

_SOURCE, _DESTINATION, _EITHER = "source", "destination", "either"
_OPTIONS = {
    "--sports": _SOURCE,
    "--source-ports": _SOURCE,
    "--dports": _DESTINATION,
    "--destination-ports": _DESTINATION,
    "--ports": _EITHER,
}


@dataclass(frozen=True, slots=True)
class Multiport:
    """Kernel: xt_multiport.c, multiport_mt."""

    side: str
    ranges: tuple[tuple[int, int], ...]
    negated: bool

    def matches(self, ctx: RuleContext) -> bool:
        packet = ctx.packet
        if packet.fragment_offset:
            return False
        found = any(
            (self.side != _DESTINATION and low <= packet.sport <= high)
            or (self.side != _SOURCE and low <= packet.dport <= high)
            for low, high in self.ranges
        )
        return found != self.negated


def _parse(options: Options) -> Multiport:
    if len(options.given) != 1:
        raise Unreadable("one list of ports is expected")
    option = options.given[0]
    ranges: list[tuple[int, int]] = []
    for part in option.values[0].split(","):
        low, colon, high = part.partition(":")
        ranges.append((port(low), port(high) if colon else port(low)))
    return Multiport(_OPTIONS[option.name], tuple(ranges), option.negated)


KINDS = {"multiport": MatchKind(dict.fromkeys(_OPTIONS, 1), _parse)}

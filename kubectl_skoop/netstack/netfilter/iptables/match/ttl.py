"""-m ttl, -m hl."""

from dataclasses import dataclass

from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable, number
from kubectl_skoop.netstack.netfilter.types import RuleContext


@dataclass(frozen=True, slots=True)
class TimeToLive:
    """Kernel: xt_hl.c, ttl_mt, hl_mt6."""

    low: int
    high: int
    negated: bool = False

    def matches(self, ctx: RuleContext) -> bool:
        return (self.low <= ctx.packet.ttl <= self.high) != self.negated


def _parse(options: Options) -> TimeToLive:
    if len(options.given) != 1:
        raise Unreadable("one comparison is expected")
    option = options.given[0]
    value = number(option.values[0], 255)
    if option.name.endswith("-lt"):
        return TimeToLive(0, value - 1)
    if option.name.endswith("-gt"):
        return TimeToLive(value + 1, 255)
    return TimeToLive(value, value, option.negated)


KINDS = {
    "ttl": MatchKind({"--ttl-eq": 1, "--ttl": 1, "--ttl-lt": 1, "--ttl-gt": 1}, _parse),
    "hl": MatchKind({"--hl-eq": 1, "--hl": 1, "--hl-lt": 1, "--hl-gt": 1}, _parse),
}

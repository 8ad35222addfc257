"""-m length."""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, interval
from kubectl_skoop.netstack.netfilter.types import RuleContext


@dataclass(frozen=True, slots=True)
class Length:
    """Kernel: xt_length.c, length_mt: the IP packet's length, of GSO that of the whole buffer."""

    low: int
    high: int
    negated: bool

    def matches(self, ctx: RuleContext) -> Ternary:
        length = ctx.length
        if ctx.packet.gso and length <= self.high:
            return Unknown("-m length depends on how much the sender puts into one buffer")
        return (self.low <= length <= self.high) != self.negated


def _parse(options: Options) -> Length:
    option = options.require("--length")
    return Length(*interval(option.values[0]), option.negated)


KINDS = {"length": MatchKind({"--length": 1}, _parse)}

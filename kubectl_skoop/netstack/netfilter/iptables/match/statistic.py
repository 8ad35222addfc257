"""-m statistic."""

import re
from fractions import Fraction
from typing import NamedTuple

from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable, number
from kubectl_skoop.netstack.netfilter.types import RuleContext

_DECIMAL = re.compile(r"[01](\.[0-9]{1,20})?")
_SCALE = 1 << 31
_LARGEST_DENOMINATOR = 10_000


class Statistic(NamedTuple):
    """Kernel: xt_statistic.c, statistic_mt. The place of `nth` in its cycle is not known: one in n."""

    share: Fraction
    """Of packets that match, with the negation applied."""

    def matches(self, ctx: RuleContext) -> bool:
        return self.draw(ctx, f"statistic {self.share}")

    def draw(self, ctx: RuleContext, what: str) -> bool:
        if self.share in {0, 1}:
            return self.share == 1
        return ctx.stack.choices.pick(what, [(self.share, True), (1 - self.share, False)])


def share_of(text: str) -> Fraction:
    """The simplest fraction that the kernel keeps as the same number (it counts in 1/2^31)."""
    if not _DECIMAL.fullmatch(text) or (exact := Fraction(text)) > 1:
        raise Unreadable(f"{text} is no probability")
    kept = round(exact * _SCALE)
    simple = exact.limit_denominator(_LARGEST_DENOMINATOR)
    return simple if round(simple * _SCALE) == kept else Fraction(kept, _SCALE)


def _parse(options: Options) -> Statistic:
    mode = options.value("--mode")
    if mode == "random":
        option = options.require("--probability")
        share = share_of(option.values[0])
    elif mode == "nth":
        option = options.require("--every")
        every = number(option.values[0])
        if not every:
            raise Unreadable("--every 0")
        share = Fraction(1, every)
    else:
        raise Unreadable(f"--mode {mode}")
    return Statistic(1 - share if option.negated else share)


KINDS = {"statistic": MatchKind({"--mode": 1, "--probability": 1, "--every": 1, "--packet": 1}, _parse)}

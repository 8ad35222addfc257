"""Rules that stand together and each take a share of whatever comes to them: one is drawn at once.

kube-proxy writes one for each endpoint of a service. Asked one after the other, the walks to n endpoints
would meet n² / 2 of them.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.types import Rule, RuleContext, Verdict


class FirstOfLots(NamedTuple):
    """The first of such rules, with the lots of all. What comes back from a jump draws among the rest."""

    rule: Rule
    lots: tuple[tuple[Fraction, int], ...]
    """Shares, each with how many rules are passed over; the last passes over all, and may be 0."""

    @property
    def text(self) -> str:
        return self.rule.text

    def evaluate(self, ctx: RuleContext) -> Verdict | Unknown:
        return self.rule.evaluate(ctx)

    def if_matched(self, ctx: RuleContext) -> Verdict | Unknown:
        return self.rule.if_matched(ctx)

    def passed_over(self, ctx: RuleContext, chain: str) -> int:
        return ctx.stack.choices.pick(f"{chain}: {len(self.lots) - 1} rules with a chance", self.lots)

    @property
    def size(self) -> int:
        return len(self.lots) - 1


def first_of_lots(rule: Rule, chances: Iterable[Fraction]) -> FirstOfLots:
    """`chances`: of what comes to each of the rules, in their order."""
    lots: list[tuple[Fraction, int]] = []
    left = Fraction(1)
    for chance in chances:
        lots.append((left * chance, len(lots)))
        left *= 1 - chance
    return FirstOfLots(rule, (*lots, (left, len(lots))))

"""`accept`, `jump` … and verdict maps (nft_immediate.c, nft_lookup.c)."""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft.document import field, single
from kubectl_skoop.netstack.netfilter.nft.expression.parse import Scope, parse_expression
from kubectl_skoop.netstack.netfilter.nft.expression.value import Absent, Expression, fold
from kubectl_skoop.netstack.netfilter.nft.sets import Lookup, NamedSet, parse_verdict_map
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Outcome, Progress
from kubectl_skoop.netstack.netfilter.types import RuleContext, Stolen, Verdict


@dataclass(frozen=True, slots=True)
class Immediate:
    verdict: Verdict

    def execute(self, ctx: RuleContext) -> Outcome:
        return self.verdict


@dataclass(frozen=True, slots=True)
class VerdictMap:
    key: Expression
    elements: Lookup[Verdict] | NamedSet

    def execute(self, ctx: RuleContext) -> Outcome:
        lookup: Lookup[Verdict] | Unknown
        if isinstance(self.elements, NamedSet):
            lookup = self.elements.changed(ctx.stack) or self.elements.verdicts
        else:
            lookup = self.elements
        if isinstance(lookup, Unknown):
            return Stolen(lookup)
        found = fold(ctx, self.key, lookup.find)
        if isinstance(found, Unknown):
            return Stolen(found)
        return Progress.BREAK if found is None or isinstance(found, Absent) else found


def parse_vmap(body: object, scope: Scope) -> VerdictMap:
    """Raises Unmodelled."""
    key, data = parse_expression(field(body, "key"), scope), field(body, "data")
    named = scope.named(data)
    if named is not None:
        return VerdictMap(key, named)
    return VerdictMap(key, parse_verdict_map(single(data)[1], key.types))

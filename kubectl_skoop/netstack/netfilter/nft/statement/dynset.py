"""`add @set { ip saddr }`, `update @map { … }`: packets that add elements (nft_dynset.c)."""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft.datatype import Unmodelled, Value, unknown_part
from kubectl_skoop.netstack.netfilter.nft.document import field, items, single
from kubectl_skoop.netstack.netfilter.nft.expression.parse import Scope, parse_expression
from kubectl_skoop.netstack.netfilter.nft.expression.value import Absent, Expression
from kubectl_skoop.netstack.netfilter.nft.sets import NamedSet
from kubectl_skoop.netstack.netfilter.nft.statement.limit import (
    IdleBucket,
    OnlyConnection,
    Quota,
    parse_count,
    parse_limit,
    parse_quota,
)
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Outcome, Progress
from kubectl_skoop.netstack.netfilter.types import RuleContext
from kubectl_skoop.netstack.stack import Stack


@dataclass(frozen=True, slots=True)
class Update:
    """What is added is there at once; with a full set the rule ends (nft_dynset_new, nft_dynset_eval)."""

    key: Expression
    limits: tuple[IdleBucket | OnlyConnection | Quota, ...]
    target: NamedSet
    keeps: bool
    """False: it takes the element out, or its data is not modelled."""

    def execute(self, ctx: RuleContext) -> Outcome:
        value = self.key.read(ctx)
        if isinstance(value, Absent):
            return Progress.BREAK
        if not self._change(ctx.stack, value):
            return Progress.BREAK
        if any(limit.execute(ctx) is Progress.BREAK for limit in self.limits):
            return Progress.BREAK
        return Progress.NEXT

    def _change(self, stack: Stack, value: Value | Unknown) -> bool:
        """Whether the rule goes on."""
        if isinstance(value, Unknown) or unknown_part(value) or not self.keeps:
            stack.changed_sets.add(self.target.address)
            return True
        held = self.target.holds(stack, value)
        if held is True:
            return True
        if isinstance(held, Unknown):
            stack.changed_sets.add(self.target.address)
            return True
        if not stack.choices.decide(self.target.takes_more(stack)):
            return False
        stack.added.setdefault(self.target.address, set()).add(value)
        return True


def parse_update(body: object, scope: Scope) -> Update:
    """Raises Unmodelled."""
    element = field(body, "elem")
    target = scope.named(field(body, "set") or field(body, "map"))
    if target is None:
        raise Unmodelled("a change of a set that has no name")
    limits: list[IdleBucket | OnlyConnection | Quota] = []
    kind, inner = single(element)
    if kind == "elem":
        element = field(inner, "val")
    for statement in items(field(body, "stmt") or []):
        name, argument = single(statement)
        match name:
            case "limit":
                limits.append(parse_limit(argument))
            case "quota":
                limits.append(parse_quota(argument))
            case "ct count":
                limits.append(parse_count(argument))
            case "counter" | "last":
                pass
            case _:
                raise Unmodelled(f"a set element with {name}")
    keeps = field(body, "op") in ("add", "update") and field(body, "map") is None
    return Update(parse_expression(element, scope), tuple(limits), target, keeps)

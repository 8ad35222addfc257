"""`add @set { ip saddr }`, `update @map { … }`: packets that add elements (nft_dynset.c)."""

from dataclasses import dataclass

from kubectl_skoop.netstack.netfilter.nft.datatype import Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import field, items, single
from kubectl_skoop.netstack.netfilter.nft.expression.parse import Scope, parse_expression
from kubectl_skoop.netstack.netfilter.nft.expression.value import Absent, Expression
from kubectl_skoop.netstack.netfilter.nft.statement.limit import (
    IdleBucket,
    OnlyConnection,
    parse_count,
    parse_limit,
    parse_quota,
)
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Outcome, Progress
from kubectl_skoop.netstack.netfilter.types import RuleContext


@dataclass(frozen=True, slots=True)
class Update:
    """The new element is not kept: what reads it (affinity, meters) sees the first packet of a connection."""

    key: Expression
    limits: tuple[IdleBucket | OnlyConnection, ...]

    def execute(self, ctx: RuleContext) -> Outcome:
        if isinstance(self.key.read(ctx), Absent):
            return Progress.BREAK
        if any(limit.execute(ctx) is Progress.BREAK for limit in self.limits):
            return Progress.BREAK
        return Progress.NEXT


def parse_update(body: object, scope: Scope) -> Update:
    """Raises Unmodelled."""
    element = field(body, "elem")
    limits: list[IdleBucket | OnlyConnection] = []
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
    return Update(parse_expression(element, scope), tuple(limits))

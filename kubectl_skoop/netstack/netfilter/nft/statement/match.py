"""Comparisons: `ip daddr 10.0.0.0/8`, `ct state { new, related }` … (nft_cmp.c, nft_lookup.c)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from operator import ge, gt, le, lt

from kubectl_skoop.model.verdict import Ternary, Unknown, negate
from kubectl_skoop.netstack.netfilter.nft.datatype import Unmodelled, Value
from kubectl_skoop.netstack.netfilter.nft.document import field, single
from kubectl_skoop.netstack.netfilter.nft.expression.fib import FibWay
from kubectl_skoop.netstack.netfilter.nft.expression.parse import Scope, parse_expression
from kubectl_skoop.netstack.netfilter.nft.expression.value import Absent, Expression, fold
from kubectl_skoop.netstack.netfilter.nft.pattern import Exact, parse_pattern
from kubectl_skoop.netstack.netfilter.nft.sets import Lookup, NamedSet, parse_set
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Outcome, Progress
from kubectl_skoop.netstack.netfilter.types import RuleContext

_ORDER: dict[str, Callable[[int, int], bool]] = {"<": lt, ">": gt, "<=": le, ">=": ge}


@dataclass(frozen=True, slots=True)
class Comparison:
    left: Expression
    test: Callable[[Value], Ternary]

    def matches(self, ctx: RuleContext) -> Ternary:
        """An absent field matches nothing, not even `!=` (K-22)."""
        result = fold(ctx, self.left, self.test)
        return False if isinstance(result, Absent) else result

    def execute(self, ctx: RuleContext) -> Outcome:
        return settle(ctx, self.matches(ctx))


@dataclass(frozen=True, slots=True)
class Membership:
    """In a named set, whose elements are read late."""

    left: Expression
    members: NamedSet
    negated: bool

    def matches(self, ctx: RuleContext) -> Ternary:
        result = fold(ctx, self.left, partial(self.members.holds, ctx.stack))
        if isinstance(result, Absent):
            return False
        return negate(result) if self.negated else result

    def execute(self, ctx: RuleContext) -> Outcome:
        return settle(ctx, self.matches(ctx))


@dataclass(frozen=True, slots=True)
class Undecidable:
    """A match that is not modelled."""

    unknown: Unknown

    def execute(self, ctx: RuleContext) -> Outcome:
        return settle(ctx, self.unknown)


def settle(ctx: RuleContext, matched: Ternary) -> Outcome:
    """What cannot be told is followed both ways."""
    return Progress.NEXT if ctx.stack.choices.decide(matched) else Progress.BREAK


def parse_match(body: object, scope: Scope) -> Comparison | Membership:
    """Raises Unmodelled."""
    left = parse_expression(field(body, "left"), scope)
    operator, right = str(field(body, "op")), field(body, "right")
    named = scope.named(right)
    kind, elements = single(right)
    if named is not None:
        return Membership(left, named, operator == "!=")
    if kind == "set":
        return Comparison(left, _in_set(parse_set(elements, left.types), operator == "!="))
    if isinstance(right, bool):
        return _existence(left, operator, right)
    if operator in _ORDER:
        return Comparison(left, _ordered(operator, left, right))
    if operator in ("in", "!") and len(left.types) == 1 and left.types[0].kind in ("flags", "bits"):
        return Comparison(left, _has_flags(left, right, operator == "!"))
    if operator not in ("==", "!=", "in"):
        raise Unmodelled(f"the operator {operator}")
    pattern = parse_pattern(right, left.types)
    if operator == "!=":
        return Comparison(left, lambda value: negate(pattern.contains(value)))
    return Comparison(left, pattern.contains)


def _existence(left: Expression, operator: str, exists: bool) -> Comparison:
    """`exists`, `missing`."""
    asked = replace(left, result="check") if isinstance(left, FibWay) else left
    return Comparison(asked, lambda value: bool(value) == (exists == (operator != "!=")))


def _in_set(members: Lookup[bool], negated: bool) -> Callable[[Value], Ternary]:
    return lambda value: negate(members.has(value)) if negated else members.has(value)


def _number(left: Expression, right: object) -> int:
    pattern = parse_pattern(right, left.types)
    if isinstance(pattern, Exact) and isinstance(pattern.value, int):
        return pattern.value
    raise Unmodelled(f"{right!r} as a number")


def _ordered(operator: str, left: Expression, right: object) -> Callable[[Value], bool]:
    limit = _number(left, right)
    return lambda value: isinstance(value, int) and _ORDER[operator](value, limit)


def _has_flags(left: Expression, right: object, negated: bool) -> Callable[[Value], bool]:
    mask = _number(left, right)
    return lambda value: isinstance(value, int) and bool(value & mask) != negated

"""Expressions of expressions: concatenations, bit operations, map lookups."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import and_, lshift, or_, rshift, xor

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype, Scalar, Value
from kubectl_skoop.netstack.netfilter.nft.expression.value import (
    ABSENT,
    Absent,
    Expression,
    Reading,
    fold,
)
from kubectl_skoop.netstack.netfilter.nft.sets import Lookup, NamedSet
from kubectl_skoop.netstack.netfilter.types import RuleContext

OPERATORS: dict[str, Callable[[int, int], int]] = {"&": and_, "|": or_, "^": xor, "<<": lshift, ">>": rshift}
MAX_SHIFT = 128


@dataclass(frozen=True, slots=True)
class Concatenation:
    parts: tuple[Expression, ...]

    @property
    def types(self) -> tuple[Datatype, ...]:
        return tuple(each for part in self.parts for each in part.types)

    def read(self, ctx: RuleContext) -> Reading:
        """An absent part ends the rule, whatever the others are."""
        values: list[Scalar | Unknown] = []
        for part in self.parts:
            reading = part.read(ctx)
            if isinstance(reading, Absent):
                return reading
            if isinstance(reading, tuple):
                values += reading
            else:
                values.append(reading)
        return tuple(values)


@dataclass(frozen=True, slots=True)
class Operation:
    """`meta mark & 0xff` (nft_bitwise.c)."""

    operator: str
    left: Expression
    right: Expression

    @property
    def types(self) -> tuple[Datatype, ...]:
        return self.left.types

    def read(self, ctx: RuleContext) -> Reading:
        left, right = self.left.read(ctx), self.right.read(ctx)
        if isinstance(left, Absent | Unknown):
            return left
        if isinstance(right, Absent | Unknown):
            return right
        if not isinstance(left, int) or not isinstance(right, int) or not 0 <= right < 1 << MAX_SHIFT:
            return Unknown(f"{self.operator} of something that is no number")
        if self.operator in ("<<", ">>") and right > MAX_SHIFT:
            return 0
        return OPERATORS[self.operator](left, right) & ((1 << self.types[0].bits) - 1)


@dataclass(frozen=True, slots=True)
class MapLookup:
    """`… map { key : value }`: no element, no value (nft_lookup.c)."""

    key: Expression
    elements: Lookup[Value] | NamedSet
    types: tuple[Datatype, ...]

    def read(self, ctx: RuleContext) -> Reading:
        lookup: Lookup[Value] | Unknown
        if isinstance(self.elements, NamedSet):
            lookup = self.elements.changed(ctx.stack) or self.elements.values
        else:
            lookup = self.elements
        if isinstance(lookup, Unknown):
            return lookup
        found = fold(ctx, self.key, lookup.find)
        return ABSENT if found is None else found

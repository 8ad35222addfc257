"""What an expression gives, and the expressions that need nothing else."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Protocol, TypeVar

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype, Value
from kubectl_skoop.netstack.netfilter.types import RuleContext

R = TypeVar("R", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Absent:
    """The packet does not have it: the rule ends here, whatever it asked (NFT_BREAK, K-22)."""


ABSENT = Absent()
Reading = Value | Absent | Unknown


class Expression(Protocol):
    @property
    def types(self) -> tuple[Datatype, ...]:
        """One, or those of a concatenation."""
        ...

    def read(self, ctx: RuleContext) -> Reading: ...


@dataclass(frozen=True, slots=True)
class Constant:
    types: tuple[Datatype, ...]
    value: Value

    def read(self, ctx: RuleContext) -> Reading:
        return self.value


@dataclass(frozen=True)
class Random:
    """A number that the kernel draws, or hashes with a seed that nobody can read."""

    types: tuple[Datatype, ...]
    what: str
    values: range

    def read(self, ctx: RuleContext) -> Reading:
        share = Fraction(1, len(self.values))
        return ctx.stack.choices.pick(self.what, [(share, value) for value in self.values])

    @cached_property
    def _results(self) -> dict[Callable[[Value], Hashable], Sequence[tuple[Fraction, Any]]]:
        return {}

    def results(self, result: Callable[[Value], R]) -> Sequence[tuple[Fraction, R]]:
        """What `result` makes of the numbers, with their shares; kept, since each branch asks again."""
        if result not in self._results:
            counts: dict[R, int] = {}
            for value in self.values:
                each = result(value)
                counts[each] = counts.get(each, 0) + 1
            self._results.clear()
            self._results[result] = [
                (Fraction(count, len(self.values)), each) for each, count in counts.items()
            ]
        return self._results[result]


def fold(ctx: RuleContext, expression: Expression, result: Callable[[Value], R]) -> R | Absent | Unknown:
    """`result` of what the expression reads; random numbers with the same result are one choice."""
    if not isinstance(expression, Random):
        reading = expression.read(ctx)
        return reading if isinstance(reading, Absent | Unknown) else result(reading)
    return ctx.stack.choices.pick(expression.what, expression.results(result))

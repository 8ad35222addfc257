"""Every way that a walk can go: it is run again for each other answer to the choices that it met."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Generic, TypeVar

from kubectl_skoop.model.verdict import Choice, Choices, Effort

R = TypeVar("R")

MAX_UNKNOWN = 64
"""Ways that are followed because of unknowns; what is beyond is unknown."""
MAX_RANDOM = 2048
"""Ways that are followed because of random choices."""
UNDECIDED = "undecided"
TOO_MANY = "more ways to follow than {}, or than the rules on them allow, were left unfollowed"


@dataclass(frozen=True, slots=True)
class Leaf(Generic[R]):
    """One run of a walk, with the choices that it made."""

    made: tuple[Choice, ...]
    result: R


@dataclass(frozen=True, slots=True)
class Way(Generic[R]):
    """One way with its share; `unknown` if the ways that an unknown opens do not agree."""

    share: Fraction
    result: R
    choices: tuple[str, ...]
    unknown: str = ""
    alternatives: tuple[R, ...] = ()
    """Results of the other ways that an unknown opened; their fate is the same."""


def fan_out(
    run: Callable[[Choices], R], fate: Callable[[R], object], effort: Effort | None = None
) -> list[Way[R]]:
    """All ways with their shares, which add up to 1. `fate` is what must agree where an unknown decides.

    `effort`: what is left of it for the question that this is a part of.
    """
    leaves, cut = _follow(run, effort or Effort())
    return _merge(leaves, 0, fate, cut)


def _follow(run: Callable[[Choices], R], effort: Effort) -> tuple[list[Leaf[R]], bool]:
    pending: list[tuple[tuple[int, ...], bool]] = [((), False)]
    leaves: list[Leaf[R]] = []
    unknown_ways = 0
    while pending:
        script, of_unknown = pending.pop()
        unknown_ways += of_unknown
        if len(leaves) >= MAX_RANDOM or unknown_ways > MAX_UNKNOWN:
            return leaves, True
        choices = Choices(script, effort=effort)
        result = run(choices)
        if effort.left < 0 and leaves:
            # It ended before it met the choices of its script.
            return leaves, True
        leaves.append(Leaf(tuple(choices.made), result))
        for position in range(len(script), len(choices.made)):
            choice = choices.made[position]
            before = tuple(earlier.taken for earlier in choices.made[:position])
            for other in range(1, len(choice.probabilities) or 2):
                pending.append(((*before, other), not choice.probabilities))
    return leaves, False


def _merge(leaves: Sequence[Leaf[R]], depth: int, fate: Callable[[R], object], cut: bool) -> list[Way[R]]:
    """Leaves that agree on their first `depth` choices."""
    first = leaves[0]
    if depth == len(first.made):
        return [Way(Fraction(1), first.result, ())]
    choice = first.made[depth]
    groups: dict[int, list[Leaf[R]]] = {}
    for leaf in leaves:
        groups.setdefault(leaf.made[depth].taken, []).append(leaf)
    if not choice.probabilities:
        return _agree(choice, groups, depth, fate, cut)
    ways = []
    for taken, probability in enumerate(choice.probabilities):
        if not probability:
            continue
        if taken not in groups:
            unfollowed = TOO_MANY.format(MAX_RANDOM)
            ways.append(Way(probability, first.result, (choice.what,), unfollowed))
            continue
        for way in _merge(groups[taken], depth + 1, fate, cut):
            text = f"{choice.what}: {taken + 1} of {len(choice.probabilities)}"
            ways.append(replace(way, share=probability * way.share, choices=(text, *way.choices)))
    return ways


def _agree(
    choice: Choice,
    groups: dict[int, list[Leaf[R]]],
    depth: int,
    fate: Callable[[R], object],
    cut: bool,
) -> list[Way[R]]:
    if len(groups) < 2:
        reason = TOO_MANY.format(MAX_UNKNOWN) if cut else choice.reason
        ways = _merge(next(iter(groups.values())), depth + 1, fate, cut)
        return [Way(Fraction(1), ways[0].result, (), reason)]
    yes = _merge(groups[0], depth + 1, fate, cut)
    no = _merge(groups[1], depth + 1, fate, cut)
    if _shares(yes, fate) == _shares(no, fate):
        others = tuple(way.result for way in no)
        return [replace(way, alternatives=(*way.alternatives, *others)) for way in yes]
    return [Way(Fraction(1), yes[0].result, (), choice.reason)]


def _shares(ways: Sequence[Way[R]], fate: Callable[[R], object]) -> dict[object, Fraction]:
    shares: dict[object, Fraction] = {}
    for way in ways:
        key = UNDECIDED if way.unknown else fate(way.result)
        shares[key] = shares.get(key, Fraction(0)) + way.share
    return shares

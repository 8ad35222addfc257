"""Every way that a walk can go: it is run again for each other answer to the choices that it met."""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any, Generic, NamedTuple, TypeVar

from kubectl_skoop.model.verdict import Choice, Choices, Effort

R = TypeVar("R")

MAX_UNKNOWN = 64
"""Ways that are followed because of unknowns; what is beyond is unknown."""
MAX_RANDOM = 4096
"""Ways that are followed because of random choices."""
UNDECIDED = "undecided"
TOO_MANY = "more ways to follow than {}, or than the rules on them allow, were left unfollowed"


class Leaf(NamedTuple, Generic[R]):
    """One run of a walk, with the choices that it made."""

    made: tuple[Choice, ...]
    result: R


class Way(NamedTuple, Generic[R]):
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


class _Left(NamedTuple):
    """Leaves that agree on their first choices, `depth` of them, and what these were."""

    leaves: Sequence[Leaf[Any]]
    depth: int
    share: Fraction = Fraction(1)
    choices: tuple[str, ...] = ()


def _merge(leaves: Sequence[Leaf[R]], depth: int, fate: Callable[[R], object], cut: bool) -> list[Way[R]]:
    """Leaves that agree on their first `depth` choices. A walk may meet thousands: no recursion for these."""
    pending: list[_Left | Way[R]] = [_Left(leaves, depth)]
    ways: list[Way[R]] = []
    while pending:
        left = pending.pop()
        if isinstance(left, Way):
            ways.append(left)
            continue
        first = left.leaves[0]
        if left.depth == len(first.made):
            ways.append(Way(left.share, first.result, left.choices))
            continue
        choice = first.made[left.depth]
        groups: dict[int, list[Leaf[R]]] = {}
        for leaf in left.leaves:
            groups.setdefault(leaf.made[left.depth].taken, []).append(leaf)
        if choice.probabilities:
            pending += reversed([*_split(left, choice, groups)])
        else:
            ways += [
                way._replace(share=left.share * way.share, choices=(*left.choices, *way.choices))
                for way in _agree(choice, groups, left.depth, fate, cut)
            ]
    return ways


def _split(left: _Left, choice: Choice, groups: dict[int, list[Leaf[R]]]) -> Iterator[_Left | Way[R]]:
    """A random choice, by its options."""
    for taken, probability in enumerate(choice.probabilities):
        share = left.share * probability
        if not probability:
            continue
        if taken in groups:
            text = f"{choice.what}: {taken + 1} of {len(choice.probabilities)}"
            yield _Left(groups[taken], left.depth + 1, share, (*left.choices, text))
        else:
            unfollowed = TOO_MANY.format(MAX_RANDOM)
            yield Way(share, left.leaves[0].result, (*left.choices, choice.what), unfollowed)


def _agree(
    choice: Choice,
    groups: dict[int, list[Leaf[R]]],
    depth: int,
    fate: Callable[[R], object],
    cut: bool,
) -> list[Way[R]]:
    if len(groups) < 2:
        reason = TOO_MANY.format(MAX_UNKNOWN) if cut else choice.reason
        return [Way(Fraction(1), next(iter(groups.values()))[0].result, (), reason)]
    yes = _merge(groups[0], depth + 1, fate, cut)
    no = _merge(groups[1], depth + 1, fate, cut)
    if _shares(yes, fate) == _shares(no, fate):
        others = tuple(way.result for way in no)
        return [way._replace(alternatives=(*way.alternatives, *others)) for way in yes]
    return [Way(Fraction(1), yes[0].result, (), choice.reason)]


def _shares(ways: Sequence[Way[R]], fate: Callable[[R], object]) -> dict[object, Fraction]:
    shares: dict[object, Fraction] = {}
    for way in ways:
        key = UNDECIDED if way.unknown else fate(way.result)
        shares[key] = shares.get(key, Fraction(0)) + way.share
    return shares

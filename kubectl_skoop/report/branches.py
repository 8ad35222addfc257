"""The branches of an answer, one by one; of many those that end alike together."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from kubectl_skoop.diagnosis.result import Ending, FateKind

FEW = 16
"""Branches that are told one by one."""


class Branch(NamedTuple):
    """One of them, or several."""

    share: Fraction
    fate: FateKind
    end: str
    """`to 10.244.2.3:8080, at pod/shop/db, answer`."""
    because: str
    """Empty: it arrives."""
    choices: tuple[str, ...] = ()
    """Of one branch, the random decisions that lead there."""


def branches_of(endings: Sequence[Ending], *, each: bool = False) -> Iterator[Branch]:
    """The largest first. `each`: however many there are."""
    if each or len(endings) <= FEW:
        yield from (_branch([ending]) for ending in endings)
        return
    alike: dict[tuple[str, str, str], list[Ending]] = {}
    for ending in endings:
        code = ending.cause.code if ending.cause else ""
        alike.setdefault((ending.fate, ending.symptom, code), []).append(ending)
    yield from sorted(map(_branch, alike.values()), key=lambda branch: branch.share, reverse=True)


def _branch(endings: Sequence[Ending]) -> Branch:
    first, number = endings[0], len(endings)
    places = dict.fromkeys(str(one.path.nodes[-1].place) for one in endings if one.path.nodes)
    at = f"at {next(iter(places))}" if places else ""
    at += f" and {len(places) - 1:,} more places" if len(places) > 1 else ""
    backends = dict.fromkeys(str(one.backend) for one in endings if one.backend)
    to = f"to {next(iter(backends))}" if backends else ""
    to += f" and {len(backends) - 1:,} more" if len(backends) > 1 else ""
    causes = {one.cause.message for one in endings if one.cause}
    because = first.cause.message if first.cause else ""
    because += f", and {len(causes) - 1:,} more like it" if len(causes) > 1 else ""
    ways = f", {number:,} branches" if number > 1 else ""
    return Branch(
        share=sum((one.share for one in endings), Fraction(0)),
        fate=first.fate,
        end=f"{to}{', ' if to and at else ''}{at}, {first.symptom}{ways}",
        because=because,
        choices=first.choices if number == 1 else (),
    )

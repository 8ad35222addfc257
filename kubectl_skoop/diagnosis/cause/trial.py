"""Causes by trial: a deviation explains a failure if mending it in a copy lets the packet get further."""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from kubectl_skoop.diagnosis.cause.wished import Finding
from kubectl_skoop.diagnosis.walk.fan_out import Way
from kubectl_skoop.diagnosis.walk.flow import FlowResult
from kubectl_skoop.diagnosis.walk.world import World
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.suspicion import Level, Suspicion

Progress = tuple[Fraction, Fraction, Fraction]
"""Share that is served, mean stage, mean number of crossings: compared in this order."""
MAX_TRIALS = 24
Walker = Callable[[World], Progress]


def progress(ways: Sequence[Way[FlowResult]]) -> Progress:
    served = sum((way.share for way in ways if way.result.fate == "served"), Fraction(0))
    stage = sum((way.share * way.result.progress[0] for way in ways), Fraction(0))
    crossings = sum((way.share * way.result.progress[1] for way in ways), Fraction(0))
    return served, stage, crossings


class Explanation(NamedTuple):
    """What of the deviations explains the outcome."""

    explaining: list[Suspicion]
    """Best first."""
    others: list[Suspicion]
    mended: World
    """With what explains put right: the world in which the next obstacle shows."""


def explaining(world: World, findings: Sequence[Finding], before: Progress, walk: Walker) -> Explanation:
    """Which findings, put right, let the flow get further.

    Each finding is mended by itself and walked again; where none helps alone, one after the other.
    """
    tried = findings[:MAX_TRIALS]
    helped = [
        (after, -number, finding)
        for number, finding in enumerate(tried)
        if (after := _after(world, [finding], before, walk)) > before
    ]
    helped.sort(key=lambda entry: entry[:2], reverse=True)
    chosen = [finding for _, _, finding in helped] or _together(world, tried, before, walk)
    others = [finding.suspicion for finding in findings if finding not in chosen]
    told = [finding.suspicion.at(Level.FATAL) for finding in chosen]
    return Explanation(told, others, mend(world, chosen))


def _together(world: World, findings: Sequence[Finding], before: Progress, walk: Walker) -> list[Finding]:
    """The first findings that help only if all of them are put right; empty: nothing helps."""
    chosen: list[Finding] = []
    for finding in findings:
        chosen.append(finding)
        if len(chosen) > 1 and _after(world, chosen, before, walk) > before:
            break
    else:
        return []
    for finding in chosen[:-1]:
        fewer = [other for other in chosen if other is not finding]
        if _after(world, fewer, before, walk) > before:
            chosen = fewer
    return chosen


def _after(world: World, findings: Sequence[Finding], before: Progress, walk: Walker) -> Progress:
    """How far the flow gets with these findings put right; `before` if none of them can be."""
    mended = mend(world, findings)
    return before if mended is world else walk(mended)


def mend(world: World, findings: Iterable[Finding]) -> World:
    """The world with these findings put right, as far as they can be."""
    mended = world
    for finding in findings:
        ns = mended.at(finding.place)
        better = None if isinstance(ns, NotCollected) else finding.deviation.expectation.mend(ns)
        if better is not None:
            mended = mended.with_mended(better)
    return mended

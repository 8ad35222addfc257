"""Causes by trial: a deviation explains a failure if mending it in a copy lets the packet get further."""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from kubectl_skoop.diagnosis.branch import Branch, Visit
from kubectl_skoop.diagnosis.expectation import Deviation, Expectation
from kubectl_skoop.diagnosis.fan_out import Way
from kubectl_skoop.diagnosis.flow import FlowResult
from kubectl_skoop.diagnosis.interface import NetNodeAction, Passing, Wishes
from kubectl_skoop.diagnosis.paths import is_answer
from kubectl_skoop.diagnosis.world import World
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Packet
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Level, Suspicion

Progress = tuple[Fraction, Fraction, Fraction]
"""Share that is served, mean stage, mean number of crossings: compared in this order."""
MAX_TRIALS = 24
Walker = Callable[[World], Progress]


class Finding(NamedTuple):
    """A deviation at a place, and what becomes of the packet if it is put right."""

    place: Place
    deviation: Deviation
    suspicion: Suspicion


class Wished(NamedTuple):
    """What was found of the plugin's wishes."""

    findings: tuple[Finding, ...]
    remarks: tuple[Suspicion, ...]
    """Seen in objects only."""


def progress(ways: Sequence[Way[FlowResult]]) -> Progress:
    served = sum((way.share for way in ways if way.result.fate == "served"), Fraction(0))
    stage = sum((way.share * way.result.progress[0] for way in ways), Fraction(0))
    crossings = sum((way.share * way.result.progress[1] for way in ways), Fraction(0))
    return served, stage, crossings


def compare(
    world: World,
    plugin: str,
    branch: Branch,
    action_of: Callable[[Place], NetNodeAction | None],
    extra: Iterable[Place],
    expected: Sequence[Packet],
) -> Wished:
    """Ask the plugin at every place that the packets came to, and at `extra`; compare with the state.

    `expected`: the packets that places of `extra` should have seen.
    """
    findings: list[Finding] = []
    remarks: list[Suspicion] = []
    seen: set[tuple[Place, Expectation]] = set()
    seen_there = [(visit.place, list(_passings(visit))) for visit in branch.visits if visit.ns_id]
    should = [Passing(upstream=None, arrived=packet, left=(packet,)) for packet in expected]
    for place, passings in [*seen_there, *((place, should) for place in extra)]:
        action, ns = action_of(place), world.at(place)
        if action is None or isinstance(ns, NotCollected):
            continue
        for wish in wishes_at(action, passings):
            if isinstance(wish, Suspicion):
                remarks.append(wish)
                continue
            if (place, wish) in seen:
                continue
            seen.add((place, wish))
            deviation = wish.compare(ns)
            if deviation is not None:
                findings.append(Finding(place, deviation, deviation.suspicion(plugin, place)))
    return Wished(tuple(findings), tuple(dict.fromkeys(remarks)))


def wishes_at(action: NetNodeAction, passings: Iterable[Passing]) -> Wishes:
    yield from action.always()
    for passing in passings:
        yield from action.wishes(passing)


def _passings(visit: Visit) -> Iterable[Passing]:
    """What came and what went on, or was lost on its way on; an answer is a packet of its own."""
    onward = [link.packet for link in visit.outputs if isinstance(link.packet, Packet)]
    lost = [loss.frame for loss in visit.journey.losses if isinstance(loss.frame, Packet)]
    if visit.packet is None:
        left = onward or lost
        if left:
            yield Passing(upstream=None, arrived=left[0], left=tuple(packet.innermost for packet in left))
        return
    answers = [
        link.packet for link in visit.outputs if isinstance(link.packet, Packet) and is_answer(visit, link)
    ]
    through = [packet for packet in onward if packet not in answers] or lost
    yield Passing(
        upstream=visit.input, arrived=visit.packet, left=tuple(packet.innermost for packet in through)
    )
    for answer in answers:
        yield Passing(upstream=None, arrived=answer.innermost, left=(answer.innermost,))


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

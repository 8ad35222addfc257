"""From the ways of a flow to one answer."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from kubectl_skoop.diagnosis.fan_out import Way
from kubectl_skoop.diagnosis.flow import FlowResult, outcome
from kubectl_skoop.diagnosis.result import Verdict
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.model.suspicion import Suspicion

Ways = Sequence[Way[FlowResult]]


class Shares(NamedTuple):
    """They add up to 1."""

    arrives: Fraction
    lost: Fraction
    unknown: Fraction


def way_outcome(way: Way[FlowResult]) -> str:
    """served, lost or unknown."""
    return "unknown" if way.unknown else outcome(way.result)


def shares(ways: Ways) -> Shares:
    def of(kind: str) -> Fraction:
        return sum((way.share for way in ways if way_outcome(way) == kind), Fraction(0))

    return Shares(of("served"), of("lost"), of("unknown"))


def verdict(found: Shares) -> Verdict:
    if found.lost == 1:
        return "unreachable"
    if found.lost:
        return "partial"
    return "unknown" if found.unknown else "reachable"


def deciding(ways: Ways) -> Way[FlowResult]:
    """The way that the answer is about: of the largest lost share, else of the largest unknown one."""
    for kind in ("lost", "unknown"):
        some = [way for way in ways if way_outcome(way) == kind]
        if some:
            return max(some, key=lambda way: _weight(way, some))
    return max(ways, key=lambda way: way.share)


def symptom(way: Way[FlowResult]) -> str:
    """What the sender sees; where it is not known which of several, all of them."""
    seen = dict.fromkeys(result.symptom for result in (way.result, *way.alternatives) if result.symptom)
    return " or ".join(seen)


def headline(
    probe: Probe, decided: Verdict, found: Shares, seen: str, cause: Suspicion | None, hole_above: int | None
) -> str:
    because = f": {_told(cause)}" if cause else ""
    match decided:
        case "reachable" if hole_above is not None:
            return f"reachable, but packets above {hole_above} bytes are lost"
        case "reachable":
            return "reachable"
        case "unreachable":
            return f"unreachable ({seen}){because}"
        case "partial":
            what = "connections" if probe.protocol == 6 else "packets"
            return f"partial, {percent(found.lost)} of {what} fail ({seen}){because}"
        case "unknown":
            return f"unknown{because}"


def _told(cause: Suspicion) -> str:
    return f"{cause.where.place}: {cause.message}" if cause.where.place else cause.message


def percent(share: Fraction) -> str:
    return f"{float(share) * 100:.0f} %"


def _weight(way: Way[FlowResult], all_of_kind: Ways) -> Fraction:
    """The share of all ways that end for the same reason."""
    return sum((other.share for other in all_of_kind if _reason(other) == _reason(way)), Fraction(0))


def _reason(way: Way[FlowResult]) -> object:
    loss = way.result.loss
    return (loss.because.code, loss.because.where) if loss else way.unknown

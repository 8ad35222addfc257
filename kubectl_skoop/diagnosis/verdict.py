"""From the ways of a flow to one answer."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from kubectl_skoop.diagnosis.result import Backends, Ending, Verdict
from kubectl_skoop.diagnosis.walk.fan_out import Way
from kubectl_skoop.diagnosis.walk.flow import FlowResult, outcome
from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.model.share import percent
from kubectl_skoop.model.suspicion import Suspicion

Ways = Sequence[Way[FlowResult]]
LOST = ("dropped", "refused")
TOLD = 3
"""Reasons that the first line names."""


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
        weights: dict[object, Fraction] = {}
        for way in some:
            weights[reason(way)] = weights.get(reason(way), Fraction(0)) + way.share
        if some:
            return max(some, key=lambda way: weights[reason(way)])
    return max(ways, key=lambda way: way.share)


def symptom(way: Way[FlowResult]) -> str:
    """What the sender sees; where it is not known which of several, all of them."""
    seen = dict.fromkeys(result.symptom for result in (way.result, *way.alternatives) if result.symptom)
    return " or ".join(seen)


class Fate(NamedTuple):
    """What becomes of a flow."""

    verdict: Verdict
    symptom: str
    shares: Shares


def fate(ways: Ways) -> Fate:
    found = shares(ways)
    return Fate(verdict(found), symptom(deciding(ways)), found)


class Reason(NamedTuple):
    """Why a share of the connections fails."""

    share: Fraction
    symptom: str
    cause: Suspicion
    alike: int
    """Further causes with the same code."""

    def __str__(self) -> str:
        place = f"{self.cause.where.place}: " if self.cause.where.place else ""
        more = f", and {self.alike:,} more like it" if self.alike else ""
        return f"{place}{self.cause.message}{more}"


def reasons(endings: Sequence[Ending], first: Suspicion | None) -> list[Reason]:
    """Of the lost ones, else of the unknown, by the codes of their causes: that of `first`, then by share."""
    alike: dict[str, list[tuple[Ending, Suspicion]]] = {}
    lost = any(one.fate in LOST for one in endings)
    for one in endings:
        if one.fate in (LOST if lost else ("unknown",)) and one.cause is not None:
            alike.setdefault(one.cause.code, []).append((one, one.cause))
    found = [
        Reason(
            share=sum((one.share for one, _ in group), Fraction(0)),
            symptom=" or ".join(dict.fromkeys(one.symptom for one, _ in group)),
            cause=first if first and first.code == code else group[0][1],
            alike=len({_told(cause) for _, cause in group}) - 1,
        )
        for code, group in alike.items()
    ]
    return sorted(found, key=lambda reason: (reason.cause is first, reason.share), reverse=True)


def headline(
    probe: Probe,
    decided: Verdict,
    found: Shares,
    seen: str,
    because: Sequence[Reason] = (),
    hole_above: int | None = None,
    backends: Backends | None = None,
) -> str:
    """`because`: why it fails; of an unknown the first alone is told."""
    counted = f", {backends}" if backends else ""
    match decided:
        case "reachable" if hole_above is not None:
            return f"reachable, but packets above {hole_above} bytes are lost"
        case "reachable":
            return "reachable"
        case "unreachable":
            return f"unreachable{counted}{_because(seen, because)}"
        case "partial":
            what = "connections" if probe.protocol == Protocol.TCP else "packets"
            return f"partial{counted}, {percent(found.lost)} of {what} fail{_because(seen, because)}"
        case "unknown":
            return f"unknown{counted}" + (f": {because[0]}" if because else "")


def _because(seen: str, reasons: Sequence[Reason]) -> str:
    """` (timeout): node/n1: …`; with their shares if there are several."""
    if len(reasons) < 2:
        return f" ({seen})" + "".join(f": {one}" for one in reasons)
    told = "; ".join(f"{percent(one.share)} ({one.symptom}) {one}" for one in reasons[:TOLD])
    left = len(reasons) - TOLD
    return f": {told}" + (f"; and for {left} more reasons" if left > 0 else "")


def _told(cause: Suspicion) -> tuple[Place | None, str]:
    return cause.where.place, cause.message


def reason(way: Way[FlowResult]) -> object:
    """What ended it, and where."""
    loss = way.result.loss
    return (loss.because.code, loss.because.where) if loss else way.unknown

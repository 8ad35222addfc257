"""Why each way is lost: the backends of a service may fail for different reasons."""

from collections.abc import Callable
from typing import NamedTuple

from kubectl_skoop.diagnosis import backends, verdict
from kubectl_skoop.diagnosis.cause import trial
from kubectl_skoop.diagnosis.walk.fan_out import Way
from kubectl_skoop.diagnosis.walk.flow import FlowResult
from kubectl_skoop.diagnosis.walk.world import World
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.model.suspicion import Suspicion

Ways = list[Way[FlowResult]]

MAX_REASONS = 4
"""Reasons for which the plugin's wishes are compared; further ways are told by what ended them."""
MAX_WAYS = 64
"""Ways above which that is done for the largest reason only: a comparison walks all of them many times."""


class Compared(NamedTuple):
    """A walk held against what the plugin wanted."""

    explaining: list[Suspicion]
    deviations: list[Suspicion]
    """Those that explain nothing."""
    remarks: tuple[Suspicion, ...]
    mended: World
    """With what explains put right."""


class Alike(NamedTuple):
    """Ways that one comparison explains, as far as anything does."""

    ways: list[Way[FlowResult]]
    compared: Compared


def alike(
    probe: Probe,
    ways: Ways,
    first: tuple[Way[FlowResult], Compared],
    compare: Callable[[Way[FlowResult]], Compared],
    walk: Callable[[World], Ways],
) -> list[Alike]:
    """The ways that are lost, by what explains them.

    What explains one explains those that end alike, too, if they get further once it is mended.

    `first`: the way that decides, compared already.
    """
    found = []
    for group in _by_reason(ways, first[0])[: 1 if len(ways) > MAX_WAYS else MAX_REASONS]:
        compared = first[1] if group[0] is first[0] else compare(group[0])
        explained = group[:1]
        if compared.explaining and len(group) > 1:
            mended = walk(compared.mended)
            explained += [way for way in group[1:] if _further(probe, way, ways, mended)]
        found.append(Alike(explained, compared))
    return found


def _by_reason(ways: Ways, first: Way[FlowResult]) -> list[list[Way[FlowResult]]]:
    """The group of `first`, then the largest; in each the way to compare comes first."""
    groups: dict[object, list[Way[FlowResult]]] = {}
    for way in (first, *(way for way in ways if way is not first)):
        if verdict.way_outcome(way) == "lost":
            groups.setdefault(verdict.reason(way), []).append(way)
    own, *others = groups.values()
    return [own, *sorted(others, key=lambda group: sum(way.share for way in group), reverse=True)]


def _further(probe: Probe, way: Way[FlowResult], ways: Ways, mended: Ways) -> bool:
    target = backends.target_of(probe, way.result.branch)
    before = trial.progress(backends.to_target(probe, ways, target))
    return trial.progress(backends.to_target(probe, mended, target) or mended) > before

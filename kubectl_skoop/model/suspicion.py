"""Findings: stable codes, calm levels."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Literal

from kubectl_skoop.model.place import Place, Where


class Level(IntEnum):
    """KubeSkoop's levels. Only what stops the packet in question is FATAL."""

    INFO = 0
    WARNING = 1
    CRITICAL = 2
    FATAL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """One finding."""

    code: str
    """`subject.problem` for what the kernel does (see `model.codes`), `plugin.table.state` for deviations."""
    level: Level
    where: Where
    message: str
    evidence: tuple[str, ...] = ()
    """What was read: the rule, the route, the setting, as their own tools print them."""
    remedy: str = ""
    effect: Literal["", "stops", "unknown"] = ""
    """Set by an InfraShim only: the underlay stops the packet here, or may."""
    about: tuple[Place, ...] = ()
    """Other nodes and pods that it concerns: whom a route that is missing would lead to, who else has the
    address."""

    def at(self, level: Level) -> "Suspicion":
        return replace(self, level=level)


def worst_first(found: Iterable[Suspicion]) -> tuple[Suspicion, ...]:
    """Of equal level in the order of finding."""
    return tuple(sorted(found, key=lambda suspicion: -suspicion.level))

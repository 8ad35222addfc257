"""Findings as they come: all of them, or the same thing at many places as one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from kubectl_skoop.model.listed import listed
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Suspicion

MOST_EVIDENCE = 10
"""Lines of a finding that is the same at many places."""


class Each:
    """Every finding at its own place."""

    def __init__(self) -> None:
        self._found: list[Suspicion] = []

    def add(self, findings: Iterable[Suspicion]) -> None:
        self._found += findings

    def all(self) -> Iterator[Suspicion]:
        return iter(self._found)


@dataclass(slots=True)
class _Group:
    """The same thing, wherever it is wrong."""

    first: Suspicion
    places: dict[Place | None, None] = field(default_factory=dict)
    evidence: dict[str, None] = field(default_factory=dict)

    def add(self, finding: Suspicion) -> None:
        self.places[finding.where.place] = None
        if len(self.evidence) < MOST_EVIDENCE:
            self.evidence |= dict.fromkeys(finding.evidence)

    def whole(self) -> Suspicion:
        if len(self.places) == 1:
            return self.first
        return replace(
            self.first,
            where=self.first.where._replace(place=None),
            message=f"{self.first.message} (at {len(self.places):,} places: {listed(self.places)})",
            evidence=tuple(islice(self.evidence, MOST_EVIDENCE)),
            about=(*self.first.about, *(place for place in self.places if place is not None)),
        )


class Merged:
    """The same thing at many places is one finding that names some of them. Only the first is kept."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str, str], _Group] = {}

    def add(self, findings: Iterable[Suspicion]) -> None:
        for finding in findings:
            key = (finding.code, finding.message, finding.where.device)
            if key not in self._groups:
                self._groups[key] = _Group(finding)
            self._groups[key].add(finding)

    def all(self) -> Iterator[Suspicion]:
        return (group.whole() for group in self._groups.values())

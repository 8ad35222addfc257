"""Comparisons that nodes share: where rules and wishes are alike for a door, so is what is found.

In iptables mode a node's rules are held against another node's as a whole. Only the doors behind what
differs, and those that mean something else on this node, are asked one by one.
"""

from collections.abc import Hashable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import NamedTuple

from kubectl_skoop.diagnosis.services.compare import Compared, compare_door
from kubectl_skoop.diagnosis.services.iptables import IptablesRules, Part
from kubectl_skoop.diagnosis.services.meaning import Wanted
from kubectl_skoop.diagnosis.services.rules import ServiceRules
from kubectl_skoop.model.place import Place

MOST_VARIANTS = 3
"""Of one door, that are remembered: most nodes are alike, some were not told of the newest endpoints."""
MOST_REFERENCES = 2
"""Nodes of one family that others are held against: two versions of a proxy write other rules."""


class _Known(NamedTuple):
    told: Hashable
    """By the rules."""
    meant: tuple[object, ...]
    compared: Compared


class Comparisons:
    """Of many nodes, one after another."""

    def __init__(self, pods: tuple[str, ...], *, alone: bool = False) -> None:
        """`pods`: the networks of all pods; `alone`: there is one node, so nothing is to be remembered."""
        self._pods = pods
        self._alone = alone
        self._known: dict[Hashable, list[_Known]] = {}
        self._references: dict[int, list[_Reference]] = {}

    def of_node(self, rules: ServiceRules, family: int, place: Place) -> "Comparison":
        """For the doors of one node; `rules`: those of the family."""
        if self._alone or not isinstance(rules, IptablesRules):
            return Comparison(self, rules, place)
        known = self._references.setdefault(family, [])
        for reference in known:
            differences = rules.differences(reference.rules)
            if differences is not None:
                held = _Held(self, rules, place, reference, frozenset(differences))
                if held.mostly_alike:
                    return held
        known.insert(0, _Reference(rules))
        del known[MOST_REFERENCES:]
        return _Held(self, rules, place, known[0], frozenset())

    def compare(self, rules: ServiceRules, wanted: Wanted, place: Place) -> Compared:
        """Whatever other nodes have."""
        return compare_door(rules, wanted, place, self._pods)

    def asked(self, rules: ServiceRules, wanted: Wanted, place: Place) -> Compared:
        """By what the rules tell of the door."""
        told, meant = None if self._alone else rules.told(wanted.door), wanted.meant
        if told is None:
            return self.compare(rules, wanted, place)
        variants = self._known.setdefault((rules.mode, *_key(wanted)), [])
        for at, known in enumerate(variants):
            if known.told == told and known.meant == meant:
                variants.insert(0, variants.pop(at))
                return known.compared
        compared = self.compare(rules, wanted, place)
        variants.insert(0, _Known(told, meant, compared))
        del variants[MOST_VARIANTS:]
        return compared


class Comparison:
    """The doors of one node, asked one by one."""

    def __init__(self, every: Comparisons, rules: ServiceRules, place: Place) -> None:
        self._every = every
        self._rules = rules
        self._place = place

    def of(self, wanted: Wanted) -> Compared:
        return _at(self._every.asked(self._rules, wanted, self._place), self._place)


class _Reference:
    """A node's rules, and what was found at the doors that mean the same on most nodes."""

    def __init__(self, rules: IptablesRules) -> None:
        self.rules = rules
        self.found: dict[Wanted, Compared] = {}
        self._behind: dict[Part, list[Wanted]] = {}
        """Doors by each part of the rules that what was found there depends on."""

    def add(self, wanted: Wanted, parts: Iterable[Part], compared: Compared) -> None:
        self.found[wanted] = compared
        for part in parts:
            self._behind.setdefault(part, []).append(wanted)

    def behind(self, parts: AbstractSet[Part]) -> AbstractSet[Wanted]:
        return {wanted for part in parts for wanted in self._behind.get(part, ())}


class _Held(Comparison):
    """The doors of a node whose rules were held against another node's."""

    def __init__(
        self,
        every: Comparisons,
        rules: IptablesRules,
        place: Place,
        reference: _Reference,
        differences: AbstractSet[Part],
    ) -> None:
        super().__init__(every, rules, place)
        self._parts = rules.parts
        self._reference = reference
        self._differences = differences
        self._behind = reference.behind(differences)

    @property
    def mostly_alike(self) -> bool:
        """Most doors are behind no part that differs."""
        return 2 * len(self._behind) <= len(self._reference.found)

    def of(self, wanted: Wanted) -> Compared:
        if wanted in self._behind or not wanted.common:
            return super().of(wanted)
        return _at(self._reference.found.get(wanted) or self._add(wanted), self._place)

    def _add(self, wanted: Wanted) -> Compared:
        """A door that no node had yet."""
        parts = [*self._parts(wanted.door)]
        if not self._differences.isdisjoint(parts):
            return self._every.asked(self._rules, wanted, self._place)
        compared = self._every.compare(self._rules, wanted, self._place)
        self._reference.add(wanted, parts, compared)
        return compared


def _key(wanted: Wanted) -> tuple[Hashable, ...]:
    """A node port is at an address of each node's own, which nothing that is found names."""
    door = wanted.door
    if door.kind == "node-port":
        return wanted.service.key, door.kind, door.address.version, door.port, door.protocol
    return wanted.service.key, door


def _at(compared: Compared, place: Place) -> Compared:
    if not compared.findings:
        return compared
    moved = (replace(one, where=one.where._replace(place=place)) for one in compared.findings)
    return compared._replace(findings=tuple(moved))

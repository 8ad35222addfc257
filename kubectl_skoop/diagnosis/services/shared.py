"""Comparisons that nodes share: where rules and wishes are alike for a door, so is what is found."""

from collections.abc import Hashable
from dataclasses import replace
from typing import NamedTuple

from kubectl_skoop.diagnosis.services.compare import Compared, compare_door
from kubectl_skoop.diagnosis.services.meaning import Wanted
from kubectl_skoop.diagnosis.services.rules import ServiceRules
from kubectl_skoop.model.place import Place

MOST_VARIANTS = 3
"""Of one door, that are remembered: most nodes are alike, some were not told of the newest endpoints."""


class _Known(NamedTuple):
    told: Hashable
    """By the rules."""
    meant: tuple[object, ...]
    compared: Compared


class Comparisons:
    """Of many nodes, one after another."""

    def __init__(self, pods: tuple[str, ...]) -> None:
        """`pods`: the networks of all pods."""
        self._pods = pods
        self._known: dict[Hashable, list[_Known]] = {}

    def of(self, rules: ServiceRules, wanted: Wanted, place: Place) -> Compared:
        told, meant = rules.told(wanted.door), wanted.meant
        if told is None:
            return compare_door(rules, wanted, place, self._pods)
        variants = self._known.setdefault((rules.mode, *_key(wanted)), [])
        for at, known in enumerate(variants):
            if known.told == told and known.meant == meant:
                variants.insert(0, variants.pop(at))
                return _at(known.compared, place)
        compared = compare_door(rules, wanted, place, self._pods)
        variants.insert(0, _Known(told, meant, compared))
        del variants[MOST_VARIANTS:]
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

"""Two connectivities, compared by the names of workloads."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from kubectl_skoop.cluster.connectivity import OUTSIDE, Connectivity, Ends, Outer, Row
from kubectl_skoop.cluster.policy.interval import EMPTY, Intervals, contains, union
from kubectl_skoop.cluster.policy.universe import bits_of, positions_of


class Change(NamedTuple):
    """What may pass from one workload to another, before and after."""

    source: str
    destination: str
    before: Intervals
    after: Intervals
    unknown: bool
    """On one of the two sides something is unknown."""
    addresses: Intervals = EMPTY
    """Of OUTSIDE, if that is the source or the destination."""


class Difference(NamedTuple):
    changes: tuple[Change, ...]
    gone: tuple[str, ...]
    """Workloads that only the first has."""
    new: tuple[str, ...]


def difference(before: Connectivity, after: Connectivity) -> Difference:
    """By workloads that both have, and with the outside."""
    old, new = _places(before), _places(after)
    both = sorted(old.keys() & new.keys())
    return Difference(
        changes=tuple(_changes(before, after, both, old, new)),
        gone=tuple(sorted(old.keys() - new.keys())),
        new=tuple(sorted(new.keys() - old.keys())),
    )


def _places(found: Connectivity) -> Mapping[str, int]:
    """The class of each workload; of one that is in several classes, of its pods."""
    seen: dict[str, int] = {}
    for one in found.classes:
        for name in one.workloads:
            seen[name] = seen.get(name, 0) + 1
    places: dict[str, int] = {}
    for at, one in enumerate(found.classes):
        places |= {name: at for name in one.workloads if seen[name] == 1}
        if any(seen[name] > 1 for name in one.workloads):
            places |= {f"pod/{member}": at for member in one.members}
    return places


def _changes(
    before: Connectivity,
    after: Connectivity,
    names: list[str],
    old: Mapping[str, int],
    new: Mapping[str, int],
) -> Iterator[Change]:
    """Names that share their class on both sides are compared once, and told one by one."""
    cells: dict[tuple[int, int], list[int]] = {}
    for at, name in enumerate(names):
        cells.setdefault((old[name], new[name]), []).append(at)
    to_old, to_new = _translator(cells, 0, len(names)), _translator(cells, 1, len(names))
    for (was, now), members in cells.items():
        first, second = before.ends[was], after.ends[now]
        for change in _with_outside(first, second):
            for at in members:
                yield (
                    change._replace(destination=names[at])
                    if change.source
                    else change._replace(source=names[at])
                )
        rows = (_named(first.allowed, to_old), _named(second.allowed, to_new))
        doubts = (_named(first.unknown, to_old), _named(second.unknown, to_new))
        if rows[0] == rows[1] and doubts[0] == doubts[1]:
            continue
        for source in range(len(names)):
            ports = tuple(_of(side, source) for side in rows)
            unsure = tuple(_of(side, source) for side in doubts)
            if ports[0] != ports[1] or unsure[0] != unsure[1]:
                for at in members:
                    if at != source:
                        yield Change(
                            names[source], names[at], ports[0], ports[1], bool(unsure[0] or unsure[1])
                        )


def _with_outside(before: Ends, after: Ends) -> Iterator[Change]:
    """With one side empty: it is the class."""
    for came, goes, found in (
        (OUTSIDE, "", [(one.from_outside, one.from_outside_unknown) for one in (before, after)]),
        ("", OUTSIDE, [(one.to_outside, one.to_outside_unknown) for one in (before, after)]),
    ):
        if found[0] == found[1]:
            continue
        changed: dict[tuple[Intervals, ...], list[tuple[int, int]]] = {}
        for low, high in _cells([outers for side in found for outers in side]):
            (was, perhaps_was), (now, perhaps_now) = (
                tuple(_ports_at(outers, low) for outers in side) for side in found
            )
            if (was, perhaps_was) != (now, perhaps_now):
                changed.setdefault((was, now, union((*perhaps_was, *perhaps_now))), []).append((low, high))
        for (was, now, perhaps), addresses in changed.items():
            yield Change(came, goes, was, now, bool(perhaps), union(addresses))


def _cells(found: Sequence[tuple[Outer, ...]]) -> Iterator[tuple[int, int]]:
    """Ranges of addresses within which all of them say the same."""
    edges = sorted(
        {
            edge
            for outers in found
            for _, addresses in outers
            for low, high in addresses
            for edge in (low, high + 1)
        }
    )
    return zip(edges, (edge - 1 for edge in edges[1:]), strict=False)


def _ports_at(outers: tuple[Outer, ...], address: int) -> Intervals:
    return union(part for ports, addresses in outers if contains(addresses, address) for part in ports)


def _translator(cells: Mapping[tuple[int, int], list[int]], side: int, size: int) -> Callable[[int], int]:
    """Bits of classes → bits of names."""
    members: dict[int, list[int]] = {}
    for cell, found in cells.items():
        members.setdefault(cell[side], []).extend(found)
    known: dict[int, int] = {}

    def translate(bits: int) -> int:
        if bits not in known:
            known[bits] = bits_of((at for one in positions_of(bits) for at in members.get(one, ())), size)
        return known[bits]

    return translate


def _named(rows: tuple[Row, ...], translate: Callable[[int], int]) -> dict[Intervals, int]:
    named = {row.ports: translate(row.sources) for row in rows}
    return {ports: bits for ports, bits in named.items() if bits}


def _of(rows: Mapping[Intervals, int], at: int) -> Intervals:
    return next((ports for ports, bits in rows.items() if bits >> at & 1), ())

"""Which lane and which column each stop has: places from top to bottom, ways from left to right."""

from collections.abc import Iterator
from typing import NamedTuple

from kubectl_skoop.model.place import Place
from kubectl_skoop.report.picture.ways import Direction, Stop, Ways


class Machine(NamedTuple):
    """A node with its pods, or a place that is on no node."""

    node: Place | None
    places: tuple[Place, ...]


class Cell(NamedTuple):
    """A stop in its lane and column."""

    stop: Stop
    row: int
    column: int
    before: int | None
    """Position of the cell that it came from."""
    direction: Direction


class Grid(NamedTuple):
    machines: tuple[Machine, ...]
    cells: tuple[Cell, ...]
    columns: int
    back: int
    """The first column of the way back."""


def grid(ways: Ways) -> Grid:
    machines = _machines(ways)
    rows = {place: row for row, place in enumerate(place for machine in machines for place in machine.places)}
    cells: list[Cell] = []
    columns = 0
    back = 0

    def put(stop: Stop, column: int, before: int | None, direction: Direction, coming: int) -> None:
        nonlocal columns
        row = rows[stop.place]
        here = len(cells)
        cells.append(Cell(stop, row, column, before, direction))
        for number, child in enumerate(stop.onward):
            step = rows[child.place] - row
            straight = number == 0 and step != 0 and step * coming >= 0
            if not straight:
                columns += 1
            put(child, column if straight else columns - 1, here, direction, step)

    for direction, trees in (("way", ways.way), ("back", ways.back)):
        if direction == "back":
            back = columns
        for tree in trees:
            columns += 1
            put(tree, columns - 1, None, "way" if direction == "way" else "back", 0)
    return Grid(machines, tuple(cells), columns, back)


def _machines(ways: Ways) -> tuple[Machine, ...]:
    """Nodes in the order that they are reached, each with the pods that a veth joins to it."""
    stops = list(_all(ways))
    owner: dict[Place, Place] = {}
    for stop in stops:
        if stop.arrived and stop.arrived.kind == "veth":
            ends = (stop.arrived.source, stop.arrived.hop.place)
            for inner, outer in (ends, ends[::-1]):
                if outer.kind == "node" and inner.kind != "node":
                    owner.setdefault(inner, outer)
    together: dict[Place, dict[Place, None]] = {}
    for stop in stops:
        together.setdefault(owner.get(stop.place, stop.place), {})[stop.place] = None
    return tuple(Machine(of if of.kind == "node" else None, tuple(places)) for of, places in together.items())


def _all(ways: Ways) -> Iterator[Stop]:
    for tree in (*ways.way, *ways.back):
        yield from tree.walk()

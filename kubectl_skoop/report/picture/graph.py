"""The way of a packet as nodes and edges in groups, for programs that lay out by themselves."""

from collections.abc import Iterable
from typing import NamedTuple

from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.model.place import Place
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.picture.grid import Cell, grid
from kubectl_skoop.report.picture.ways import Direction, Fate, Stop, ways
from kubectl_skoop.report.picture.words import Line, arrow_lines, card_lines, wrapped
from kubectl_skoop.report.question import question

COLUMNS = 60


class Node(NamedTuple):
    """What one place did with the packet."""

    id: str
    lines: tuple[str, ...]
    fate: Fate | None
    """If the way ends here."""


class Group(NamedTuple):
    """A place, with its nodes."""

    id: str
    place: Place
    nodes: tuple[Node, ...]


class Machine(NamedTuple):
    """A node with its pods; `name` is empty where a place is on no node."""

    id: str
    name: str
    groups: tuple[Group, ...]


class Edge(NamedTuple):
    """A packet that crosses, between two nodes by their ids."""

    source: str
    target: str
    lines: tuple[str, ...]
    direction: Direction
    tunnel: bool


class Graph(NamedTuple):
    title: str
    machines: tuple[Machine, ...]
    edges: tuple[Edge, ...]

    def path(self, node: str) -> tuple[str, str, str]:
        """Ids of the machine and of the place that a node is in, and its own."""
        return next(
            (machine.id, group.id, node)
            for machine in self.machines
            for group in machine.groups
            if any(one.id == node for one in group.nodes)
        )


def graph(diagnosis: Diagnosis) -> Graph:
    """All text is in one line each, without control characters."""
    placed = grid(ways(diagnosis))
    ids = [f"{cell.direction}{number}" for number, cell in enumerate(placed.cells)]

    def nodes(place: Place) -> tuple[Node, ...]:
        return tuple(
            Node(name, _lines(card_lines(cell.stop)), cell.stop.end and cell.stop.end.fate)
            for name, cell in zip(ids, placed.cells, strict=True)
            if cell.stop.place == place
        )

    return Graph(
        title=f"{question(diagnosis)}: {safe(diagnosis.headline)}",
        machines=tuple(
            Machine(
                f"machine{number}",
                safe(machine.node.name) if machine.node else "",
                tuple(
                    Group(f"place{number}_{position}", place, nodes(place))
                    for position, place in enumerate(machine.places)
                ),
            )
            for number, machine in enumerate(placed.machines)
        ),
        edges=tuple(
            _edge(cell, placed.cells[cell.before].stop, ids[cell.before], name)
            for name, cell in zip(ids, placed.cells, strict=True)
            if cell.before is not None
        ),
    )


def _edge(cell: Cell, before: Stop, source: str, target: str) -> Edge:
    link = cell.stop.arrived
    assert link is not None
    lines = list(arrow_lines(cell.stop, link, before))
    tunnel = any(line.kind == "tunnel" for line in lines)
    return Edge(source, target, _lines(lines), cell.direction, tunnel)


def _lines(lines: Iterable[Line]) -> tuple[str, ...]:
    return tuple(part.text for line in lines for part in wrapped(line, COLUMNS))

"""What limits say on the way of a flow, and of a whole node."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from kubectl_skoop.diagnosis.limits import connections, devices, node, sockets
from kubectl_skoop.diagnosis.limits.measured import Measured, Measurements
from kubectl_skoop.diagnosis.result import Missing
from kubectl_skoop.diagnosis.unread import unread
from kubectl_skoop.diagnosis.walk.branch import Branch
from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.netstack.namespace import NetworkNamespace


class Found(NamedTuple):
    """What was counted on the way of a flow, and what could not be read of it."""

    findings: tuple[Suspicion, ...]
    unread: tuple[Missing, ...]


def on_the_way(measurements: Measurements, branches: Sequence[Branch]) -> Found:
    """At the places that packets came to: what was counted there, and what is full."""
    places = [(measurements.of(ns), names) for ns, names in _passed(branches)]
    return Found(
        tuple(_findings(places, set(_asked(branches)))),
        tuple(gap for measured, _ in places for gap in unread(measured.ns.place, measured.unread)),
    )


def _passed(branches: Iterable[Branch]) -> Iterator[tuple[NetworkNamespace, set[str]]]:
    """Nodes and pods, with the names of the devices that packets came and left by."""
    passed: dict[Place, set[str]] = {}
    seen: dict[Place, NetworkNamespace] = {}
    for branch in branches:
        for link in branch.links:
            passed.setdefault(link.source, set()).add(link.oif)
            passed.setdefault(link.hop.place, set()).add(link.hop.iif)
        seen |= {stack.ns.place: stack.ns for stack in branch.stacks.values()}
    for place, names in passed.items():
        if place in seen and place.kind in ("node", "pod"):
            yield seen[place], names


def _asked(branches: Iterable[Branch]) -> Iterator[Place]:
    """Where a TCP connection came to a socket."""
    for branch in branches:
        for stack in branch.stacks.values():
            if any(server.protocol == Protocol.TCP for server in stack.servers):
                yield stack.ns.place


def _findings(places: Iterable[tuple[Measured, set[str]]], asked: Collection[Place]) -> Iterator[Suspicion]:
    nodes: set[str] = set()
    for measured, names in places:
        yield from devices.found(measured, names)
        yield from connections.dropped(measured)
        if measured.ns.place in asked:
            yield from sockets.overflowed(measured)
        if measured.ns.node not in nodes:
            nodes.add(measured.ns.node)
            yield from node.neighbours_overflowed(measured)
            yield from node.backlog(measured)


def of_namespace(measured: Measured) -> Iterator[Suspicion]:
    """Without a flow: all of its devices, sockets and connections."""
    yield from devices.found(measured, measured.ns.device_by_name)
    yield from connections.full(measured)
    yield from connections.dropped(measured)
    yield from sockets.full(measured)
    yield from sockets.half_open(measured)
    yield from sockets.overflowed(measured)


def of_node(measured: Measured, namespaces: Iterable[NetworkNamespace]) -> Iterator[Suspicion]:
    """What the namespaces of a node share, as one of them tells it; `namespaces`: all of them."""
    full = list(node.neighbours_full(measured, namespaces))
    yield from full or node.neighbours_overflowed(measured)
    yield from node.backlog(measured)

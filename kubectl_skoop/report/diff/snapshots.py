"""Two snapshots: which nodes, pods and objects are new, gone, or changed."""

from collections.abc import Callable, Iterator, Mapping, Set
from typing import NamedTuple

from kubectl_skoop.cluster.raw import ref_of
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.report.diff.change import (
    Difference,
    FlowChange,
    ObjectChange,
    PlaceChange,
    TableChange,
    Uncompared,
    union,
)
from kubectl_skoop.report.diff.objects import compare_clouds, compare_objects
from kubectl_skoop.report.diff.place import compare_tables
from kubectl_skoop.snapshot.dump import NamespaceDump
from kubectl_skoop.snapshot.index import damaged_places
from kubectl_skoop.snapshot.source import Snapshot


class Namespaces(NamedTuple):
    """Of one node."""

    by_place: Mapping[str, NamespaceDump]
    """The node, and its pods, as `pod/NAMESPACE/NAME`."""
    lost: str
    """What its dump lacks, in words: a place that is not there may be among it."""


Watch = Callable[[str, str], None]
"""Is told the node that is compared, and how far that is."""


def difference(
    before: Snapshot,
    after: Snapshot,
    flow: FlowChange | None = None,
    watch: Watch = lambda node, progress: None,
) -> Difference:
    watch("objects", "are compared")
    found = [*compare_objects(before, after), *compare_clouds(before, after), *_places(before, after, watch)]
    found += [
        Uncompared(gap.what, f"{which}: {gap.state} ({gap.reason})")
        for which, source in (("before", before), ("after", after))
        for gap in source.file.damage
    ]
    return Difference(
        places=tuple(one for one in found if isinstance(one, PlaceChange)),
        objects=tuple(one for one in found if isinstance(one, ObjectChange)),
        uncompared=tuple(one for one in found if isinstance(one, Uncompared)),
        flow=flow,
    )


def _places(before: Snapshot, after: Snapshot, watch: Watch) -> Iterator[PlaceChange | Uncompared]:
    of_objects = _of_objects(before), _of_objects(after)
    nodes = sorted({*before.nodes(), *after.nodes()})
    for number, node in enumerate(nodes, 1):
        watch(node, f"is compared, {number:,} of {len(nodes):,}")
        place = Place("node", node)
        old, new = _namespaces(before, node), _namespaces(after, node)
        if isinstance(old, Namespaces) and isinstance(new, Namespaces):
            yield from _compare(old, new)
        elif isinstance(new, NotCollected) and _may_be_there(after, of_objects[1], node):
            yield Uncompared(str(place), f"after: {new}")
        elif isinstance(old, NotCollected) and _may_be_there(before, of_objects[0], node):
            yield Uncompared(str(place), f"before: {old}")
        else:
            yield PlaceChange(place, "gone" if isinstance(new, NotCollected) else "new")


def _of_objects(source: Snapshot) -> Set[str]:
    """Names of nodes."""
    found = source.each("Node", lambda item: ref_of(item).name)
    return frozenset(() if isinstance(found, NotCollected) else found)


def _may_be_there(source: Snapshot, known: Set[str], node: str) -> bool:
    """The cluster had it, or the file has lost too much to tell."""
    damaged = any(gap.what == "index" for gap in source.file.damage)
    return damaged or node in source.file.index.nodes or node in known


def _namespaces(source: Snapshot, node: str) -> Namespaces | NotCollected:
    dump = source.node_dump(node)
    if isinstance(dump, NotCollected):
        return dump
    entry = source.node(node)
    damaged = () if isinstance(entry, NotCollected) else damaged_places(entry, dump)
    found = {
        name: namespace
        for namespace in dump.namespaces
        for name in (
            [f"node/{node}"] if namespace.kind == "host" else [f"pod/{pod}" for pod in namespace.pods]
        )
    }
    return Namespaces(found, "; ".join((*dump.lost, *(f"{place}: damaged" for place in damaged))))


def _compare(before: Namespaces, after: Namespaces) -> Iterator[PlaceChange | Uncompared]:
    for name in union(before.by_place, after.by_place):
        kind, _, rest = name.partition("/")
        place = Place("node" if kind == "node" else "pod", rest)
        old, new = before.by_place.get(name), after.by_place.get(name)
        if old is not None and new is not None:
            found = list(compare_tables(name, old.tables, new.tables))
            yield from (one for one in found if isinstance(one, Uncompared))
            if tables := tuple(one for one in found if isinstance(one, TableChange)):
                yield PlaceChange(place, "changed", tables)
        elif lost := (after.lost if new is None else before.lost):
            yield Uncompared(name, f"{'after' if new is None else 'before'}: lost: {lost}")
        else:
            yield PlaceChange(place, "gone" if new is None else "new")

"""Snapshots made of what was collected: one node's dump, or several dumps merged with the objects."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

from kubectl_skoop.cluster.raw import Object, ref_of
from kubectl_skoop.model.errors import FormatError, InputError
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.dump import NodeDump
from kubectl_skoop.snapshot.format import Header
from kubectl_skoop.snapshot.index import NodeEntry, damaged_places
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from kubectl_skoop.snapshot.write import SnapshotWriter, writing

_DAMAGED = "the dump's file is damaged there"
Infra = Callable[[Snapshot], tuple[str, Mapping[str, object] | NotCollected]]
"""Gathers what the cluster's cloud says: the provider's name, and its fields; none of them: it needs none."""


def new_header(time: float, cluster: Mapping[str, object] | None = None) -> Header:
    """`time`: seconds since the epoch."""
    return Header(tool=version("kubectl-skoop"), time=time, cluster=cluster or {})


def write_node_dump(dump: NodeDump, path: Path) -> None:
    """A snapshot with one node and no objects. Raises: OSError."""
    with writing(path, new_header(dump.time)) as writer:
        writer.add_node(dump)


def send_node_dump(dump: NodeDump, stream: BinaryIO) -> None:
    """The same to a stream, as a pipe. Raises: OSError."""
    writer = SnapshotWriter(stream, new_header(dump.time))
    writer.add_node(dump)
    writer.finish()
    stream.flush()


def assemble(
    dumps: Iterable[Path],
    objects: Mapping[str, Sequence[Object]],
    path: Path,
    *,
    time: float,
    infra: Infra | None = None,
) -> tuple[NotCollected, ...]:
    """Merges node dumps (or whole snapshots), objects and what the cloud says into one snapshot.

    Returns what is not in it: nodes without a dump, and what the dumps had lost.
    Raises: InputError (FormatError for a file that is no dump; two dumps of one node), OSError.
    """
    missing: list[NotCollected] = []
    damaged: list[NotCollected] = []
    origin: dict[str, Path] = {}
    with writing(path, new_header(time)) as writer:
        for kind in sorted(objects):
            writer.add_objects(kind, objects[kind])
        for dump in dumps:
            snapshot = open_snapshot(dump)
            try:
                damaged += _merge(writer, snapshot, dump, origin)
                missing += snapshot.missing
            finally:
                snapshot.close()
        for what in missing:
            if not what.what.startswith("node/"):
                writer.add_note(what.what, what.state, what.reason)
        expected = {ref_of(item).name for item in objects.get("Node", ())}
        for name in sorted(expected - origin.keys()):
            writer.add_missing_node(name, "not collected", "no dump of this node was given")
            missing.append(NotCollected(f"node/{name}", "not collected", "no dump of this node was given"))
        if infra is not None:
            missing += add_infra(writer, infra)
    return tuple(dict.fromkeys((*missing, *damaged)))


def add_infra(writer: SnapshotWriter, infra: Infra) -> tuple[NotCollected, ...]:
    """Returns what the cloud did not tell. Raises: what `infra` does."""
    snapshot = open_snapshot(writer.checkpoint())
    try:
        provider, fields = infra(snapshot)
    finally:
        snapshot.close()
    if isinstance(fields, NotCollected):
        writer.add_note(fields.what, fields.state, fields.reason)
        return (fields,)
    if fields:
        writer.add_infra(provider, fields)
    return ()


def merge_dump(
    writer: SnapshotWriter, path: Path, node: str, clock: Callable[[float], float] | None = None
) -> tuple[NotCollected, ...]:
    """Adds the dump of one node that was just read. Returns what it lacks.

    `clock`: for the node's time at the beginning of its dump, its clock less the API server's, seconds.

    Raises: FormatError where it is no dump of that node.
    """
    snapshot = open_snapshot(path)
    try:
        if snapshot.nodes() != (node,):
            raise FormatError(f"it sent the dump of {', '.join(snapshot.nodes()) or 'no node'}")
        offset = None
        if clock is not None and isinstance(entry := snapshot.node(node), NodeEntry):
            offset = round(clock(entry.time), 1)
        damaged = _merge(writer, snapshot, path, {}, offset)
        return (*snapshot.missing, *damaged)
    finally:
        snapshot.close()


def _merge(
    writer: SnapshotWriter,
    snapshot: Snapshot,
    path: Path,
    origin: dict[str, Path],
    clock_offset: float | None = None,
) -> list[NotCollected]:
    """Returns places whose part of the dump is damaged; they are noted."""
    damaged: list[NotCollected] = []
    for name in snapshot.nodes():
        if name in origin:
            raise InputError(f"node {name} is in two dumps: {origin[name]} and {path}", hint="leave one out")
        origin[name] = path
        entry, dump = snapshot.node(name), snapshot.node_dump(name)
        if isinstance(dump, NotCollected) or isinstance(entry, NotCollected):
            if isinstance(dump, NotCollected):
                writer.add_missing_node(name, dump.state, dump.reason)
            continue
        places = [str(place) for place in damaged_places(entry, dump)]
        for place in places:
            writer.add_note(place, "lost", _DAMAGED)
            damaged.append(NotCollected(place, "lost", _DAMAGED))
        gone = [f"{place}: {_DAMAGED}" for place in places]
        facts = dump.facts if clock_offset is None else dump.facts._replace(clock_offset=clock_offset)
        writer.add_node(dump._replace(facts=facts), (*entry.lost, *gone))
    return damaged

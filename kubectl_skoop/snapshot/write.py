"""A snapshot written section by section: memory holds one node and the index, not the cluster."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from kubectl_skoop.cluster.addresses import addresses_of
from kubectl_skoop.cluster.raw import Object, ref_of
from kubectl_skoop.model.missing import MissingState
from kubectl_skoop.snapshot import output_file, records
from kubectl_skoop.snapshot.alike import Alike
from kubectl_skoop.snapshot.dump import NamespaceDump, NodeDump, Table
from kubectl_skoop.snapshot.format import (
    Dictionary,
    Header,
    SectionKind,
    SectionRef,
    Span,
    pack,
    pack_header,
    pack_section,
    pack_trailer,
)
from kubectl_skoop.snapshot.hosts import Hosts
from kubectl_skoop.snapshot.limits import (
    KIB,
    MAX_CONTAINERS,
    MAX_TABLE,
    MAX_TEXT,
    Refused,
    check_size,
    containers_in,
)
from kubectl_skoop.snapshot.lookup import Lookup
from kubectl_skoop.snapshot.packed_rows import PackedRows
from kubectl_skoop.snapshot.pieces import cut

INLINE = 4 * KIB
"""A table that packs to more than this is a section of its own, bytes."""
INLINE_ROWS = 10
"""The same of packed rows, which are for tables of many."""
PLAIN_NODES = 16
"""The first ones share with others only what is equal: a small file is simple, and bears damage best."""
OBJECTS_PER_SHARD = 500
UNKNOWN_COUNT = 0
"""Of all shards but the last."""
_EACH_ITS_OWN = frozenset({"node", "netns"})
"""Kinds of sections that say whose they are, so that no two are equal."""
NAMED = frozenset({"Pod", "Service"})
"""Kinds that are found by their bare name, too."""


@contextmanager
def writing(path: Path, header: Header) -> "Iterator[SnapshotWriter]":
    """Writes beside the target and moves it there when all is written; after an error nothing is left.

    Raises: OSError; InputError, where no file can be.
    """
    output_file.check_target(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with output_file.create(partial, path) as file:
        try:
            writer = SnapshotWriter(file, header)
            yield writer
            writer.finish()
            output_file.sync(file, path)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


class SnapshotWriter:
    """Writes a stream, section by section; `finish` makes it a whole snapshot.

    Objects come before nodes, so that a file that is cut off later still has them.
    """

    def __init__(self, file: BinaryIO, header: Header) -> None:
        self._file = file
        self._header = pack_header(header)
        self._stored: dict[bytes, SectionRef] = {}
        self._nodes: dict[str, object] = {}
        self._summaries: dict[str, object] = {}
        self._objects: dict[str, list[object]] = {}
        self._owners, self._names, self._pods = Lookup(), Lookup(), Lookup()
        self._hosts = Hosts()
        self._infra: dict[str, object] = {}
        self._notes: list[object] = []
        self._certificate: Mapping[str, object] = {}
        self._chunks = records.Chunks()
        self._alike = Alike()
        self._lock = Lock()
        file.write(self._header)
        self._position = len(self._header)
        """Bytes written; a pipe cannot tell."""

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._position

    @property
    def addresses(self) -> frozenset[str]:
        """All that the objects so far have."""
        return frozenset(self._owners.keys())

    def checkpoint(self) -> Path:
        """Makes a regular file a whole snapshot for now: what is added later takes the place of the index.

        Returns where it is. A snapshot that is opened there must be closed before more is added.
        """
        end, stored = self._position, dict(self._stored)
        self.finish()
        self._file.flush()
        self._file.truncate()
        self._file.seek(end)
        self._position, self._stored = end, stored
        return Path(self._file.name)

    def add_node(self, dump: NodeDump, lost: Sequence[str] = ()) -> None:
        """`lost`: what a damaged dump no longer holds of this node, in words."""
        namespaces = []
        for namespace in dump.namespaces:
            at = self._add_namespace(dump.node, namespace)
            namespaces.append(
                {
                    "id": namespace.id,
                    "kind": namespace.kind,
                    "pods": list(namespace.pods),
                    "section": at.packed(),
                }
            )
            for pod in namespace.pods:
                self._pods.add(pod, [dump.node, namespace.id])
        content: dict[str, object] = {
            "node": dump.node,
            "time": dump.time,
            "kernel": dump.kernel,
            "tools": dict(dump.tools),
            "namespaces": namespaces,
            "lost": list(dict.fromkeys((*dump.lost, *lost))),
        }
        if dump.ended:
            content["ended"] = dump.ended
        if facts := {
            name: value for name, value in dump.facts._asdict().items() if value not in ("", (), None)
        }:
            content["facts"] = facts
        self._hosts.add(dump)
        self._nodes[dump.node] = self._add("node", dump.node, pack(content)).packed()
        offset = dump.facts.clock_offset
        self._summaries[dump.node] = [dump.time, dump.ended, offset, bool(content["lost"])]

    def add_chunk(self, chunk: Sequence[object]) -> SectionRef:
        """Records for tables whose data is `records.Arranged`. Raises: Refused, where they are too large."""
        raw = pack(chunk)
        check_size(raw)
        return self._add("table", "records", raw)

    def add_missing_node(self, node: str, state: MissingState, reason: str) -> None:
        self._nodes.setdefault(node, {"state": state, "reason": reason})

    def add_objects(self, kind: str, objects: Iterable[Object]) -> None:
        """All objects of a kind; none of them is an answer, too: then the cluster has none."""
        stream = self.objects(kind)
        for item in sorted(objects, key=ref_of):
            stream.add(item)
        stream.finish()

    def objects(self, kind: str) -> "ObjectStream":
        """For all objects of a kind as they come, in about the order of their names. Streams of several
        kinds may be written at a time, also by several threads."""
        return ObjectStream(self, kind)

    def write_shard(self, kind: str, number: int, last: bool, shard: Sequence[Object]) -> list[object]:
        """Its entry for the index. The last one tells how many there are, so that a lost one is missed."""
        first, final = ref_of(shard[0]).namespace, ref_of(shard[-1]).namespace
        count = number + 1 if last else UNKNOWN_COUNT
        raw = pack({"kind": kind, "shard": number, "of": count, "objects": shard}, large_as_text=True)
        with self._lock:
            section = self._add("objects", f"{kind}/{number}", raw)
        return [first, final, section.packed()]

    def enter_objects(self, kind: str, shards: list[object], owners: Lookup, names: Lookup) -> None:
        """All shards of a kind are written: now it is in the index."""
        with self._lock:
            self._objects[kind] = shards
            self._owners.update(owners)
            self._names.update(names)

    def add_infra(self, provider: str, fields: Mapping[str, object]) -> None:
        raw = pack({"provider": provider, "fields": fields})
        self._infra[provider] = self._add("infra", provider, raw).packed()

    def add_note(self, what: str, state: MissingState, reason: str) -> None:
        """Something beside nodes that is not there."""
        self._notes.append([what, state, reason])

    def certify(self, certificate: Mapping[str, object]) -> None:
        """What a redacted file says of itself."""
        self._certificate = certificate

    def _add_namespace(self, node: str, namespace: NamespaceDump) -> SectionRef:
        where = f"{node}/{namespace.id}"
        content = {
            "node": node,
            "id": namespace.id,
            "kind": namespace.kind,
            "pods": list(namespace.pods),
            "tables": {
                name: self._packed_table(f"{where}/{name}", table, f"{namespace.kind}/{name}")
                for name, table in namespace.tables.items()
            },
        }
        return self._add("netns", where, pack(content), namespace.kind)

    def _packed_table(self, where: str, table: Table, alike: str) -> Mapping[str, object]:
        entry: dict[str, object] = {"state": table.state, "reason": table.reason, "time": table.time}
        if (arranged := self._arranged(where, table.data)) is not None:
            return {**entry, **arranged}
        if not isinstance(table.data, PackedRows):
            if len(pack(table.data)) <= INLINE:
                return entry | {"data": table.data}
        elif len(table.data) <= INLINE_ROWS:
            return entry | {"data": list(table.data)}
        form, pieces = cut(table.data)
        sections: list[object] = []
        total = containers = 0
        most = MAX_TEXT if isinstance(table.data, str) else MAX_TABLE
        for number, piece in enumerate(pieces):
            total += len(piece)
            containers += containers_in(piece)
            try:
                check_size(piece)
            except Refused as refused:
                return _too_large(entry, f"a part {refused}")
            if total > most:
                return _too_large(entry, f"more than the {most} bytes that a snapshot takes")
            if containers > MAX_CONTAINERS:
                return _too_large(entry, "more values than a snapshot takes")
            sections.append(self._add("table", f"{where}/{number}", piece, alike).packed())
        return entry | {"form": form, "sections": sections}

    def _is_alike(self, where: str) -> bool:
        return len(self._nodes) >= PLAIN_NODES and where.rpartition("/")[2] in records.TABLES

    def _arranged(self, where: str, data: object) -> Mapping[str, object] | None:
        """None: the table is not of that kind."""
        if isinstance(data, records.Arranged):
            chunks, (steps, numbers) = data
        elif self._is_alike(where) and (found := records.split(data)) is not None:
            chunks, steps = self._chunks.arrange(found.records, lambda raw: self._add("table", where, raw))
            numbers = found.numbers
        else:
            return None
        form, pieces = cut({"steps": steps, "numbers": numbers})
        places = [self._add("table", where, piece).packed() for piece in pieces]
        return {
            "form": "records",
            "sections": [chunk.packed() for chunk in chunks],
            "arrangement": {"form": form, "sections": places},
        }

    def _add(self, kind: SectionKind, name: str, raw: bytes, alike: str = "") -> SectionRef:
        """`alike`: sections with the same word resemble each other."""
        sha256 = hashlib.sha256(raw).digest()
        if (stored := self._stored.get(sha256)) is not None:
            return stored
        node = len(self._nodes)
        alike = alike if node >= PLAIN_NODES else ""
        known = self._alike.dictionary(alike, node)
        packed = pack_section(kind, name, raw, sha256, known)
        ref = SectionRef(self._position, len(packed), len(raw), sha256)
        if alike and known is None:
            self._alike.offer(alike, node, Dictionary(Span(ref.offset, ref.size), raw))
        self._file.write(packed)
        self._position += len(packed)
        if kind not in _EACH_ITS_OWN:
            self._stored[sha256] = ref
        return ref

    def finish(self) -> None:
        """Writes the index; nothing may be added after it."""
        index: dict[str, object] = {
            "header": hashlib.sha256(self._header).digest(),
            "nodes": self._nodes,
            "objects": self._objects,
            "owners": self._lookup("owners", self._owners),
            "names": self._lookup("names", self._names),
            "pods": self._lookup("pods", self._pods),
            "infra": self._infra,
            "notes": self._notes,
        }
        if len(self._nodes) > PLAIN_NODES:
            index["summaries"] = self._summaries
            index["hosts"] = self._lookup("hosts", self._hosts.lookup)
        if self._certificate:
            index["certificate"] = self._certificate
        offset = self._position
        ref = self._add("index", "", pack(index))
        self._file.write(pack_trailer(offset, ref.size))

    def _lookup(self, name: str, entries: Lookup) -> list[object]:
        """So that a question reads one of the sections."""
        return [
            self._add("lookup", f"{name}/{number}", pack(shard)).packed()
            for number, shard in enumerate(entries.shards())
        ]


class ObjectStream:
    """The objects of one kind on their way into a snapshot. What is not finished is not in the index."""

    def __init__(self, writer: SnapshotWriter, kind: str) -> None:
        self._writer = writer
        self._kind = kind
        self._waiting: list[Object] = []
        self._shards: list[object] = []
        self._owners, self._names = Lookup(), Lookup()

    def add(self, item: Object) -> None:
        if len(self._waiting) == OBJECTS_PER_SHARD:
            self._flush(last=False)
        self._waiting.append(item)
        owner = ref_of(item)
        if self._kind in NAMED:
            self._names.add(f"{self._kind}/{owner.name}", owner.namespace)
        for address in addresses_of(self._kind, item):
            self._owners.add(address, [owner.kind, owner.namespace, owner.name])

    def finish(self) -> None:
        if self._waiting:
            self._flush(last=True)
        self._writer.enter_objects(self._kind, self._shards, self._owners, self._names)

    def _flush(self, *, last: bool) -> None:
        shard = sorted(self._waiting, key=ref_of)
        self._shards.append(self._writer.write_shard(self._kind, len(self._shards), last, shard))
        self._waiting = []


def _too_large(entry: Mapping[str, object], reason: str) -> Mapping[str, object]:
    return {**entry, "state": "failed", "reason": f"too large: {reason}", "data": None}

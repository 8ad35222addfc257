"""The index of a file that lost its own, by being cut off or damaged: what whole sections tell."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import msgpack

from kubectl_skoop.cluster.addresses import addresses_of
from kubectl_skoop.cluster.raw import ref_of
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.format import SECTION_START, Section, SectionRef, parse_section
from kubectl_skoop.snapshot.index import (
    Index,
    NamespaceEntry,
    NodeEntry,
    ObjectShard,
    parse_namespace_kind,
    parse_node,
)
from kubectl_skoop.snapshot.limits import MAX_SECTION, MIB, Refused
from kubectl_skoop.snapshot.read import Dictionaries

_LARGEST = MAX_SECTION + MIB


@dataclass(slots=True)
class _Found:
    """What the sections that were seen add up to."""

    nodes: dict[str, NodeEntry] = field(default_factory=dict)
    namespaces: dict[str, dict[str, NamespaceEntry]] = field(default_factory=dict)
    """Of nodes whose own section was not seen (yet)."""
    objects: dict[str, dict[int, ObjectShard]] = field(default_factory=dict)
    shards: dict[str, int] = field(default_factory=dict)
    """How many a kind has."""
    owners: dict[str, list[list[str]]] = field(default_factory=dict)
    infra: dict[str, SectionRef] = field(default_factory=dict)
    lost: list[NotCollected] = field(default_factory=list)


def recover(file: BinaryIO, start: int, size: int) -> Index:
    """Reads the file once, from `start`. What is damaged or cut is in the notes."""
    found = _Found()
    dictionaries = Dictionaries(file, size)
    for offset, end, section in _sections(file, start, size, found.lost):
        ref = SectionRef(offset, end - offset, section.length, section.sha256)
        try:
            _enter(found, section, ref, dictionaries)
        except Refused as refused:
            name = f"{section.kind}/{section.name}".rstrip("/")
            found.lost.append(NotCollected(f"section {name}", "lost", str(refused)))
    for node, namespaces in found.namespaces.items():
        if node not in found.nodes:
            found.nodes[node] = NodeEntry(
                node=node,
                namespaces=tuple(namespaces.values()),
                lost=("its list of namespaces; those that were found are used",),
            )
            found.lost.append(NotCollected(f"node/{node}", "lost", "a part of it: the file is damaged"))
    objects: dict[str, list[ObjectShard] | NotCollected] = {}
    for kind, shards in found.objects.items():
        if len(shards) == found.shards[kind]:
            objects[kind] = [shard for _, shard in sorted(shards.items())]
        else:
            reason = f"{len(shards)} of {found.shards[kind] or 'more'} parts are left"
            lost = NotCollected(f"objects/{kind}", "lost", reason)
            objects[kind] = lost
            found.lost.append(lost)
    pods: dict[str, list[list[str]]] = {}
    for entry in found.nodes.values():
        for namespace in entry.namespaces:
            for pod in namespace.pods:
                pods.setdefault(pod, []).append([entry.node, namespace.id])
    return Index(
        nodes=found.nodes,
        objects=objects,
        owners=found.owners,
        pods=pods,
        infra=found.infra,
        notes=tuple(found.lost),
    )


def _enter(found: _Found, section: Section, ref: SectionRef, dictionaries: Dictionaries) -> None:
    """By what the data says; the section's own name is not covered by the hash."""
    if section.kind not in ("node", "netns", "objects", "infra"):
        return
    match section.kind, section.content(dictionaries.of(section)):
        case "node", content:
            entry = parse_node(content)
            found.nodes.setdefault(entry.node, entry)
        case "netns", {"node": str(node), "id": str(identity), "kind": kind, "pods": list(pods)}:
            entry_of = found.namespaces.setdefault(node, {})
            entry_of[identity] = NamespaceEntry(
                id=identity, kind=parse_namespace_kind(kind), pods=tuple(map(str, pods)), section=ref
            )
        case "objects", {
            "kind": str(kind),
            "shard": int(number),
            "of": int(count),
            "objects": [_, *_] as items,
        }:
            found.shards[kind] = max(count, found.shards.get(kind, 0))
            found.objects.setdefault(kind, {})[number] = _shard(found, kind, items, ref)
        case "infra", {"provider": str(provider)}:
            found.infra[provider] = ref
        case _:
            raise Refused("holds something else than its kind says")


def _shard(found: _Found, kind: str, items: list[object], ref: SectionRef) -> ObjectShard:
    objects = [item for item in items if isinstance(item, dict)]
    if len(objects) != len(items):
        raise Refused("holds something that is no object")
    for item in objects:
        owner = ref_of(item)
        for address in addresses_of(kind, item):
            found.owners.setdefault(address, []).append([owner.kind, owner.namespace, owner.name])
    return ObjectShard(first=ref_of(objects[0]).namespace, last=ref_of(objects[-1]).namespace, section=ref)


def _sections(
    file: BinaryIO, start: int, size: int, lost: list[NotCollected]
) -> Iterator[tuple[int, int, Section]]:
    offset = start
    while offset < size:
        file.seek(offset)
        end = _end_of_value(file)
        if end is not None and offset + end <= size:
            file.seek(offset)
            try:
                yield offset, offset + end, parse_section(file.read(end))
                offset += end
                continue
            except Refused:
                pass
        resumed = _find(file, SECTION_START, offset + 1, size)
        lost.append(NotCollected(f"bytes {offset} to {resumed or size}", "lost", "damaged or cut off"))
        if resumed is None:
            return
        offset = resumed


def _end_of_value(file: BinaryIO) -> int | None:
    """Length of the msgpack value that begins here; None: damaged, or the file ends within it."""
    unpacker = msgpack.Unpacker(
        file, read_size=256 << 10, max_buffer_size=_LARGEST, max_array_len=0, max_map_len=6, max_ext_len=0
    )
    try:
        unpacker.skip()
    except (ValueError, msgpack.UnpackException, msgpack.BufferFull):
        return None
    length: int = unpacker.tell()
    return length


def next_header(file: BinaryIO, beginning: bytes, start: int, size: int) -> int:
    """Where another snapshot begins, as when two files were joined; `size`: nowhere."""
    found = _find(file, beginning, start, size)
    return size if found is None else found


def _find(file: BinaryIO, wanted: bytes, start: int, end: int) -> int | None:
    """Offset of the next `wanted` that ends before `end`."""
    file.seek(start)
    kept = b""
    position = start
    while chunk := file.read(min(MIB, end - position)):
        window = kept + chunk
        if (at := window.find(wanted)) >= 0:
            return position - len(kept) + at
        position += len(chunk)
        kept = window[1 - len(wanted) :]
    return None

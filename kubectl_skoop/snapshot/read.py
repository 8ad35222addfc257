"""A snapshot file as sections: opened by its header and index, read by seeking."""

import hashlib
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgpack

from kubectl_skoop.model.errors import FormatError, SectionDamaged
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.format import (
    FORMAT,
    MAGIC,
    TRAILER_SIZE,
    Header,
    Section,
    SectionRef,
    Span,
    parse_section,
    parse_trailer,
)
from kubectl_skoop.snapshot.hosts import MOST_NODES
from kubectl_skoop.snapshot.index import Index, NodeEntry, parse_index, parse_node
from kubectl_skoop.snapshot.kept import Kept
from kubectl_skoop.snapshot.limits import (
    MAX_DICTIONARY,
    MAX_HEADER,
    MAX_SECTION,
    MIB,
    Refused,
    check_shape,
    refuse_extension,
    seconds,
)
from kubectl_skoop.snapshot.lookup import shard_of

_DICTIONARIES = 8
"""That are kept of a file."""
MOST_LOOKED_UP = 2 * MIB
"""Raw bytes of the parts of the index that are kept; as maps they take ten times as much."""
PART_OF_FILE = re.compile(r"index|header|bytes \d+ to \d+")
"""As gaps name what is lost of a file, beside sections of which the index tells."""
BEGINNING = b"\x86\xa5magic" + bytes([0xA0 + len(MAGIC)]) + MAGIC.encode()


class SnapshotFile:
    """An open file with its index. Whatever a reference leads to is checked when it is read."""

    def __init__(
        self,
        path: Path,
        file: BinaryIO,
        *,
        size: int,
        header: Header,
        index: Index,
        lost: tuple[NotCollected, ...],
    ) -> None:
        self.path, self.file, self.size = path, file, size
        self.header, self.index = header, index
        self.lost = lost
        """What is damaged, as far as opening the file could tell."""
        self.dictionaries = Dictionaries(file, size)
        self._shards: Kept[Mapping[str, object]] = Kept(MOST_LOOKED_UP)
        """Parts of the index that were read, by their place."""
        self._absent = frozenset(name for name, node in index.nodes.items() if isinstance(node, NotCollected))
        """Nodes without a dump."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def damage(self) -> tuple[NotCollected, ...]:
        """Parts of the file itself that are lost: nobody knows what they held."""
        return tuple(gap for gap in self.lost if PART_OF_FILE.fullmatch(gap.what))

    def close(self) -> None:
        self.file.close()

    def content(self, ref: SectionRef, what: str) -> object:
        """Raises: SectionDamaged."""
        with _damaged(what):
            return self._content(ref)

    def raw(self, ref: SectionRef, what: str) -> bytes:
        """Packed. Raises: SectionDamaged."""
        with _damaged(what):
            section = self._section(ref)
            return section.raw(self.dictionaries.of(section))

    def node(self, name: str) -> NodeEntry | NotCollected:
        entry = self.index.nodes.get(name)
        match entry:
            case None:
                return NotCollected(f"node/{name}", "not collected", "the snapshot has no dump of it")
            case SectionRef():
                try:
                    return parse_node(self._content(entry))
                except Refused as refused:
                    return NotCollected(f"node/{name}", "lost", f"its section {refused}")
            case _:
                return entry

    def look_up(self, lookup: Sequence[SectionRef] | Mapping[str, object], key: str) -> Sequence[object]:
        """The entries of a key. Raises: SectionDamaged."""
        if not isinstance(lookup, Mapping):
            if not lookup:
                return ()
            lookup = self._shard(lookup[shard_of(key, len(lookup))])
        found = lookup.get(key, ())
        return found if isinstance(found, list) else ()

    def nodes_with(self, key: str) -> Collection[str]:
        """Those of which one may have an address or a MAC in its own namespace: all, where the index does not
        tell; those without a dump in any case."""
        nodes = self.index.nodes
        if self.index.hosts is None:
            return nodes
        try:
            found = self.look_up(self.index.hosts, key)
        except SectionDamaged:
            return nodes
        if len(found) > MOST_NODES:
            return nodes
        return {name for name in found if isinstance(name, str) and name in nodes} | self._absent

    def all_entries(
        self, lookup: Sequence[SectionRef] | Mapping[str, object]
    ) -> Iterator[tuple[str, Sequence[object]]]:
        """Every key with its entries; nothing is kept of them. Raises: SectionDamaged."""
        parts = [lookup] if isinstance(lookup, Mapping) else map(self._read_shard, lookup)
        for part in parts:
            for key, found in part.items():
                if isinstance(key, str) and isinstance(found, list):
                    yield key, found

    def _shard(self, ref: SectionRef) -> Mapping[str, object]:
        place = str(ref.offset)
        known = self._shards.get(place)
        return self._shards.put(place, self._read_shard(ref), ref.length) if known is None else known

    def _read_shard(self, ref: SectionRef) -> Mapping[str, object]:
        """Raises: SectionDamaged."""
        shard = self.content(ref, "a part of the index")
        if not isinstance(shard, Mapping):
            raise SectionDamaged("a part of the index is damaged: it is no map")
        return shard

    def _content(self, ref: SectionRef) -> object:
        section = self._section(ref)
        return section.content(self.dictionaries.of(section))

    def _section(self, ref: SectionRef) -> Section:
        if ref.size > MAX_SECTION * 2 or ref.length > MAX_SECTION or ref.offset + ref.size > self.size:
            raise Refused("lies outside of the file")
        section = read_section(self.file, Span(ref.offset, ref.size))
        if section.sha256 != ref.sha256 or section.length != ref.length:
            raise Refused("is another than the index says")
        return section


class Dictionaries:
    """What sections of a file were compressed against; the last ones that were read are kept."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._kept: dict[Span, bytes] = {}

    def of(self, section: Section) -> bytes:
        """Empty: it needs none. Raises: Refused."""
        span = section.dictionary
        if span is None:
            return b""
        if span not in self._kept:
            self._keep(span, self._read(span))
        return self._kept[span]

    def _read(self, span: Span) -> bytes:
        if span.size > MAX_DICTIONARY * 2 or span.offset + span.size > self._size:
            raise Refused("needs a section that lies outside of the file")
        try:
            found = read_section(self._file, span)
            if found.dictionary or found.length > MAX_DICTIONARY:
                raise Refused("is no dictionary")
            return found.raw()
        except Refused as refused:
            raise Refused(f"needs another one, which {refused}") from refused

    def _keep(self, span: Span, raw: bytes) -> None:
        if len(self._kept) == _DICTIONARIES:
            del self._kept[next(iter(self._kept))]
        self._kept[span] = raw


def read_section(file: BinaryIO, span: Span) -> Section:
    """Raises: Refused, OSError."""
    file.seek(span.offset)
    return parse_section(file.read(span.size))


@contextmanager
def _damaged(what: str) -> Iterator[None]:
    """Raises: SectionDamaged, where Refused is raised."""
    try:
        yield
    except Refused as refused:
        raise SectionDamaged(
            f"{what} is damaged: its section {refused}",
            hint="the other sections can be read; collect again for this one",
        ) from refused


def open_file(path: Path) -> SnapshotFile:
    """Raises: FormatError where the file is missing, no snapshot, too new, or ends in its header."""
    if path.is_fifo():
        raise _not_regular(path)  # Nobody may ever write to it.
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise FormatError(f"{path}: no such file") from None
    except OSError as error:
        raise FormatError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from error
    try:
        return _open(path, file)
    except OSError as error:
        file.close()
        raise FormatError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from error
    except FormatError:
        file.close()
        raise


def _open(path: Path, file: BinaryIO) -> SnapshotFile:
    if not file.seekable():
        raise _not_regular(path)
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    beginning = file.read(MAX_HEADER)
    header, length = _header(path, beginning)
    index = _index(file, size)
    lost: tuple[NotCollected, ...] = ()
    if index is None:
        index, lost = _index_of_damaged(file, length, size)
    if index.header and hashlib.sha256(beginning[:length]).digest() != index.header:
        lost = (*lost, NotCollected("header", "lost", "it does not fit its SHA-256"))
        header = Header()
    return SnapshotFile(path, file, size=size, header=header, index=index, lost=(*lost, *index.notes))


def _index_of_damaged(file: BinaryIO, length: int, size: int) -> tuple[Index, tuple[NotCollected, ...]]:
    """Of a file that does not end with its index: another snapshot may follow, which is not looked at."""
    from kubectl_skoop.snapshot.recover import next_header, recover

    lost: tuple[NotCollected, ...] = ()
    end = next_header(file, BEGINNING, length, size)
    if end < size:
        lost = (NotCollected(f"bytes {end} to {size}", "lost", "another snapshot begins there"),)
        index = _index(file, end)
        if index is not None:
            return index, lost
    lost = (NotCollected("index", "lost", "the file is cut off or damaged at its end"), *lost)
    return recover(file, length, end), lost


def _header(path: Path, beginning: bytes) -> tuple[Header, int]:
    if not beginning:
        raise FormatError(f"{path}: is empty, no snapshot")
    if not beginning.startswith(BEGINNING[: len(beginning)]):
        raise FormatError(f"{path}: is no snapshot of kubectl-skoop", hint=_instead(beginning))
    unpacker = msgpack.Unpacker(max_buffer_size=MAX_HEADER, max_ext_len=0, ext_hook=refuse_extension)
    unpacker.feed(beginning)
    try:
        value = unpacker.unpack()
        check_shape(value)
    except msgpack.OutOfData as error:
        raise FormatError(f"{path}: is cut off in its header, nothing can be read") from error
    except (ValueError, msgpack.UnpackException) as error:
        raise FormatError(f"{path}: its header is damaged") from error
    match value:
        case {"format": int(version), "tool": str(tool)} if version > FORMAT:
            raise FormatError(
                f"{path}: has snapshot format {version}, written by kubectl-skoop {tool[:40]!r}; "
                f"this version reads up to {FORMAT}",
                hint="upgrade kubectl-skoop",
            )
        case {
            "format": int(version),
            "tool": str(tool),
            "time": time,
            "cluster": dict(cluster),
            "options": dict(options),
        } if version >= 1:
            try:
                moment = seconds(time)
            except Refused as refused:
                raise FormatError(f"{path}: its header {refused}") from refused
            header = Header(format=version, tool=tool, time=moment, cluster=cluster, options=options)
            return header, unpacker.tell()
        case _:
            raise FormatError(f"{path}: its header is damaged")


def _not_regular(path: Path) -> FormatError:
    return FormatError(f"{path}: is not a regular file", hint="write it to one, and name that")


def _instead(beginning: bytes) -> str:
    """What to do with a file that is something else; empty: nobody knows."""
    from kubectl_skoop.snapshot.bounded import is_packed

    if is_packed(beginning):
        return "it is packed: unpack it, and name the folder or the .skoop file in it"
    return ""


def _index(file: BinaryIO, size: int) -> Index | None:
    """None: the file does not end with a trailer that leads to a whole index."""
    if size < TRAILER_SIZE:
        return None
    file.seek(size - TRAILER_SIZE)
    place = parse_trailer(file.read(TRAILER_SIZE))
    if place is None or place[0] + place[1] + TRAILER_SIZE != size:
        return None
    try:
        file.seek(place[0])
        section = parse_section(file.read(min(place[1], MAX_SECTION * 2)))
        return parse_index(section.content()) if section.kind == "index" else None
    except Refused:
        return None

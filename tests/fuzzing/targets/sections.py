"""The file as values: every section may say anything, and every hash fits what it says."""

import hashlib
from collections.abc import Iterator
from contextlib import closing
from functools import lru_cache

import msgpack

from kubectl_skoop.snapshot.format import SECTION_START, pack, pack_section, pack_trailer, parse_section
from kubectl_skoop.snapshot.source import open_snapshot
from tests.fuzzing import scratch
from tests.fuzzing.codec import MSGPACK
from tests.fuzzing.read_all import read_all
from tests.fuzzing.small import small_snapshot
from tests.fuzzing.target import Target

LINK = "→"
"""`[LINK, number]` stands for a reference to the section of that number."""


def run(data: bytes) -> None:
    """Raises: FormatError."""
    match MSGPACK.read(data):
        case [header, list(sections)]:
            with closing(open_snapshot(scratch.file("s.skoop", packed(header, sections)))) as snapshot:
                read_all(snapshot)


def packed(header: object, sections: list[object]) -> bytes:
    content = bytearray(pack(header))
    places: list[object] = []
    for section in sections:
        match section:
            case [str(kind), value]:
                linked = _linked(value, places)
                if kind == "index" and isinstance(linked, dict):
                    linked = {**linked, "header": hashlib.sha256(pack(header)).digest()}
                raw = pack(linked)
                sha256 = hashlib.sha256(raw).digest()
                made = _made(kind, raw, sha256)
                places.append([len(content), len(made), len(raw), sha256])
                content += made
    if places:
        offset, size = places[-1][:2]  # type: ignore[index]
        content += pack_trailer(offset, size)
    return bytes(content)


@lru_cache(maxsize=500)
def _made(kind: str, raw: bytes, sha256: bytes) -> bytes:
    """Most sections are those of the input before."""
    known = kind in ("node", "netns", "table", "objects", "lookup", "infra", "index")
    return pack_section(kind if known else "table", "", raw, sha256)  # type: ignore[arg-type]


def _linked(value: object, places: list[object]) -> object:
    match value:
        case [str(link), int(number)] if link == LINK:
            return places[number % len(places)] if places else [0, 0, 0, b""]
        case list():
            return [_linked(part, places) for part in value]
        case dict():
            return {key: _linked(part, places) for key, part in value.items()}
        case _:
            return value


def unpacked(content: bytes) -> list[object]:
    """The other way round."""
    begin = content.index(SECTION_START)
    unpacker = msgpack.Unpacker()
    unpacker.feed(content[begin:])
    sections: list[object] = []
    numbers: dict[int, int] = {}
    at = begin
    while True:
        unpacker.skip()
        end = begin + unpacker.tell()
        if not content.startswith(SECTION_START, at):
            return [msgpack.unpackb(content[:begin]), sections]
        section = parse_section(content[at:end])
        numbers[at] = len(sections)
        sections.append([section.kind, _unlinked(section.content(), numbers)])
        at = end


def _unlinked(value: object, numbers: dict[int, int]) -> object:
    match value:
        case [int(offset), int(), int(), bytes()] if offset in numbers:
            return [LINK, numbers[offset]]
        case list():
            return [_unlinked(part, numbers) for part in value]
        case dict():
            return {key: _unlinked(part, numbers) for key, part in value.items()}
        case _:
            return value


def seeds() -> Iterator[bytes]:
    yield MSGPACK.encode(unpacked(small_snapshot()))


TARGET = Target(
    name="sections", run=run, seeds=seeds, codec=MSGPACK, words=("host", "pod", "ok", "lost", LINK)
)

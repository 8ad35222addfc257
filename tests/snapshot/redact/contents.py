"""Everything that is in a snapshot file, decompressed: what a stranger would search."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgpack

from kubectl_skoop.snapshot.format import Section


def values(path: Path) -> Iterator[object]:
    """The header, and the content of each section, the index among them, with its name."""
    for value in msgpack.Unpacker(io.BytesIO(path.read_bytes()), max_buffer_size=1 << 30):
        match value:
            case {"kind": kind, "data": bytes(), **_rest}:
                yield [kind, value["name"]]
                yield Section(**value).content()
            case _:
                yield value


def texts(value: object) -> Iterator[str]:
    """Every text inside, also of keys."""
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from texts(item)
        case Mapping():
            for key, item in value.items():
                yield from texts(key)
                yield from texts(item)


def all_texts(path: Path) -> str:
    return "\n".join(text for value in values(path) for text in texts(value))


def all_bytes(path: Path) -> bytes:
    """As they are before they are compressed."""
    return b"\n".join(msgpack.packb(value) for value in values(path))

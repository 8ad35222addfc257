"""Long values cut into sections that each fit the limits, and put together again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from kubectl_skoop.snapshot.format import pack
from kubectl_skoop.snapshot.limits import PIECE, Refused
from kubectl_skoop.snapshot.packed_rows import PackedRows

Form = Literal["whole", "sequence", "map"]
"""`sequence`: parts of a text, bytes or list, to concatenate. `map`: lists of [key, part], alike."""

_MARGIN = 64
"""For the lengths that msgpack writes before a value, bytes."""


def cut(value: object) -> tuple[Form, Iterable[bytes]]:
    """How the value was cut, and its pieces, packed."""
    if isinstance(value, PackedRows):
        return "sequence", value.arrays()
    packed = pack(value)
    if len(packed) <= PIECE:
        return "whole", [packed]
    match value:
        case str() | bytes() | list() | tuple():
            return "sequence", map(pack, _parts(value))
        case Mapping():
            items = [[key, part] for key, item in value.items() for part in _parts(item)]
            return "map", map(pack, _batches(items))
        case _:
            return "whole", [packed]


def join(form: str, pieces: Sequence[object]) -> object:
    """Raises: Refused where the pieces do not fit together."""
    match form, pieces:
        case "whole", [value]:
            return value
        case "sequence", [_, *_]:
            return _concatenate(pieces)
        case "map", _:
            parts: dict[str, list[object]] = {}
            for piece in pieces:
                for item in piece if isinstance(piece, list) else [piece]:
                    match item:
                        case [str(key), part]:
                            parts.setdefault(key, []).append(part)
                        case _:
                            raise Refused("has a piece that is no list of [key, part]")
            return {key: found[0] if len(found) == 1 else _concatenate(found) for key, found in parts.items()}
        case _:
            raise Refused(f"is cut in an unknown way: {form!r}")


def _parts(value: object) -> Iterator[object]:
    match value:
        case str():
            step = (PIECE if value.isascii() else PIECE // 4) - _MARGIN
            yield from (value[at : at + step] for at in range(0, max(len(value), 1), step))
        case bytes():
            step = PIECE - _MARGIN
            yield from (value[at : at + step] for at in range(0, max(len(value), 1), step))
        case list() | tuple():
            yield from _batches(value)
        case _:
            yield value


def _batches(rows: Sequence[object]) -> Iterator[list[object]]:
    """Lists that fit a piece each; a row that is longer than a piece is alone."""
    batch: list[object] = []
    size = 0
    for row in rows:
        length = len(pack(row))
        if batch and size + length > PIECE - _MARGIN:
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += length
    yield batch


def _concatenate(parts: Sequence[object]) -> object:
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) == len(parts):
        return "".join(texts)
    blobs = [part for part in parts if isinstance(part, bytes)]
    if len(blobs) == len(parts):
        return b"".join(blobs)
    lists = [part for part in parts if isinstance(part, list)]
    if len(lists) == len(parts):
        return [row for part in lists for row in part]
    raise Refused("has pieces of different types")

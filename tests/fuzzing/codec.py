"""Inputs as values: their parts are mutated, so that a checksum or a bracket does not end every attempt."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import msgpack

from kubectl_skoop.snapshot.format import pack


@dataclass(frozen=True, slots=True)
class Codec:
    decode: Callable[[bytes], object]
    """Raises ValueError for bytes that are no value."""
    encode: Callable[[object], bytes]

    def read(self, data: bytes) -> object:
        """None for bytes that are no value."""
        try:
            return self.decode(data)
        except ValueError:
            return None


def _from_msgpack(data: bytes) -> object:
    try:
        value: object = msgpack.unpackb(data, strict_map_key=False)
    except (ValueError, TypeError, msgpack.UnpackException, RecursionError) as error:
        raise ValueError("no msgpack") from error
    return value


def _to_msgpack(value: object) -> bytes:
    try:
        return pack(value)
    except (ValueError, OverflowError, TypeError, RecursionError):
        return b"\xc0"


def _from_json(data: bytes) -> object:
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("too deep") from error


def _to_json(value: object) -> bytes:
    try:
        return json.dumps(value, default=repr, skipkeys=True).encode("utf-8", "replace")
    except (ValueError, RecursionError):
        return b"null"


MSGPACK = Codec(_from_msgpack, _to_msgpack)
JSON = Codec(_from_json, _to_json)

"""Attributes under readable names.

Nothing is lost: what a schema does not know, or cannot read, stays as bytes under its number.
"""

import struct
from collections.abc import Callable, Mapping
from socket import AF_INET, AF_INET6, inet_ntop
from typing import NamedTuple

from kubectl_skoop.collect.netlink.message import MalformedMessage, split_attributes

Reader = Callable[[bytes], object]
Fields = dict[str, object]


class Attribute(NamedTuple):
    name: str
    read: Reader
    many: bool = False
    """May come several times: a list."""


Schema = Mapping[int, Attribute]


def read_attributes(data: bytes, schema: Schema, offset: int = 0) -> Fields:
    """All attributes of `data`.

    Repeats of an attribute that should come once are `name#2`, `name#3` …

    Raises:
        MalformedMessage: see `split_attributes`.
    """
    fields: Fields = {}
    for number, payload in split_attributes(data, offset):
        known = schema.get(number)
        if known is None:
            _keep(fields, str(number), payload)
            continue
        try:
            value = known.read(payload)
        except (struct.error, ValueError):
            _keep(fields, str(number), payload)
            continue
        if known.many:
            values = fields.setdefault(known.name, [])
            assert isinstance(values, list)
            values.append(value)
        elif known.name in fields:
            _keep(fields, known.name, value)
        else:
            fields[known.name] = value
    return fields


def _keep(fields: Fields, name: str, value: object) -> None:
    key, repeat = name, 1
    while key in fields:
        repeat += 1
        key = f"{name}#{repeat}"
    fields[key] = value


def _number(layout: str) -> Reader:
    unpack = struct.Struct(layout).unpack

    def read(payload: bytes) -> object:
        return unpack(payload)[0]

    return read


u8, u16, u32, u64 = _number("=B"), _number("=H"), _number("=I"), _number("=Q")
s32 = _number("=i")
be16, be32, be64 = _number(">H"), _number(">I"), _number(">Q")


def raw(payload: bytes) -> object:
    return payload


def flag(payload: bytes) -> object:
    """Present without a payload."""
    if payload:
        raise ValueError("a flag with a payload")
    return True


def text(payload: bytes) -> object:
    return payload.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")


def mac(payload: bytes) -> object:
    """A link-layer address as ip(8) prints it, of any length."""
    return payload.hex(":")


def address(payload: bytes) -> object:
    """An IPv4 or IPv6 address, by its length."""
    return inet_ntop(AF_INET if len(payload) == 4 else AF_INET6, payload)


def numbers(layout: str, *names: str) -> Reader:
    """A structure of numbers; bytes that a newer kernel appends are kept under `more`."""
    structure = struct.Struct(layout)

    def read(payload: bytes) -> object:
        fields: Fields = dict(zip(names, structure.unpack_from(payload), strict=True))
        if len(payload) > structure.size:
            fields["more"] = payload[structure.size :]
        return fields

    return read


def nested(schema: Schema) -> Reader:
    def read(payload: bytes) -> object:
        return read_attributes(payload, schema)

    return read


def array(read_item: Reader) -> Reader:
    """A list of attributes whose numbers mean nothing."""

    def read(payload: bytes) -> object:
        return [read_item(item) for _, item in split_attributes(payload)]

    return read


def schema(*entries: tuple[int, str, Reader]) -> Schema:
    return {number: Attribute(name, reader) for number, name, reader in entries}


__all__ = [
    "Attribute",
    "Fields",
    "MalformedMessage",
    "Reader",
    "Schema",
    "address",
    "array",
    "be16",
    "be32",
    "be64",
    "flag",
    "mac",
    "nested",
    "numbers",
    "raw",
    "read_attributes",
    "s32",
    "schema",
    "text",
    "u8",
    "u16",
    "u32",
    "u64",
]

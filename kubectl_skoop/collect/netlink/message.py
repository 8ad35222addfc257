"""Netlink messages as bytes: headers, attributes, requests (include/uapi/linux/netlink.h)."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

NLM_F_REQUEST, NLM_F_ROOT, NLM_F_MATCH = 0x1, 0x100, 0x200
NLM_F_DUMP = NLM_F_ROOT | NLM_F_MATCH
NLM_F_DUMP_INTR = 0x10
NLMSG_NOOP, NLMSG_ERROR, NLMSG_DONE = 1, 2, 3
NLA_F_NESTED = 0x8000
NLA_TYPE_MASK = 0x3FFF

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")


class Message(NamedTuple):
    type: int
    flags: int
    sequence: int
    payload: bytes


class MalformedMessage(ValueError):
    """Bytes that are no netlink message, or no list of attributes."""


def split_messages(data: bytes) -> Iterator[Message]:
    """The messages of one datagram.

    Raises:
        MalformedMessage: a length that does not fit.
    """
    offset, end = 0, len(data)
    while offset + _HEADER.size <= end:
        length, kind, flags, sequence, _port = _HEADER.unpack_from(data, offset)
        if not _HEADER.size <= length <= end - offset:
            raise MalformedMessage(f"message of {length} bytes at {offset} of {end}")
        yield Message(kind, flags, sequence, data[offset + _HEADER.size : offset + length])
        offset += (length + 3) & ~3
    if offset < end:
        raise MalformedMessage(f"{end - offset} bytes after the last message")


def split_attributes(data: bytes, offset: int = 0) -> list[tuple[int, bytes]]:
    """Attribute numbers (without the flag bits) and payloads, in their order.

    Raises:
        MalformedMessage: a length that does not fit.
    """
    found = []
    end = len(data)
    while offset + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if not 4 <= length <= end - offset:
            raise MalformedMessage(f"attribute {kind & NLA_TYPE_MASK} of {length} bytes at {offset} of {end}")
        found.append((kind & NLA_TYPE_MASK, data[offset + 4 : offset + length]))
        offset += (length + 3) & ~3
    if offset < end:
        raise MalformedMessage(f"{end - offset} bytes after the last attribute")
    return found


def pack_attribute(kind: int, payload: bytes) -> bytes:
    padding = -len(payload) % 4
    return _ATTRIBUTE.pack(len(payload) + 4, kind) + payload + bytes(padding)


def pack_message(kind: int, flags: int, sequence: int, payload: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(payload), kind, flags, sequence, 0) + payload

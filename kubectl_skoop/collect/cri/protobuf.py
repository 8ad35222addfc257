"""As much of protobuf's wire format as a runtime's messages need (protobuf.dev, "Encoding")."""

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED = {FIXED64: 8, FIXED32: 4}


class MalformedProtobuf(ValueError):
    """Bytes that are no message."""


def text_field(number: int, value: str) -> bytes:
    data = value.encode()
    return _varint(number << 3 | BYTES) + _varint(len(data)) + data


def true_field(number: int) -> bytes:
    return _varint(number << 3 | VARINT) + b"\1"


def messages(data: bytes, number: int) -> list[bytes]:
    """Values of a repeated field: messages, or texts as bytes. Raises: MalformedProtobuf."""
    return [value for field, value in _fields(data) if field == number and isinstance(value, bytes)]


def message(data: bytes, number: int) -> bytes:
    """The last one, as the format wants it; empty where it is left out. Raises: MalformedProtobuf."""
    return next(reversed(messages(data, number)), b"")


def text(data: bytes, number: int) -> str:
    """Empty where it is left out. Raises: MalformedProtobuf."""
    return message(data, number).decode("utf-8", "backslashreplace")


def number(data: bytes, field: int) -> int:
    """0 where it is left out. Raises: MalformedProtobuf."""
    return next((value for at, value in reversed([*_fields(data)]) if at == field and type(value) is int), 0)


def _fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        wire = key & 7
        if wire == VARINT:
            value, at = _read_varint(data, at)
            yield key >> 3, value
            continue
        if wire == BYTES:
            size, at = _read_varint(data, at)
        elif wire in _FIXED:
            size = _FIXED[wire]
        else:
            raise MalformedProtobuf(f"wire type {wire} at {at}")
        if at + size > len(data):
            raise MalformedProtobuf(f"a field of {size} bytes at {at} of {len(data)}")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(value: int) -> bytes:
    octets = bytearray()
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for position, octet in enumerate(data[at : at + 10]):
        value |= (octet & 0x7F) << 7 * position
        if octet < 0x80:
            return value, at + position + 1
    raise MalformedProtobuf(f"a number without an end at {at}")

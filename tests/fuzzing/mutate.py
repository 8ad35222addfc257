"""Mutations of bytes and of values. All chance comes from a `Random`, so that a seed repeats a run."""

from collections.abc import Sequence
from random import Random
from typing import Any

from tests.fuzzing.codec import Codec

NUMBERS = (
    *(0, 1, -1, 2, 3, 7, 10, 16, 17, 31, 32, 33, 64, 127, 128, 129, 255, 256, 1500, 4095, 4096, 65535, 65536),
    *((1 << 31) - 1, 1 << 31, -(1 << 31), (1 << 32) - 1, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1),
)
TEXTS = (
    *("", " ", "0", "-1", "a", "0.0.0.0", "0.0.0.0/0", "255.255.255.255", "::", "::/0", "fe80::1%eth0"),
    *("::ffff:1.2.3.4", "1.2.3.4/33", "a-b", "1-2", "0-4294967295", "\x00", "\n", "\x1b[31m", "\u202e", "²"),
    *("\ud800", "٣", "true", "null", "None", "0x", "0xffffffff", "99999999999999999999", "1e999", "nan"),
    *("x" * 300, "!", '"', "'", "{", "[", "*", "%", "$", "\\", "/", "../..", "10.0.0.0-10.255.255.255"),
)
OTHERS: tuple[object, ...] = (None, True, False, 0.5, float("inf"), float("nan"), -1e308, b"", b"\xff" * 6)
MOST_PARTS = 20_000
"""Of a value; what has more is not looked at."""


def mutated(
    data: bytes, dice: Random, words: Sequence[str], codec: Codec | None, other: bytes = b""
) -> bytes:
    """`other`: a further input, whose parts may be taken."""
    if codec is None or dice.random() < 0.02:
        return mutated_bytes(data, dice, words, other)
    try:
        value = codec.decode(data)
    except ValueError:
        return mutated_bytes(data, dice, words, other)
    donor: object = None
    if other:
        try:
            donor = codec.decode(other)
        except ValueError:
            donor = None
    for _ in range(_few(dice)):
        value = mutated_value(value, dice, words, donor)
    return codec.encode(value)


def mutated_bytes(data: bytes, dice: Random, words: Sequence[str], other: bytes = b"") -> bytes:
    result = bytearray(data)
    for _ in range(_few(dice)):
        at = dice.randrange(len(result) + 1)
        end = min(len(result), at + dice.choice((1, 1, 2, 4, 8, 32, 200)))
        match dice.randrange(9):
            case 0:
                del result[at:end]
            case 1:
                result[at:at] = dice.randbytes(dice.choice((1, 2, 4)))
            case 2 if at < len(result):
                result[at] ^= 1 << dice.randrange(8)
            case 3:
                result[at:end] = dice.choice((*TEXTS, *words)).encode("utf-8", "surrogatepass")
            case 4:
                result[at:at] = dice.choice((*words, *TEXTS)).encode("utf-8", "surrogatepass")
            case 5:
                result[at:at] = result[at:end] * dice.choice((1, 1, 2, 50))
            case 6:
                result[at:end] = str(dice.choice(NUMBERS)).encode()
            case 7:
                lines = bytes(result).split(b"\n")
                dice.shuffle(lines)
                result = bytearray(b"\n".join(lines[: dice.randrange(len(lines)) + 1]))
            case _:
                begin = dice.randrange(len(other) + 1)
                result[at:end] = other[begin : begin + dice.randrange(200)]
    return bytes(result)


def mutated_value(value: object, dice: Random, words: Sequence[str], donor: object = None) -> object:
    """One part is another one afterwards. The value given is changed."""
    places = _places(value)
    if not places:
        return another(value, dice, words)
    container, key = dice.choice(places)
    if isinstance(container, dict):
        return _in_map(value, container, key, dice, words, donor)
    assert isinstance(container, list)
    assert isinstance(key, int)
    match dice.randrange(10):
        case 0:
            del container[key]
        case 1:
            container.insert(key, container[dice.randrange(len(container))])
        case 2:
            container[key:key] = container * dice.choice((1, 1, 3))
        case 3:
            container[key] = _some_part(donor if donor is not None else value, dice)
        case _:
            container[key] = another(container[key], dice, words)
    return value


def _in_map(
    value: object,
    container: dict[object, object],
    key: object,
    dice: Random,
    words: Sequence[str],
    donor: object,
) -> object:
    match dice.randrange(10):
        case 0:
            del container[key]
        case 1:
            container[dice.choice((*words, *TEXTS))] = container[key]
        case 2:
            container[dice.choice((*words, *map(str, container)))] = _some_part(value, dice)
        case 3:
            container[key] = _some_part(donor if donor is not None else value, dice)
        case _:
            container[key] = another(container[key], dice, words)
    return value


def another(value: object, dice: Random, words: Sequence[str]) -> object:
    if dice.random() < 0.15:
        return dice.choice((dice.choice(NUMBERS), dice.choice(TEXTS), dice.choice(OTHERS), [], {}, [value]))
    match value:
        case bool():
            return not value
        case int():
            return dice.choice(
                (dice.choice(NUMBERS), value + dice.choice((-1, 1)), value ^ 1 << dice.randrange(32))
            )
        case str() if dice.random() < 0.4:
            return dice.choice((*words, *TEXTS))
        case str():
            data = value.encode("utf-8", "surrogatepass")
            return mutated_bytes(data, dice, words).decode(
                "utf-8", dice.choice(("replace", "backslashreplace"))
            )
        case bytes():
            return mutated_bytes(value, dice, ())
        case list() | dict() if value and dice.random() < 0.3:
            return type(value)()
        case _:
            return dice.choice((*OTHERS, dice.choice(NUMBERS), dice.choice(TEXTS)))


def _some_part(value: object, dice: Random) -> object:
    """A copy, so that no value is inside itself."""
    places = _places(value)
    if not places:
        return value
    container, key = dice.choice(places)
    return _copied(container[key])


def _copied(value: object) -> object:
    match value:
        case dict():
            return {key: _copied(part) for key, part in value.items()}
        case list():
            return [_copied(part) for part in value]
        case _:
            return value


def _places(value: object) -> list[tuple[Any, Any]]:
    """Each part as its container and its key there."""
    found: list[tuple[Any, Any]] = []
    rest = [value]
    while rest and len(found) < MOST_PARTS:
        container = rest.pop()
        if isinstance(container, dict):
            found += [(container, key) for key in container]
            rest += container.values()
        elif isinstance(container, list):
            found += [(container, at) for at in range(len(container))]
            rest += container
    return found


def _few(dice: Random) -> int:
    return dice.choice((1, 1, 1, 2, 2, 3, 5, 9))

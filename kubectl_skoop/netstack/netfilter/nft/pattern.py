"""What a value is compared with: constants, ranges, prefixes, and tuples of these."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.nft.datatype import (
    Datatype,
    Interval,
    Scalar,
    Unmodelled,
    Value,
    unknown_part,
)
from kubectl_skoop.netstack.netfilter.nft.document import field, items, pair, single

V = TypeVar("V", bound=Value, covariant=True)


class Pattern(Protocol):
    def contains(self, value: Value) -> Ternary:
        """Unknown where a part of the value is, and the other parts agree."""
        ...


@dataclass(frozen=True, slots=True)
class Exact(Generic[V]):
    value: V

    def contains(self, value: Value) -> Ternary:
        unknown = unknown_part(value)
        if unknown is None or not isinstance(value, tuple) or not isinstance(self.value, tuple):
            return value == self.value
        pairs = zip(value, self.value, strict=True)
        return unknown if all(isinstance(each, Unknown) or each == own for each, own in pairs) else False


@dataclass(frozen=True, slots=True)
class Range:
    interval: Interval

    def contains(self, value: Value) -> bool:
        return isinstance(value, int) and self.interval.low <= value <= self.interval.high


@dataclass(frozen=True, slots=True)
class NamePrefix:
    """`eth*`"""

    prefix: str

    def contains(self, value: Value) -> bool:
        return isinstance(value, str) and value.startswith(self.prefix)


@dataclass(frozen=True, slots=True)
class Anything:
    """The catch-all element `*`."""

    def contains(self, value: Value) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Combined:
    """A concatenation with at least one part that is no constant."""

    parts: tuple[Pattern, ...]

    def contains(self, value: Value) -> Ternary:
        if not isinstance(value, tuple):
            return False
        unknown: Unknown | None = None
        for part, each in zip(self.parts, value, strict=True):
            result = each if isinstance(each, Unknown) else part.contains(each)
            if isinstance(result, Unknown):
                unknown = result
            elif not result:
                return False
        return True if unknown is None else unknown


def parse_pattern(json: object, types: Sequence[Datatype]) -> Pattern:
    """Raises Unmodelled."""
    if json == "*":
        return Anything()
    while single(json)[0] == "elem":
        json = field(single(json)[1], "val")
    parts = tuple(_part(each, datatype) for each, datatype in _each(json, types))
    if len(parts) == 1:
        return parts[0]
    values = tuple(part.value for part in parts if isinstance(part, Exact))
    return Exact(values) if len(values) == len(parts) else Combined(parts)


def parse_constant(json: object, types: Sequence[Datatype]) -> Value | None:
    """What `parse_pattern` makes an `Exact` of, if it is plainly one; None: let that look."""
    parts = json["concat"] if isinstance(json, dict) and len(json) == 1 and "concat" in json else (json,)
    if not isinstance(parts, list | tuple) or len(parts) != len(types):
        return None
    values = []
    for part, datatype in zip(parts, types, strict=True):
        value = datatype.constant(part)
        if value is None:
            return None
        values.append(value)
    return values[0] if len(values) == 1 else tuple(values)


def parse_value(json: object, types: Sequence[Datatype]) -> Value:
    """A constant, or an interval, or a tuple of them. Raises Unmodelled."""
    parts = tuple(_scalar(each, datatype) for each, datatype in _each(json, types))
    return parts[0] if len(parts) == 1 else parts


def _each(json: object, types: Sequence[Datatype]) -> Sequence[tuple[object, Datatype]]:
    kind, body = single(json)
    parts = items(body) if kind == "concat" else [json]
    if len(parts) != len(types):
        raise Unmodelled("a value of another length than its type")
    return list(zip(parts, types, strict=True))


def _part(json: object, datatype: Datatype) -> Exact[Scalar] | Range | NamePrefix:
    if datatype.kind == "name" and isinstance(json, str) and json.endswith("*"):
        return Exact(json[:-2] + "*") if json.endswith("\\*") else NamePrefix(json[:-1])
    scalar = _scalar(json, datatype)
    return Range(scalar) if isinstance(scalar, Interval) else Exact(scalar)


def _scalar(json: object, datatype: Datatype) -> Scalar:
    if isinstance(json, str | int):
        return datatype.parse(json)
    kind, body = single(json)
    if kind == "range":
        low, high = (datatype.parse(each) for each in pair(body))
        if not isinstance(low, int) or not isinstance(high, int):
            raise Unmodelled("a range of names")
        return Interval(low, high)
    if kind == "prefix":
        return _prefix(datatype.parse(field(body, "addr")), field(body, "len"), datatype)
    if kind == "|":
        json = [each for part in items(body) for each in (part if isinstance(part, list) else [part])]
    return datatype.parse(json)


def _prefix(address: int | str, length: object, datatype: Datatype) -> Interval:
    if not isinstance(address, int) or not isinstance(length, int) or not 0 <= length <= datatype.bits:
        raise Unmodelled("a malformed prefix")
    host = (1 << (datatype.bits - length)) - 1
    return Interval(address & ~host, address | host)

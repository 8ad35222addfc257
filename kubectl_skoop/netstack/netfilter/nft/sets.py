"""Sets and maps: membership, and what a key leads to."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.nft.datatype import (
    Datatype,
    Unmodelled,
    Value,
    datatypes,
    unknown_part,
)
from kubectl_skoop.netstack.netfilter.nft.document import field, items, pair, single, words
from kubectl_skoop.netstack.netfilter.nft.pattern import (
    Anything,
    Exact,
    Pattern,
    Range,
    parse_constant,
    parse_pattern,
    parse_value,
)
from kubectl_skoop.netstack.netfilter.nft.verdict import parse_verdict
from kubectl_skoop.netstack.netfilter.types import Verdict
from kubectl_skoop.netstack.stack import Stack

D = TypeVar("D")


class Lookup(Generic[D]):
    """Elements in the form that answers fastest: a dict, sorted intervals, a list of the rest."""

    def __init__(self, constants: dict[Value, D], elements: Sequence[tuple[Pattern, D]]) -> None:
        """`elements`: the others, and constants that are told by a pattern."""
        self._exact = constants
        self._others: list[tuple[Pattern, D]] = []
        self._default: list[D] = []
        ranges: list[tuple[int, int, D]] = []
        for pattern, data in elements:
            match pattern:
                case Exact(value=value):
                    self._exact[value] = data
                case Range(interval=interval):
                    ranges.append((interval.low, interval.high, data))
                case Anything():
                    self._default.append(data)
                case _:
                    self._others.append((pattern, data))
        self._ranges = sorted(ranges, key=lambda each: each[0])
        self._lows = [low for low, _, _ in self._ranges]

    def has(self, value: Value) -> Ternary:
        found = self.find(value)
        return found if isinstance(found, Unknown) else found is not None

    def find(self, value: Value) -> D | Unknown | None:
        unknown = unknown_part(value)
        if unknown is not None:
            return self._find_with(unknown, value)
        if value in self._exact:
            return self._exact[value]
        if isinstance(value, int) and self._ranges:
            position = bisect_right(self._lows, value) - 1
            if position >= 0 and value <= self._ranges[position][1]:
                return self._ranges[position][2]
        for pattern, data in self._others:
            if pattern.contains(value) is True:
                return data
        return self._default[0] if self._default else None

    def _find_with(self, unknown: Unknown, value: Value) -> D | Unknown | None:
        """Of a value with an unknown part: an element that the other parts agree with may be the one."""
        patterns = [*map(Exact, self._exact), *(pattern for pattern, _ in self._others)]
        if any(pattern.contains(value) is not False for pattern in patterns):
            return unknown
        return self._default[0] if self._default else None


def parse_set(elements: object, types: Sequence[Datatype]) -> Lookup[bool]:
    """Raises Unmodelled."""
    return _lookup(((each, True) for each in items(elements)), types)


def parse_verdict_map(elements: object, types: Sequence[Datatype]) -> Lookup[Verdict]:
    """Raises Unmodelled."""
    return _parse_map(elements, types, parse_verdict)


def parse_value_map(elements: object, types: Sequence[Datatype], data: Sequence[Datatype]) -> Lookup[Value]:
    """Raises Unmodelled."""
    return _parse_map(elements, types, lambda json: parse_value(json, data))


def _parse_map(elements: object, types: Sequence[Datatype], read: Callable[[object], D]) -> Lookup[D]:
    pairs = map(pair, items(elements))
    return _lookup(((key, read(data)) for key, data in pairs), types)


def _lookup(pairs: Iterable[tuple[object, D]], types: Sequence[Datatype]) -> Lookup[D]:
    """In kube-proxy's maps tens of thousands of keys are constants, so these are read the short way."""
    constants: dict[Value, D] = {}
    others: list[tuple[Pattern, D]] = []
    for key, data in pairs:
        constant = parse_constant(key, types)
        if constant is not None:
            constants[constant] = data
        else:
            others.append((parse_pattern(key, types), data))
    return Lookup(constants, others)


@dataclass(frozen=True)
class NamedSet:
    """A set or map as `nft -j` declares it; its elements are read when a packet first asks."""

    name: str
    declaration: object

    @cached_property
    def address(self) -> str:
        family, table = field(self.declaration, "family"), field(self.declaration, "table")
        return f"{family} {table} @{self.name}"

    def changed(self, stack: Stack) -> Unknown | None:
        """A rule changed it on the way."""
        changed = self.address in stack.changed_sets
        return Unknown(f"a rule changed set {self.name} on the way") if changed else None

    def holds(self, stack: Stack, value: Value) -> Ternary:
        """With what rules added to it on the way, which is there at once."""
        added = stack.added.get(self.address, ())
        if value in added:
            return True
        members = (added and unknown_part(value)) or self.changed(stack) or self.members
        return members if isinstance(members, Unknown) else members.has(value)

    def takes_more(self, stack: Stack) -> Ternary:
        """Whether there is room for another element (nft_dynset_new)."""
        size = field(self.declaration, "size")
        there = len(items(field(self.declaration, "elem") or [])) + len(stack.added.get(self.address, ()))
        if not isinstance(size, int) or there < size:
            return True
        return Unknown(f"whether set {self.name} is full") if self._expires else False

    @property
    def _expires(self) -> bool:
        return "timeout" in words(field(self.declaration, "flags")) or bool(
            field(self.declaration, "timeout")
        )

    @cached_property
    def types(self) -> tuple[Datatype, ...]:
        """Raises Unmodelled."""
        return datatypes(field(self.declaration, "type"))

    @cached_property
    def data_types(self) -> tuple[Datatype, ...]:
        """Of a map that does not lead to verdicts. Raises Unmodelled."""
        return datatypes(field(self.declaration, "map"))

    @cached_property
    def members(self) -> Lookup[bool] | Unknown:
        return self._read(lambda elements: parse_set(_keys(elements), self.types))

    @cached_property
    def verdicts(self) -> Lookup[Verdict] | Unknown:
        return self._read(lambda elements: parse_verdict_map(elements, self.types))

    @cached_property
    def values(self) -> Lookup[Value] | Unknown:
        return self._read(lambda elements: parse_value_map(elements, self.types, self.data_types))

    def _read(self, parse: Callable[[object], Lookup[D]]) -> Lookup[D] | Unknown:
        try:
            return parse(field(self.declaration, "elem") or [])
        except Unmodelled as error:
            return Unknown(f"set {self.name}: {error}")


def _keys(elements: object) -> list[object]:
    """A map may be asked for membership, too."""
    return [each[0] if isinstance(each, list) and single(each)[0] == "" else each for each in items(elements)]

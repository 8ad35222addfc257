"""Long tables that nodes have nearly alike: each record is stored once, beside each node's order.

Nodes of one cluster hold the same rules, routes and neighbours, each in an order of its own (of a Go map, of
a hash table), with counters and ages of its own, and a few records that the others lack.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import msgpack

from kubectl_skoop.snapshot.format import SectionRef, pack
from kubectl_skoop.snapshot.limits import MAX_TABLE, PIECE, Refused

TABLES = frozenset({"iptables-legacy", "iptables-nft", "ip6tables-legacy", "ip6tables-nft", "ipset"}) | {
    "routes",
    "neighbours",
    "fdb",
}
FEWEST = 64
"""Records of a table that is worth it."""
MAX_RECORDS = 1_000_000
"""Of one table."""
_MOST_KNOWN = 400_000
"""Records that the writer remembers; then it begins anew."""
_MARGIN = 16
"""Bytes in a piece for the head of its list."""
_COUNTERS = re.compile(r"\[(\d{1,18}):(\d{1,18})\]")
_HOLE = "\0"
_AGES = "cacheinfo"
_CHUNK_BITS = 24
_PLACE = (1 << _CHUNK_BITS) - 1

Record = str | bytes
"""A line without its counters; a row without its ages, packed."""


class Split(NamedTuple):
    """A table taken apart."""

    records: Sequence[Record]
    numbers: Sequence[int]
    """What was taken out of them, in their order."""


class Chunks:
    """The records that the sections written so far hold."""

    def __init__(self) -> None:
        self._known: dict[Record, int] = {}
        self._refs: list[SectionRef] = []
        self._sizes: list[int] = []

    def arrange(
        self, records: Sequence[Record], write: Callable[[bytes], SectionRef]
    ) -> tuple[list[SectionRef], list[int]]:
        """The sections that hold the records together, and where in them each is: steps from the one before.

        A section of which the table would use less than half is passed over: it would be read in vain.
        """
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        places = list(map(self._known.get, records))
        used = Counter(place >> _CHUNK_BITS for place in places if place is not None)
        chosen = [chunk for chunk in sorted(used) if 2 * used[chunk] >= self._sizes[chunk]]
        kept = frozenset(chosen)
        fresh = [
            record
            for record, place in zip(records, places, strict=True)
            if place is None or place >> _CHUNK_BITS not in kept
        ]
        for batch in _batches(dict.fromkeys(fresh)):
            chosen.append(len(self._refs))
            self._known |= {
                record: len(self._refs) << _CHUNK_BITS | place for place, record in enumerate(batch)
            }
            self._refs.append(write(_packed(batch)))
            self._sizes.append(len(batch))
        starts = dict(
            zip(chosen, accumulate((self._sizes[chunk] for chunk in chosen), initial=0), strict=False)
        )
        final = [
            starts[place >> _CHUNK_BITS] + (place & _PLACE) for place in map(self._known.__getitem__, records)
        ]
        steps = [place - before for before, place in zip([-1, *final], final, strict=False)]
        return [self._refs[chunk] for chunk in chosen], steps


def split(data: object) -> Split | None:
    """None: no text nor list of maps, too short, or nothing that would be the same again when joined."""
    if isinstance(data, str):
        return _split_text(data)
    if isinstance(data, list) and all(type(row) is dict for row in data):
        return _split_rows(data)
    return None


def join(chunks: Iterable[object], steps: object, numbers: object) -> object:
    """What `split` took apart. Raises: Refused where the parts do not fit together."""
    records = [record for chunk in chunks for record in _list(chunk)]
    places = list(accumulate(_numbers(steps), initial=-1))[1:]
    if len(places) > MAX_RECORDS:
        raise Refused(f"has more than {MAX_RECORDS} records")
    if places and not 0 <= min(places) <= max(places) < len(records):
        raise Refused("has a record that is not there")
    chosen = [records[place] for place in places]
    given = _spread(_numbers(numbers))
    lines = [record for record in chosen if isinstance(record, str)]
    if len(lines) == len(chosen):
        return _joined_text(lines, given)
    return [_with_ages(row, given) for row in chosen]


def _split_text(text: str) -> Split | None:
    if _HOLE in text or text.count("\n") < FEWEST:
        return None
    numbers = []
    for pair in _COUNTERS.findall(text):
        for word in pair:
            number = int(word)
            if word != "0" and str(number) != word:
                return None
            numbers.append(number)
    return Split(_COUNTERS.sub(f"[{_HOLE}:{_HOLE}]", text).split("\n"), numbers)


def _joined_text(lines: Sequence[str], numbers: Iterator[int]) -> str:
    if sum(map(len, lines)) + len(lines) > MAX_TABLE:
        raise Refused(f"has more than {MAX_TABLE} bytes")
    first, *rest = "\n".join(lines).split(_HOLE)
    return first + "".join(f"{number}{part}" for part, number in zip(rest, numbers, strict=False))


def _split_rows(rows: Sequence[dict[str, object]]) -> Split | None:
    if len(rows) < FEWEST:
        return None
    records: list[Record] = []
    numbers: list[int] = []
    for row in rows:
        ages = row.get(_AGES)
        if isinstance(ages, dict) and all(type(age) is int for age in ages.values()):
            numbers += ages.values()
            row = {**row, _AGES: dict.fromkeys(ages, 0)}
        elif _AGES in row:
            return None
        records.append(pack(row))
    return Split(records, numbers)


def _with_ages(row: object, numbers: Iterator[int]) -> object:
    match row:
        case dict() as fields:
            ages = fields.get(_AGES)
            if not isinstance(ages, dict):
                return fields
            return {**fields, _AGES: {name: next(numbers) for name in ages}}
        case _:
            raise Refused("has a record that is neither text nor a map")


def sparse(numbers: Iterable[int]) -> list[int]:
    """How many zeros, the next number less the one before, and so on: most counters are 0, ages come twice."""
    packed: list[int] = []
    zeros = before = 0
    for number in numbers:
        if number:
            packed += (zeros, number - before)
            zeros, before = 0, number
        else:
            zeros += 1
    return packed


def _spread(packed: Sequence[int]) -> Iterator[int]:
    """Without end: zeros follow the last one."""
    before = 0
    for zeros, step in zip(packed[::2], packed[1::2], strict=False):
        for _ in range(zeros):
            yield 0
        before += step
        yield before
    while True:
        yield 0


def _batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    size = 0
    for record in records:
        length = len(record) * (1 if isinstance(record, bytes) or record.isascii() else 4) + 5
        if batch and size + length > PIECE - _MARGIN:
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += length
    if batch:
        yield batch


def _packed(batch: Sequence[Record]) -> bytes:
    rows = [record for record in batch if isinstance(record, bytes)]
    if len(rows) < len(batch):
        return pack(list(batch))
    head: bytes = msgpack.Packer().pack_array_header(len(rows))
    return head + b"".join(rows)


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise Refused("has records that are no list")
    return value


def _numbers(value: object) -> list[int]:
    if not isinstance(value, list) or not all(type(number) is int for number in value):
        raise Refused("has no list of numbers where one belongs")
    return value

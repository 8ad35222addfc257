"""Long tables that nodes have nearly alike: each record is stored once, beside each node's order.

Nodes of one cluster hold the same rules, routes and neighbours, each in an order of its own (of a Go map, of
a hash table), with counters and ages of its own, and a few records that the others lack.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, chain, count, repeat
from operator import rshift, sub
from typing import NamedTuple, cast

import msgpack

from kubectl_skoop.snapshot.format import SectionRef, pack, packer
from kubectl_skoop.snapshot.limits import MAX_TEXT, PIECE, Refused

TABLES = frozenset({"iptables-legacy", "iptables-nft", "ip6tables-legacy", "ip6tables-nft", "ipset"}) | {
    "routes",
    "neighbours",
    "fdb",
}
FEWEST = 64
"""Records of a table that is worth it."""
MAX_RECORDS = 400_000
"""Of one table."""
_MOST_KNOWN = 400_000
"""Records that the writer remembers; then it begins anew."""
_UNUSED = 256
"""Tables in a row without a section, after which its records are forgotten: those of some 60 nodes."""
_MARGIN = 16
"""Bytes in a piece for the head of its list."""
_COUNTERS = re.compile(r"\[(\d{1,18}):(\d{1,18})\]")
HOLE = "\0"
_HOLES = f"[{HOLE}:{HOLE}]"
AGES = "cacheinfo"
_WHOLE_NUMBERS = frozenset({int})
_CHUNK_BITS = 24
_NOWHERE = -1

Record = str | bytes
"""A line without its counters; a row without its ages, packed."""


class Split(NamedTuple):
    """A table taken apart."""

    records: Sequence[Record]
    numbers: Sequence[int]
    """What was taken out of them, in their order, as `_Numbers` packs it."""


class Arrangement(NamedTuple):
    """Which records make a table, and what is put into them."""

    steps: Sequence[int]
    """From the place of the record before to that of the next one, in all records; the first from -1."""
    numbers: Sequence[int]
    """As in `Split`."""

    def places(self, records: int) -> list[int]:
        """Of the table's records among so many. Raises: Refused."""
        found = list(accumulate(self.steps, initial=-1))[1:]
        if len(found) > MAX_RECORDS:
            raise Refused(f"has more than {MAX_RECORDS} records")
        if found and not 0 <= min(found) <= max(found) < records:
            raise Refused("has a record that is not there")
        return found

    def values(self) -> Iterator[int]:
        """The numbers, without end: zeros follow the last one."""
        steps = accumulate(self.numbers[1::2])
        parts = (
            chain(repeat(0, min(zeros, MAX_TEXT)), [number])
            for zeros, number in zip(self.numbers[::2], steps, strict=False)
        )
        return chain(chain.from_iterable(parts), repeat(0))


class Arranged(NamedTuple):
    """The data of a table whose records are in the file already."""

    chunks: Sequence[SectionRef]
    arrangement: Arrangement


class _Numbers:
    """How many zeros, the next number less the one before, and so on: most are 0, ages come twice."""

    def __init__(self) -> None:
        self.pairs: list[int] = []
        self._zeros = self._before = 0

    def skip(self, zeros: int) -> None:
        self._zeros += zeros

    def add(self, number: int) -> None:
        if number:
            self.pairs += (self._zeros, number - self._before)
            self._zeros, self._before = 0, number
        else:
            self._zeros += 1


class Chunks:
    """The records that the sections written so far hold."""

    def __init__(self) -> None:
        self._known: dict[Record, int] = {}
        self._refs: list[SectionRef] = []
        self._sizes: list[int] = []
        self._used: list[int] = []
        """Of each section, the number of the last table that has it."""
        self._tables = 0

    @property
    def known(self) -> int:
        """Records that are remembered."""
        return len(self._known)

    def arrange(
        self, records: Sequence[Record], write: Callable[[bytes], SectionRef]
    ) -> tuple[list[SectionRef], list[int]]:
        """The sections that hold the records together, and where in them each is, in steps.

        A section of which the table would use less than half is passed over: it would be read in vain.
        """
        self._forget()
        places = list(map(self._known.get, records, repeat(_NOWHERE)))
        used = Counter(map(rshift, places, repeat(_CHUNK_BITS)))
        chosen = [chunk for chunk in sorted(used) if chunk >= 0 and 2 * used[chunk] >= self._sizes[chunk]]
        for chunk in chosen:
            self._used[chunk] = self._tables
        if len(chosen) < len(used):
            kept = frozenset(chosen)
            fresh = (
                record
                for record, place in zip(records, places, strict=True)
                if place >> _CHUNK_BITS not in kept
            )
            for batch in _batches(dict.fromkeys(fresh)):
                chosen.append(self._write(batch, write))
            places = list(map(self._known.__getitem__, records))
        ends = accumulate(self._sizes[chunk] for chunk in chosen)
        moved = {
            chunk: end - self._sizes[chunk] - (chunk << _CHUNK_BITS)
            for chunk, end in zip(chosen, ends, strict=True)
        }
        final = [place + moved[place >> _CHUNK_BITS] for place in places]
        return [self._refs[chunk] for chunk in chosen], list(map(sub, final, [-1, *final[:-1]]))

    def _write(self, batch: Sequence[Record], write: Callable[[bytes], SectionRef]) -> int:
        """The number of the new section."""
        chunk = len(self._refs)
        self._known |= zip(batch, count(chunk << _CHUNK_BITS), strict=False)
        self._refs.append(write(_packed(batch)))
        self._sizes.append(len(batch))
        self._used.append(self._tables)
        return chunk

    def _forget(self) -> None:
        """Most nodes have a few records that no other has."""
        self._tables += 1
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        elif self._tables % _UNUSED == 0:
            since = self._tables - _UNUSED
            self._known = {
                record: place
                for record, place in self._known.items()
                if self._used[place >> _CHUNK_BITS] > since
            }


def split(data: object) -> Split | None:
    """None: no text nor list of maps, too short, or nothing that would be the same again when joined."""
    if isinstance(data, str):
        return _split_text(data)
    if isinstance(data, list) and all(type(row) is dict for row in data):
        return _split_rows(data)
    return None


def arrangement(steps: object, numbers: object) -> Arrangement:
    """Raises: Refused."""
    return Arrangement(_numbers(steps), _numbers(numbers))


def join(chunks: Iterable[object], steps: object, numbers: object) -> object:
    """What `split` took apart. Raises: Refused where the parts do not fit together."""
    arranged = arrangement(steps, numbers)
    records = list(chain.from_iterable(map(_list, chunks)))
    chosen = list(map(records.__getitem__, arranged.places(len(records))))
    if {str}.issuperset(map(type, chosen)):
        return _joined_text(cast("list[str]", chosen), arranged.numbers)
    given = arranged.values()
    return [_with_ages(row, given) for row in chosen]


def _split_text(text: str) -> Split | None:
    if HOLE in text or len(text) > MAX_TEXT or not FEWEST <= text.count("\n") < MAX_RECORDS:
        return None
    template = text.replace("[0:0]", _HOLES)
    numbers, end = _Numbers(), 0
    for counters in _COUNTERS.finditer(template):
        numbers.skip(template.count(HOLE, end, counters.start()))
        end = counters.end()
        for word in counters.groups():
            if str(int(word)) != word:
                return None
            numbers.add(int(word))
    return Split(_COUNTERS.sub(_HOLES, template).split("\n"), numbers.pairs)


def _joined_text(lines: Sequence[str], numbers: Sequence[int]) -> str:
    if sum(map(len, lines)) + len(lines) > MAX_TEXT:
        raise Refused(f"has more than {MAX_TEXT} bytes")
    parts = "\n".join(lines).split(HOLE)
    filled: list[str] = []
    number = at = 0
    for zeros, step in zip(numbers[::2], numbers[1::2], strict=False):
        end = at + max(zeros, 0)
        if end >= len(parts) - 1:
            break
        number += step
        filled += ("0".join(parts[at : end + 1]), str(number))
        at = end + 1
    filled.append("0".join(parts[at:]))
    return "".join(filled)


def _split_rows(rows: Sequence[dict[str, object]]) -> Split | None:
    if not FEWEST <= len(rows) <= MAX_RECORDS:
        return None
    records: list[Record] = []
    numbers = _Numbers()
    packed, add = packer().pack, numbers.add
    for row in rows:
        ages = row.get(AGES)
        if isinstance(ages, dict) and _WHOLE_NUMBERS.issuperset(map(type, ages.values())):
            for age in ages.values():
                add(age)
            row = {**row, AGES: dict.fromkeys(ages, 0)}
        elif AGES in row:
            return None
        records.append(packed(row))
    return Split(records, numbers.pairs)


def _with_ages(row: object, numbers: Iterator[int]) -> object:
    match row:
        case dict() as fields:
            ages = fields.get(AGES)
            if not isinstance(ages, dict):
                return fields
            return {**fields, AGES: dict(zip(ages, numbers, strict=False))}
        case _:
            raise Refused("has a record that is neither text nor a map")


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
    if not isinstance(value, list) or not _WHOLE_NUMBERS.issuperset(map(type, value)):
        raise Refused("has no list of numbers where one belongs")
    return value

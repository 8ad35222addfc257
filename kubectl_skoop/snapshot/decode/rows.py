"""Long tables that nodes of one cluster have nearly alike: what they share is decoded once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Generic, NamedTuple, TypeVar

from kubectl_skoop.model.errors import FormatError, SectionDamaged
from kubectl_skoop.snapshot.decode.entry import MAX_ROWS, Entry, entries
from kubectl_skoop.snapshot.dump import Table
from kubectl_skoop.snapshot.format import SectionRef
from kubectl_skoop.snapshot.kept import Kept
from kubectl_skoop.snapshot.limits import Refused
from kubectl_skoop.snapshot.records import AGES, Arrangement
from kubectl_skoop.snapshot.tables import Tables

T = TypeVar("T")
MOST_ROWS = 24_000
"""Of the sections of one table that are kept decoded, about 8 MB: those of the nodes of a large cluster to
each other, and what single nodes have besides."""


class RowDecoder(NamedTuple, Generic[T]):
    """How a table is decoded, row by row."""

    table: str
    row: Callable[[Entry], T | None]
    """Looks at nothing but the row, without its ages (`cacheinfo`); None: it is left out.

    Raises: FormatError.
    """
    aged: Callable[[T, Entry], T] | None = None
    """The decoded row with its ages; None: they do not matter. Raises: FormatError."""

    def all(self, data: object) -> tuple[T, ...]:
        """Raises: FormatError."""
        decoded = map(self._with_ages, entries(data, f"$.{self.table}"))
        return tuple(value for value in decoded if value is not None)

    def _with_ages(self, entry: Entry) -> T | None:
        value = self.row(entry)
        if value is None or self.aged is None or AGES not in entry.fields:
            return value
        return self.aged(value, entry.entry(AGES))


class _Chunk(NamedTuple, Generic[T]):
    """A section of rows that nodes share."""

    rows: Sequence[T | None]
    ages: Sequence[Sequence[str]]
    """Names of those that each node puts into a row, in their order."""


class SharedRows(Generic[T]):
    """One table of all nodes of a file. Sections that were not asked for the longest go first."""

    def __init__(self, decoder: RowDecoder[T]) -> None:
        self.decoder = decoder
        self._chunks: Kept[_Chunk[T]] = Kept(MOST_ROWS)

    def of(self, tables: Mapping[str, Table]) -> tuple[T, ...] | None:
        """None: this node's table has another form, is too long, or is damaged: who decodes it as a whole is
        told what of it."""
        name = self.decoder.table
        if not isinstance(tables, Tables) or name not in tables or tables.head(name).state != "ok":
            return None
        try:
            chunks = [self._chunk(ref, tables) for ref in tables.chunks(name)]
            rows = list(chain.from_iterable(chunk.rows for chunk in chunks))
            if not chunks or len(rows) > 2 * MAX_ROWS:
                return None
            arrangement = tables.arrangement(name)
            places = arrangement.places(len(rows))
            if len(places) > MAX_ROWS:
                return None
            ages = list(chain.from_iterable(chunk.ages for chunk in chunks))
            return tuple(self._arranged(rows, ages, places, arrangement))
        except (Refused, SectionDamaged, FormatError):
            return None

    def _arranged(
        self,
        rows: Sequence[T | None],
        ages: Sequence[Sequence[str]],
        places: Sequence[int],
        arrangement: Arrangement,
    ) -> Iterator[T]:
        aged = self.decoder.aged
        if aged is None or not any(ages):
            yield from (row for row in map(rows.__getitem__, places) if row is not None)
            return
        values = arrangement.values()
        for place in places:
            row, names = rows[place], ages[place]
            given = dict(zip(names, values, strict=False)) if names else {}
            if row is not None:
                yield aged(row, Entry(given, AGES)) if names else row

    def _chunk(self, ref: SectionRef, tables: Tables) -> _Chunk[T]:
        """Raises: Refused, SectionDamaged, FormatError."""
        key = str(ref.offset)
        known = self._chunks.get(key)
        if known is None:
            found = list(entries(tables.chunk(self.decoder.table, ref), self.decoder.table))
            made = _Chunk(
                rows=[self.decoder.row(entry) for entry in found],
                ages=[tuple(entry.entry(AGES).fields) for entry in found],
            )
            known = self._chunks.put(key, made, len(found))
        return known

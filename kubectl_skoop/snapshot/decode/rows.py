"""Long tables that nodes of one cluster have nearly alike: what they share is decoded once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, compress
from typing import Generic, NamedTuple, TypeVar

from kubectl_skoop.model.errors import FormatError, SectionDamaged
from kubectl_skoop.snapshot.decode.columns import Columns, columns, spread
from kubectl_skoop.snapshot.decode.entry import MAX_ROWS
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
    """How a table is decoded, many rows at a time."""

    table: str
    rows: Callable[[Columns], Sequence[T]]
    """Looks at nothing but the rows, without their ages (`cacheinfo`). Raises: FormatError."""
    wanted: Callable[[Columns], Sequence[bool]] | None = None
    """Which rows are decoded; None: all. Raises: FormatError."""
    aged: Callable[[Sequence[T], Columns], Iterable[T]] | None = None
    """The decoded rows with their ages; None: they do not matter. Raises: FormatError."""

    def all(self, data: object) -> tuple[T, ...]:
        """Raises: FormatError."""
        return tuple(chain.from_iterable(map(self._whole, columns(data, f"$.{self.table}"))))

    def at_its_place(self, rows: Columns) -> list[T | None]:
        """Without ages; None: the row is not wanted. Raises: FormatError."""
        if self.wanted is None:
            return [*self.rows(rows)]
        wanted = self.wanted(rows)
        return spread(self.rows(rows.only(wanted)), wanted, None)

    def with_ages(self, rows: Sequence[T], have: Sequence[bool], ages: Columns) -> Iterable[T]:
        """`ages`: of the rows that `have` them. Raises: FormatError."""
        if self.aged is None or not any(have):
            return rows
        aged = iter(self.aged(list(compress(rows, have)), ages))
        return [next(aged) if one else row for row, one in zip(rows, have, strict=True)]

    def _whole(self, rows: Columns) -> Iterable[T]:
        if self.wanted is not None:
            rows = rows.only(self.wanted(rows))
        decoded = self.rows(rows)
        if self.aged is None:
            return decoded
        return self.with_ages(decoded, rows.have(AGES), rows.inside(AGES))


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
            names = list(chain.from_iterable(chunk.ages for chunk in chunks))
            return tuple(self._arranged(rows, names, places, arrangement))
        except (Refused, SectionDamaged, FormatError):
            return None

    def _arranged(
        self,
        rows: Sequence[T | None],
        names: Sequence[Sequence[str]],
        places: Sequence[int],
        arrangement: Arrangement,
    ) -> Iterable[T]:
        chosen = map(rows.__getitem__, places)
        if self.decoder.aged is None or not any(names):
            return [row for row in chosen if row is not None]
        values = arrangement.values()
        ages = [dict(zip(names[place], values, strict=False)) for place in places]
        kept = [(row, own) for row, own in zip(chosen, ages, strict=True) if row is not None]
        have = [bool(own) for _, own in kept]
        given = [own for _, own in kept if own]
        return self.decoder.with_ages(
            [row for row, _ in kept], have, Columns(given, range(len(given)), self.decoder.table, AGES)
        )

    def _chunk(self, ref: SectionRef, tables: Tables) -> _Chunk[T]:
        """Raises: Refused, SectionDamaged, FormatError."""
        key = str(ref.offset)
        known = self._chunks.get(key)
        if known is None:
            rows: list[T | None] = []
            ages: list[Sequence[str]] = []
            for batch in columns(tables.chunk(self.decoder.table, ref), self.decoder.table):
                rows += self.decoder.at_its_place(batch)
                ages += (tuple(entry.entry(AGES).fields) for entry in batch.entries())
            made = _Chunk(rows, ages)
            known = self._chunks.put(key, made, len(rows))
        return known

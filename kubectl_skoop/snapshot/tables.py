"""The tables of one namespace in a file, read when asked for."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from kubectl_skoop.model.errors import SectionDamaged
from kubectl_skoop.snapshot.dump import Table, TableState
from kubectl_skoop.snapshot.format import SectionRef, parse_ref
from kubectl_skoop.snapshot.limits import (
    KIB,
    MAX_CONTAINERS,
    MAX_TABLE,
    MAX_TEXT,
    Refused,
    containers_in,
    seconds,
    unpack,
)
from kubectl_skoop.snapshot.pieces import join
from kubectl_skoop.snapshot.read import SnapshotFile

if TYPE_CHECKING:
    from kubectl_skoop.snapshot.records import Arrangement

SHORT_TABLES = 16 * KIB
"""Of a namespace, bytes."""


class Tables(Mapping[str, Table]):
    """The tables of one namespace; long ones are read when asked for. One that is lost is `failed`."""

    def __init__(self, file: SnapshotFile, where: str, entries: Mapping[str, object]) -> None:
        self._file = file
        self._where = where
        self._entries = entries
        self._read: dict[str, Table] = {}

    def __getitem__(self, name: str) -> Table:
        if name in self._read:
            return self._read[name]
        table = self._table(name, self._entries[name])
        if not self.size(name) or not isinstance(table.data, list):
            # Long lists are decoded once, and not needed beside what they become.
            self._read[name] = table
        return table

    def __contains__(self, name: object) -> bool:
        """Without reading it."""
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def size(self, name: str) -> int:
        """Raw bytes of the sections that the table has of its own; 0: it has none, or is lost."""
        match self._entries[name]:
            case {"sections": list(sections)}:
                with suppress(Refused):
                    return sum(parse_ref(section).length for section in sections)
        return 0

    def identity(self, name: str) -> Hashable:
        """Equal for equal data, in another file, too, which need not be read for that; None: not known."""
        match self._entries.get(name):
            case {"form": str(form), "sections": list(sections), **more}:
                parts = [(form, sections)]
            case _:
                return None
        match more.get("arrangement"):
            case None:
                pass
            case {"form": str(form), "sections": list(sections)}:
                parts.append((form, sections))
            case _:
                return None
        with suppress(Refused):
            return tuple((form, *(parse_ref(one).sha256 for one in sections)) for form, sections in parts)
        return None

    @property
    def total(self) -> int:
        """Raw bytes, about: what the sections of long tables say, and what short ones usually take."""
        return SHORT_TABLES + sum(map(self.size, self))

    def head(self, name: str) -> Table:
        """Without its data: whether that is whole is not known then."""
        try:
            return _head(self._entries[name])
        except Refused as refused:
            return _lost(refused)

    def chunks(self, name: str) -> Sequence[SectionRef]:
        """The sections that hold its records and those of others; empty: it has another form, or is lost."""
        match self._entries.get(name):
            case {"form": "records", "sections": list(sections)}:
                with suppress(Refused):
                    return _refs(sections)
        return ()

    def chunk(self, name: str, ref: SectionRef) -> object:
        """Raises: Refused, SectionDamaged."""
        return next(self._pieces(name, [ref]))

    def arrangement(self, name: str) -> "Arrangement":
        """Of a table that has `chunks`. Raises: Refused, SectionDamaged."""
        from kubectl_skoop.snapshot import records

        match self._entries[name]:
            case {"arrangement": {"form": str(form), "sections": list(places)}}:
                match join(form, list(self._pieces(name, _refs(places)))):
                    case {"steps": steps, "numbers": numbers}:
                        return records.arrangement(steps, numbers)
        raise Refused("does not say how its records are arranged")

    def _table(self, name: str, entry: object) -> Table:
        try:
            return _head(entry)._replace(data=self._data(name, entry))
        except (Refused, SectionDamaged) as error:
            return _lost(error)

    def _data(self, name: str, entry: object) -> object:
        match entry:
            case {"data": data}:
                return data
            case {"form": "records", "sections": list(sections)}:
                from kubectl_skoop.snapshot import records

                return records.join(self._pieces(name, _refs(sections)), *self.arrangement(name))
            case {"form": str(form), "sections": list(sections)}:
                return join(form, list(self._pieces(name, _refs(sections))))
            case _:
                raise Refused("holds a table without data")

    def _pieces(self, name: str, refs: Sequence[SectionRef]) -> Iterator[object]:
        """Bounded as a whole: each section may be small. Raises: Refused, SectionDamaged."""
        if sum(ref.length for ref in refs) > MAX_TABLE:
            raise Refused("is longer than a table may be")
        text = containers = 0
        for ref in refs:
            raw = self._file.raw(ref, f"{self._where}/{name}")
            containers += containers_in(raw)
            if containers > MAX_CONTAINERS:
                raise Refused("holds too many values")
            piece = unpack(raw)
            text += len(raw) if isinstance(piece, str) else 0
            if text > MAX_TEXT:
                raise Refused(f"is more text than the {MAX_TEXT} bytes that a table may have")
            yield piece


def heads(tables: Mapping[str, Table]) -> dict[str, Table]:
    """States, reasons and times of all tables of a namespace, without reading the long ones."""
    return {name: tables.head(name) if isinstance(tables, Tables) else tables[name] for name in tables}


def _refs(sections: list[object]) -> Sequence[SectionRef]:
    """Raises: Refused."""
    return [parse_ref(section) for section in sections]


def _head(entry: object) -> Table:
    """Raises: Refused."""
    match entry:
        case {
            "state": "ok" | "absent" | "forbidden" | "failed" | "timeout" as state,
            "reason": str(reason),
            "time": time,
        }:
            known: TableState = state
            return Table(state=known, reason=reason, time=seconds(time))
        case _:
            raise Refused("holds a bad table")


def _lost(error: Exception) -> Table:
    return Table(state="failed", reason=f"lost: {error}")

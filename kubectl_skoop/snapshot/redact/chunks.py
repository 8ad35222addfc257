"""Records that many nodes have are redacted once, as the file has them; how a node arranges them stays."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kubectl_skoop.model.errors import SectionDamaged
from kubectl_skoop.snapshot.dump import Table
from kubectl_skoop.snapshot.format import SectionRef
from kubectl_skoop.snapshot.limits import MAX_TEXT, Refused
from kubectl_skoop.snapshot.records import AGES, HOLE, Arranged
from kubectl_skoop.snapshot.redact.iptables import redact_line
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.netlink import ALIKE, redact_row
from kubectl_skoop.snapshot.redact.pseudonyms import Pseudonyms
from kubectl_skoop.snapshot.redact.text import reason
from kubectl_skoop.snapshot.tables import Tables
from kubectl_skoop.snapshot.write import SnapshotWriter

RULES = frozenset({"iptables-legacy", "ip6tables-legacy", "iptables-nft", "ip6tables-nft"})


class _Written(NamedTuple):
    """A section of the new file."""

    ref: SectionRef
    records: int


class Chunks:
    """The sections of records of one file on their way into another."""

    def __init__(self, pseudonyms: Pseudonyms, writer: SnapshotWriter) -> None:
        self._pseudonyms = pseudonyms
        self._writer = writer
        self._known: dict[tuple[str, SectionRef], _Written | None] = {}

    def table(self, name: str, tables: Mapping[str, Table]) -> Table | None:
        """None: the table has another form, or something of its records is left out; then it is redacted as a
        whole, which says so."""
        if not isinstance(tables, Tables) or name not in RULES | ALIKE:
            return None
        chunks = tables.chunks(name)
        written = [found for ref in chunks if (found := self._chunk(name, ref, tables)) is not None]
        if not chunks or len(written) < len(chunks) or sum(one.ref.length for one in written) > MAX_TEXT:
            return None
        try:
            arrangement = tables.arrangement(name)
            arrangement.places(sum(one.records for one in written))
        except (Refused, SectionDamaged):
            return None
        head = tables.head(name)
        data = Arranged([one.ref for one in written], arrangement)
        return head._replace(data=data, reason=reason(head.reason))

    def _chunk(self, name: str, ref: SectionRef, tables: Tables) -> _Written | None:
        key = ("rules" if name in RULES else "rows", ref)
        if key not in self._known:
            self._known[key] = self._made(name, ref, tables)
        return self._known[key]

    def _made(self, name: str, ref: SectionRef, tables: Tables) -> _Written | None:
        try:
            chunk = tables.chunk(name, ref)
            redacted = self._redacted(name, chunk) if isinstance(chunk, list) else None
            return _Written(self._writer.add_chunk(redacted), len(redacted)) if redacted else None
        except (Refused, SectionDamaged, RecursionError):
            return None

    def _redacted(self, name: str, chunk: Sequence[object]) -> Sequence[object] | None:
        """None: not each record is one afterwards with the same holes."""
        left_out = LeftOut()
        made: list[object] = []
        for record in chunk:
            if isinstance(record, str) and name in RULES:
                line = redact_line(record, self._pseudonyms, left_out, name)
                if line is None or line.count(HOLE) != record.count(HOLE):
                    return None
                made.append(line)
            elif isinstance(record, dict) and name in ALIKE:
                row = redact_row(record, self._pseudonyms, left_out, name)
                if not isinstance(row, dict) or _ages(row) != _ages(record):
                    return None
                made.append(row)
            else:
                return None
        return None if left_out.total else made


def _ages(row: Mapping[str, object]) -> Sequence[str] | None:
    """In their order."""
    ages = row.get(AGES)
    return list(ages) if isinstance(ages, dict) else None

"""Tables that many pods have alike, sysctls above all: each is redacted once."""

from hashlib import blake2b
from typing import NamedTuple

from kubectl_skoop.snapshot.dump import Table
from kubectl_skoop.snapshot.format import pack
from kubectl_skoop.snapshot.kept import Kept
from kubectl_skoop.snapshot.limits import MIB
from kubectl_skoop.snapshot.packed_rows import PackedRows
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.pseudonyms import Pseudonyms
from kubectl_skoop.snapshot.redact.table import redact_table

MOST_KEPT = 4 * MIB
"""Bytes that the tables took packed."""


class _Known(NamedTuple):
    table: Table | None
    left_out: LeftOut


class Repeated:
    """`redact_table` for pods, one after another."""

    def __init__(self, pseudonyms: Pseudonyms, left_out: LeftOut) -> None:
        self._pseudonyms = pseudonyms
        self._left_out = left_out
        self._known: Kept[_Known] = Kept(MOST_KEPT)

    def table(self, name: str, table: Table) -> Table | None:
        """None: a table that is not known."""
        if table.data is None or isinstance(table.data, PackedRows):
            return redact_table(name, table, self._pseudonyms, self._left_out)
        packed = pack(table.data)
        key = f"{name} {table.state} {blake2b(packed, digest_size=16).hexdigest()} {table.reason}"
        known = self._known.get(key)
        if known is None:
            left_out = LeftOut()
            redacted = redact_table(name, table, self._pseudonyms, left_out)
            known = self._known.put(key, _Known(redacted, left_out), len(packed))
        self._left_out.include(known.left_out)
        return None if known.table is None else known.table._replace(time=table.time)

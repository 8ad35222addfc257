"""The tables of one namespace, as the printers read them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from kubectl_skoop.model.errors import FormatError
from kubectl_skoop.snapshot.decode.entry import Entry, entries
from kubectl_skoop.snapshot.dump import Table


@dataclass(frozen=True)
class State:
    tables: Mapping[str, Table]
    headers: bool = True
    """Names above columns."""

    def rows(self, name: str) -> Iterator[Entry]:
        """Of a table that is a list; nothing where it is not `ok`. Raises: FormatError."""
        table = self.tables.get(name)
        if table is not None and table.state == "ok":
            yield from entries(table.data, f"$.{name}")

    def text(self, name: str) -> str:
        """Of a table that is text; empty where it is not `ok`. Raises: FormatError."""
        table = self.tables.get(name)
        if table is None or table.state != "ok":
            return ""
        if not isinstance(table.data, str):
            raise FormatError(f"$.{name}: text is wanted")
        return table.data

    @cached_property
    def device_names(self) -> Mapping[int, str]:
        try:
            return {row.number("index"): row.text("ifname") for row in self.rows("links")}
        except FormatError:
            return {}

    def device(self, index: int) -> str:
        return self.device_names.get(index, f"if{index}")

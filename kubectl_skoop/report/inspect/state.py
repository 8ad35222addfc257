"""The tables of one namespace, as the printers read them."""

from collections.abc import Iterator, Mapping
from functools import cached_property

from kubectl_skoop.model.errors import FormatError
from kubectl_skoop.snapshot.decode.entry import Entry, entries
from kubectl_skoop.snapshot.dump import Table


class State:
    """Reads a table once, however often it is asked for: a long one is not kept where it is from."""

    def __init__(self, tables: Mapping[str, Table], headers: bool = True) -> None:
        """`headers`: names above columns."""
        self.headers = headers
        self._tables = tables
        self._read: dict[str, Table | None] = {}

    def table(self, name: str) -> Table | None:
        """None: it was not collected."""
        if name not in self._read:
            self._read[name] = self._tables.get(name)
        return self._read[name]

    def only(self, *names: str) -> "State":
        """As if the other tables had not been collected; those are not read."""
        tables = {name: table for name in names if (table := self.table(name)) is not None}
        return State(tables, self.headers)

    def rows(self, name: str) -> Iterator[Entry]:
        """Of a table that is a list; nothing where it is not `ok`. Raises: FormatError."""
        table = self.table(name)
        if table is not None and table.state == "ok":
            yield from entries(table.data, f"$.{name}")

    def text(self, name: str) -> str:
        """Of a table that is text; empty where it is not `ok`. Raises: FormatError."""
        table = self.table(name)
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

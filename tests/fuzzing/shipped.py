"""The shipped snapshots as seeds: real tables, small."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.dump import Table
from kubectl_skoop.snapshot.source import open_snapshot

SNAPSHOTS = Path(__file__).parents[2] / "snapshots"
NAMES = ("healthy-vxlan", "healthy-calico")
ROWS = 4
"""Of a table that are enough to have each form."""


def tables() -> Iterator[tuple[str, Table]]:
    """Each table of each namespace of the shipped snapshots, and its name."""
    for name in NAMES:
        with closing(open_snapshot(SNAPSHOTS / f"{name}.skoop")) as source:
            for node in source.nodes():
                dump = source.node_dump(node)
                assert not isinstance(dump, NotCollected)
                for namespace in dump.namespaces:
                    yield from namespace.tables.items()


def texts(*names: str) -> list[str]:
    """Different texts of these tables."""
    found = dict.fromkeys(
        table.data for name, table in tables() if name in names and isinstance(table.data, str) and table.data
    )
    return list(found)


def short(table: Table) -> object:
    """Its first rows."""
    match table.data:
        case list(rows):
            return rows[:ROWS]
        case dict(fields):
            return dict(list(fields.items())[: 5 * ROWS])
        case data:
            return data

"""The kernel's tables as rows: each decoder, what they add up to, and what `inspect` prints of them."""

from collections.abc import Iterator

from kubectl_skoop.diagnosis.limits.found import of_namespace, of_node
from kubectl_skoop.diagnosis.limits.measured import measure
from kubectl_skoop.model.place import Place
from kubectl_skoop.report.inspect import WHATS, print_table, table_data
from kubectl_skoop.report.json import json_text
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.snapshot.dump import NamespaceDump, Table
from tests.fuzzing import shipped
from tests.fuzzing.codec import MSGPACK
from tests.fuzzing.printed import check_printed
from tests.fuzzing.table_seeds import rare_tables
from tests.fuzzing.target import Target


def run(data: bytes) -> None:
    tables = tables_of(data)
    dump = NamespaceDump(id="4:1", kind="host", tables=tables)
    decoded = decode_namespace(dump, "n1", Place("node", "n1"))
    assert all(isinstance(reason, str) for reason in decoded.gaps.values())
    list(of_namespace(measure(decoded, tables)))
    list(of_node(measure(decoded, tables), [decoded]))
    for what in WHATS:
        check_printed(print_table(what, tables))
        json_text(table_data(what, tables))


def tables_of(data: bytes) -> dict[str, Table]:
    """Of a map from the table's name to its data."""
    value = MSGPACK.read(data)
    if not isinstance(value, dict):
        return {}
    return {name: Table(time=1.0, data=content) for name, content in value.items() if isinstance(name, str)}


def seeds() -> Iterator[bytes]:
    """Each table alone, in each form that the shipped snapshots have; and together."""
    found: dict[bytes, None] = {}
    together: dict[str, object] = {}
    for name, table in shipped.tables():
        if table.state == "ok" and not isinstance(table.data, str):
            found[MSGPACK.encode({name: shipped.short(table)})] = None
            together[name] = shipped.short(table)
    yield from (seed for seed in found if len(seed) < 6000)
    for name, data in rare_tables().items():
        yield MSGPACK.encode({name: data})
    yield MSGPACK.encode({**together, **rare_tables()})


TARGET = Target(name="rows", run=run, seeds=seeds, codec=MSGPACK)

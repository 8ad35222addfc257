"""What `redact` makes of any table and any object."""

from collections.abc import Iterator, Mapping

from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.object import is_known, redact_object
from kubectl_skoop.snapshot.redact.pseudonyms import Pseudonyms
from kubectl_skoop.snapshot.redact.table import redact_table
from tests.fuzzing import shipped
from tests.fuzzing.codec import MSGPACK
from tests.fuzzing.object_examples import examples
from tests.fuzzing.target import Target
from tests.fuzzing.targets import rows


def run(data: bytes) -> None:
    pseudonyms = Pseudonyms(b"k" * 32)
    left_out = LeftOut()
    for name, table in rows.tables_of(data).items():
        if is_known(name) and isinstance(table.data, Mapping):
            redact_object(name, table.data, pseudonyms, left_out)
        else:
            redact_table(name, table, pseudonyms, left_out)
    left_out.lines()


def seeds() -> Iterator[bytes]:
    yield from rows.seeds()
    for name, table in shipped.tables():
        if isinstance(table.data, str):
            yield MSGPACK.encode({name: table.data[:4000]})
    for item in examples():
        yield MSGPACK.encode({str(item["kind"]): item})


TARGET = Target(name="redact", run=run, seeds=lambda: dict.fromkeys(seeds()), codec=MSGPACK)

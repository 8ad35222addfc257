"""The file as bytes: header, sections, index, trailer."""

from collections.abc import Iterator
from contextlib import closing

from kubectl_skoop.snapshot.source import open_snapshot
from tests.fuzzing import scratch
from tests.fuzzing.read_all import read_all
from tests.fuzzing.small import small_snapshot
from tests.fuzzing.target import Target


def run(data: bytes) -> None:
    with closing(open_snapshot(scratch.file("s.skoop", data))) as snapshot:
        read_all(snapshot)


def seeds() -> Iterator[bytes]:
    whole = small_snapshot()
    yield whole
    yield whole[:-26]
    yield whole[: len(whole) // 2]
    yield whole + whole


TARGET = Target(
    name="container",
    run=run,
    seeds=seeds,
    words=(
        "kind",
        "name",
        "codec",
        "length",
        "sha256",
        "data",
        "zstd",
        "raw",
        "index",
        "SKOOPIDX",
        "\x86\xa4kind",
    ),
)

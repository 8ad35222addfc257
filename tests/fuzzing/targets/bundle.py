"""A folder that a stranger packed: `--snapshot FOLDER`, `--objects FOLDER`, `--infra FOLDER`."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from kubectl_skoop.cli import infra
from kubectl_skoop.model.errors import SkoopError
from kubectl_skoop.snapshot.bundle import snapshot_in
from kubectl_skoop.snapshot.objects_file import read_objects
from kubectl_skoop.snapshot.source import open_snapshot
from tests.fuzzing import scratch
from tests.fuzzing.codec import MSGPACK
from tests.fuzzing.small import small_snapshot
from tests.fuzzing.target import Target

MOST = 12
"""Files of a folder."""
LINK = "→"
"""Before what a symbolic link leads to."""


def run(data: bytes) -> None:
    """`{path: content}`. Raises: OSError, which the program tells in one line, as any of a file."""
    files = MSGPACK.read(data)
    folder = scratch.folder() / "bundle"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    _fill(folder, files if isinstance(files, dict) else {})
    with suppress(SkoopError):
        open_snapshot(snapshot_in(folder)).close()
    with suppress(SkoopError):
        read_objects([folder])
    with suppress(SkoopError):
        infra.read([folder])


def _fill(folder: Path, files: Mapping[object, object]) -> None:
    """Below the folder only, whatever a path says."""
    for name, content in list(files.items())[:MOST]:
        parts = [part for part in str(name).split("/") if part not in ("", ".", "..") and "\0" not in part]
        path = folder.joinpath(*parts[:4])
        with suppress(OSError, ValueError):
            path.parent.mkdir(parents=True, exist_ok=True)
            match content:
                case bytes():
                    path.write_bytes(content)
                case str() if content.startswith(LINK):
                    path.symlink_to(content.removeprefix(LINK))
                case str():
                    path.write_text(content, "utf-8", "backslashreplace")
                case _:
                    path.mkdir()


def seeds() -> Iterator[bytes]:
    small = small_snapshot()[:3000]
    pod = "kind: Pod\napiVersion: v1\nmetadata: {name: a}\n"
    yield MSGPACK.encode({"a/s.skoop": small, "cluster/pods.yaml": pod, "aws/vpcs.json": '{"Vpcs": []}'})
    yield MSGPACK.encode({"a/s.skoop": small, "b/s.skoop": small, "b/t.json": "[]", "c": f"{LINK}a"})
    yield MSGPACK.encode(
        {"s.skoop": f"{LINK}/dev/zero", "x.yaml": f"{LINK}.", "y.json": f"{LINK}y.json", "d": None}
    )


TARGET = Target(
    name="bundle",
    run=run,
    seeds=seeds,
    codec=MSGPACK,
    refuses=(OSError,),
    words=(
        "s.skoop",
        ".json",
        ".yaml",
        f"{LINK}/dev/full",
        f"{LINK}..",
        f"{LINK}s.skoop",
        "a/b/c/d",
        "x\udc80",
    ),
)

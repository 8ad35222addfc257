"""The agent as bytes: for a container whose image has Python, and nothing of ours.

A zip of this package and of msgpack's pure Python. It is received into memory (memfd_create(2)), so that the
root file system may be read-only, and imported from there.
"""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from zipfile import ZipFile

PACKAGES = ("cluster", "collect", "model", "snapshot")
"""Of this package, what the agent imports is in these."""
OTHERS = ("msgpack",)
OPTIONAL = ("h2", "hpack", "hyperframe")
"""By which a container runtime is asked; left out where they are not installed."""
LEFT_OUT = frozenset({"__pycache__", "live"})
RECEIVE = """
import os, sys
if sys.version_info < (3, 11):
    sys.exit("the image has Python %d.%d, the collector needs 3.11" % sys.version_info[:2])
source = sys.stdin.buffer
size = int(source.readline())
parcel = os.memfd_create("agent")
open(parcel, "wb", closefd=False).write(source.read(size))
sys.path.insert(0, "/proc/self/fd/%d" % parcel)
from kubectl_skoop.collect.sent import main
sys.exit(main(*sys.argv[1:]))
"""
"""What is run in the container, with the node and which connections; the parcel comes by standard input."""
WAIT = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
time.sleep({seconds})
"""
"""What the container does meanwhile."""


def pack() -> bytes:
    """A line with the size, and the zip."""
    import zipfile
    from importlib.metadata import version
    from importlib.resources import files
    from importlib.util import find_spec

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("kubectl_skoop/__init__.py", "")
        for package in PACKAGES:
            _add(archive, files("kubectl_skoop") / package, f"kubectl_skoop/{package}")
        for package in (*OTHERS, *(name for name in OPTIONAL if find_spec(name))):
            _add(archive, files(package), package)
        # Its version goes into the header of the dump.
        metadata = f"Metadata-Version: 2.1\nName: kubectl-skoop\nVersion: {version('kubectl-skoop')}\n"
        archive.writestr("kubectl_skoop.dist-info/METADATA", metadata)
    data = packed.getvalue()
    return b"%d\n%s" % (len(data), data)


def _add(archive: "ZipFile", folder: "Traversable", name: str) -> None:
    for path, content in _sources(folder, name):
        archive.writestr(path, content)


def _sources(folder: "Traversable", name: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir() and entry.name not in LEFT_OUT:
            yield from _sources(entry, f"{name}/{entry.name}")
        elif entry.name.endswith(".py"):
            yield f"{name}/{entry.name}", entry.read_bytes()

"""Files that a target reads, in memory where the machine has a folder for that."""

import atexit
import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

GIVEN = "FUZZ_SCRATCH"
_MEMORY = Path("/dev/shm")


def new(inside: Path | None = None) -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="skoop-fuzz-", dir=inside or (_MEMORY if _MEMORY.is_dir() else None))


@cache
def folder() -> Path:
    """One a process, removed at its end; or in the one that is given, as libFuzzer ends without any ado."""
    given = os.environ.get(GIVEN)
    made = new(Path(given) if given else None)
    atexit.register(made.cleanup)
    return Path(made.name)


def file(name: str, data: bytes) -> Path:
    path = folder() / name
    path.write_bytes(data)
    return path

"""Files that a target reads, in memory where the machine has a folder for that."""

import atexit
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

_MEMORY = Path("/dev/shm")


@cache
def folder() -> Path:
    """One a process, removed at its end."""
    made = TemporaryDirectory(prefix="skoop-fuzz-", dir=_MEMORY if _MEMORY.is_dir() else None)
    atexit.register(made.cleanup)
    return Path(made.name)


def file(name: str, data: bytes) -> Path:
    path = folder() / name
    path.write_bytes(data)
    return path

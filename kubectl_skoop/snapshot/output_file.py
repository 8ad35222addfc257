"""A file to be written whose errors say which file it is: on a full disk Python names none."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def create(path: Path, called: Path | None = None) -> BufferedWriter:
    """Empty, to be written and closed; each of its methods that writes, `close` too, may raise.

    `called`: the name in errors, if it is not `path`. Raises: OSError.
    """
    return BufferedWriter(_Output(path, called or path))


def sync(file: BufferedWriter, called: Path) -> None:
    """Returns when all is on the disk. Raises: OSError."""
    file.flush()
    with _naming(called):
        os.fsync(file.fileno())


class _Output(FileIO):
    def __init__(self, path: Path, called: Path) -> None:
        with _naming(called):
            super().__init__(path, "wb")
        self._called = called

    def write(self, data: "ReadableBuffer", /) -> int:
        with _naming(self._called):
            return super().write(data)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise

"""A file to be written whose errors say which file it is: on a full disk Python names none."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from kubectl_skoop.model.errors import InputError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def check_target(path: Path) -> None:
    """Before long work: that a file can be there. What is no regular file, a device too, is never replaced.

    Raises: InputError.
    """
    if str(path) == "-":
        raise InputError("a snapshot cannot go to standard output", hint="name the file to write")
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}")
    if path.is_dir():
        raise InputError(f"{path}: is a folder", hint="name the file to write")
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: is no regular file", hint="name the file to write")


def create(path: Path, called: Path | None = None) -> BufferedWriter:
    """Empty, to be written and closed; each of its methods that writes, `close` too, may raise.

    `called`: the name in errors, if it is not `path`. Raises: OSError.
    """
    return BufferedWriter(_Output(path, called or path))


def sync(file: BufferedWriter, called: Path) -> None:
    """Returns when all is on the disk. Raises: OSError."""
    file.flush()
    with naming(called):
        os.fsync(file.fileno())


class _Output(FileIO):
    def __init__(self, path: Path, called: Path) -> None:
        with naming(called):
            super().__init__(path, "wb")
        self._called = called

    def write(self, data: "ReadableBuffer", /) -> int:
        with naming(self._called):
            return super().write(data)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """In errors."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise

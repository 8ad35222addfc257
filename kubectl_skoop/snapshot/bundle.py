"""The one snapshot in an unpacked bundle, as must-gather and troubleshoot.sh make them."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from kubectl_skoop.model.errors import FormatError

SUFFIX = ".skoop"
MOST_ENTRIES = 200_000
"""Files and folders that are looked at: somebody may name `/`."""
_SHOWN = 10


def snapshot_in(folder: Path) -> Path:
    """Links are not followed: a bundle is a stranger's. Raises: FormatError: there is none, or several."""
    found = sorted(islice(_snapshots(folder), _SHOWN + 1))
    match found:
        case [one]:
            return one
        case []:
            raise FormatError(f"{folder}: holds no {SUFFIX} file", hint="name the file")
        case _:
            names = ", ".join(str(path.relative_to(folder)) for path in found[:_SHOWN])
            more = ", …" if len(found) > _SHOWN else ""
            raise FormatError(f"{folder}: holds several snapshots: {names}{more}", hint="name one of them")


def holds_snapshot(folder: Path) -> bool:
    """One or several. Raises: FormatError: there is too much in it."""
    return any(True for _ in _snapshots(folder))


def _snapshots(folder: Path) -> Iterator[Path]:
    seen = 0
    for place, folders, files in os.walk(folder):
        folders.sort()
        seen += len(folders) + len(files)
        if seen > MOST_ENTRIES:
            raise FormatError(
                f"{folder}: holds more than {MOST_ENTRIES} files", hint="name the snapshot in it"
            )
        paths = (Path(place, name) for name in sorted(files) if name.endswith(SUFFIX))
        yield from (path for path in paths if not path.is_symlink())

"""`python3 -m kubectl_skoop.collect.held FOLDER RUN [OFFSET LENGTH]`: a snapshot that waits in its pod.

Without an offset JSON says how far it is; with one, the piece of the file comes after its SHA-256.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import NamedTuple

DIGEST = 32
"""Bytes of a SHA-256."""
_AT_ONCE = 1 << 20


class Place(NamedTuple):
    """Where a run's files are, on a volume that it may share with other runs."""

    folder: Path
    run: str

    @property
    def file(self) -> Path:
        """The snapshot, once it is whole."""
        return self.folder / f"{self.run}.skoop"

    @property
    def dumps(self) -> Path:
        """The folder of the dumps that have arrived (`collect.live.checkpoint`)."""
        return self.folder / f"{self.run}.dumps"

    @property
    def whole(self) -> Path:
        """JSON about the snapshot: its `size`, its `sha256`, what is in it."""
        return self.folder / f"{self.run}.json"


def status(place: Place) -> bytes:
    """`{"dumps": number}`, until the snapshot is whole."""
    if place.whole.exists():
        return place.whole.read_bytes()
    return json.dumps({"dumps": sum(1 for _ in place.dumps.glob("*.json"))}).encode()


def piece(file: Path, offset: int, length: int) -> bytes:
    """The SHA-256 of the piece, and the piece, shorter at the end of the file. Raises: OSError."""
    with file.open("rb") as opened:
        opened.seek(offset)
        data = opened.read(length)
    return hashlib.sha256(data).digest() + data


def sha256_of(file: Path) -> str:
    """In hexadecimal digits. Raises: OSError."""
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while part := opened.read(_AT_ONCE):
            digest.update(part)
    return digest.hexdigest()


def main(folder: str, run: str, *where: str) -> int:
    place = Place(Path(folder), run)
    sys.stdout.buffer.write(piece(place.file, *map(int, where)) if where else status(place))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

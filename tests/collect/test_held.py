"""What a snapshot that waits in its pod says of itself."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from kubectl_skoop.collect.held import DIGEST, Place, piece, status


def test_until_it_is_whole_the_dumps_are_counted(tmp_path: Path) -> None:
    place = Place(tmp_path, "r")
    assert json.loads(status(place)) == {"dumps": 0}
    place.dumps.mkdir()
    for name in ("a.json", "a.dump", "b.json", "c.partial"):
        (place.dumps / name).touch()
    assert json.loads(status(place)) == {"dumps": 2}
    place.whole.write_text('{"size": 3}')
    assert json.loads(status(place)) == {"size": 3}


@pytest.mark.parametrize(("offset", "length", "data"), [(0, 3, b"abc"), (3, 9, b"de"), (5, 1, b"")])
def test_a_piece_comes_after_its_hash(offset: int, length: int, data: bytes, tmp_path: Path) -> None:
    place = Place(tmp_path, "r")
    place.file.write_bytes(b"abcde")
    command = (sys.executable, "-m", "kubectl_skoop.collect.held", tmp_path, "r", str(offset), str(length))
    said = subprocess.run(command, capture_output=True, check=True).stdout
    assert said == piece(place.file, offset, length) == hashlib.sha256(data).digest() + data
    assert len(said) == DIGEST + len(data)

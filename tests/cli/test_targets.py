"""Where files are written, and which are asked: told before long work, and nothing else is replaced."""

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.cli.run import shell, skoop
from tests.golden.cases import SNAPSHOTS

HEALTHY = SNAPSHOTS / "healthy-vxlan.skoop"
WRITERS: dict[str, Callable[[Path], Sequence[str | Path]]] = {
    "snapshot": lambda target: ("snapshot", "-f", target, "--node-dump", HEALTHY),
    "snapshot --redact": lambda target: ("snapshot", "-f", target, "--node-dump", HEALTHY, "--redact"),
    "redact": lambda target: ("redact", HEALTHY, target),
    "redact --map": lambda target: ("redact", HEALTHY, target.with_name("new.skoop"), "--map", target),
}


@pytest.fixture(params=[*WRITERS.values()], ids=[*WRITERS])
def write(request: pytest.FixtureRequest) -> Callable[[Path], Sequence[str | Path]]:
    chosen: Callable[[Path], Sequence[str | Path]] = request.param
    return chosen


def test_a_folder_is_not_written(write: Callable[[Path], Sequence[str | Path]], tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    ran = skoop(*write(target))
    assert (ran.code, ran.err) == (2, f"error: {target}: is a folder (name the file to write)\n")
    assert os.listdir(tmp_path) == ["folder"]


def test_what_is_no_file_is_not_replaced(
    write: Callable[[Path], Sequence[str | Path]], tmp_path: Path
) -> None:
    """As root `-f /dev/null` would take the device away."""
    target = tmp_path / "pipe"
    os.mkfifo(target)
    ran = skoop(*write(target))
    assert (ran.code, ran.err) == (2, f"error: {target}: is no regular file (name the file to write)\n")
    assert stat.S_ISFIFO(target.stat().st_mode)
    assert os.listdir(tmp_path) == ["pipe"]


def test_a_snapshot_is_not_written_to_a_file_called_dash(tmp_path: Path) -> None:
    ran = shell("snapshot", "-f", "-", "--node-dump", HEALTHY, cwd=tmp_path)
    assert ran.code == 2
    assert ran.err == "error: a snapshot cannot go to standard output (name the file to write)\n"
    assert os.listdir(tmp_path) == []


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    """In a hostile bundle, too."""
    os.mkfifo(tmp_path / "cluster.skoop")
    for asked in (tmp_path / "cluster.skoop", tmp_path):
        ran = shell("check", "--snapshot", asked)
        assert ran.code == 2
        assert ran.err.endswith("is not a regular file (write it to one, and name that)\n")


@pytest.mark.parametrize(
    "words",
    [("check", "--snapshot", ""), ("diff", "", HEALTHY), ("diff", HEALTHY, ""), ("redact", "", "new.skoop")],
    ids=["check", "diff", "diff after", "redact"],
)
def test_an_empty_name_is_not_this_folder(words: Sequence[str | Path], tmp_path: Path) -> None:
    """`--snapshot "$FILE"`, where nobody has set FILE."""
    (tmp_path / "another.skoop").write_bytes(HEALTHY.read_bytes())
    ran = shell(*words, cwd=tmp_path)
    assert ran.code == 2
    assert "no file is named" in ran.err

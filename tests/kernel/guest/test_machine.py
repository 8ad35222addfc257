"""A guest that does not end in time leaves nothing behind."""

import os
import subprocess
import time
from itertools import count
from pathlib import Path

import pytest

from tests.kernel.guest.machine import run_group

SECONDS = 1.0


def gone(process: int) -> bool:
    """Ended, or only not yet waited for."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_what_a_command_prints() -> None:
    assert run_group(["sh", "-c", "echo one; echo two >&2"], SECONDS * 20) == "one\ntwo\n"


def test_what_gets_on_may_take_longer() -> None:
    steps = iter(range(4))
    assert (
        run_group(["sh", "-c", f"sleep {SECONDS * 2}; echo done"], SECONDS, lambda: next(steps)) == "done\n"
    )


def test_children_of_what_takes_too_long_end_with_it(tmp_path: Path) -> None:
    told = tmp_path / "child"
    steps = count()
    with pytest.raises(subprocess.TimeoutExpired):
        run_group(
            ["sh", "-c", f"sleep 60 & echo $! >{told}.new; mv {told}.new {told}; wait"],
            SECONDS,
            lambda: told.exists() or next(steps),
        )
    child = int(told.read_text())
    for _ in range(100):
        if gone(child):
            return
        time.sleep(0.02)
    os.kill(child, 9)
    pytest.fail("the child goes on")

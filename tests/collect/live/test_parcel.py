"""The agent as it is sent: whole, small, and of pure Python."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

from kubectl_skoop.collect.live.parcel import RECEIVE, pack

BARE = (sys.executable, "-I", "-S", "-c")
"""An interpreter without any installed package."""


def test_it_is_a_size_and_a_zip() -> None:
    size, _, data = pack().partition(b"\n")
    assert int(size) == len(data) < 500_000
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert "kubectl_skoop/collect/agent.py" in names
    assert not [name for name in names if "/live/" in name or name.endswith((".so", ".pyc"))]


def test_it_runs_with_nothing_but_the_standard_library(tmp_path: Path) -> None:
    """It is told of a list that is none: what it says is its own."""
    done = subprocess.run(
        [*BARE, RECEIVE, "n1", "all"], input=pack() + b"nothing\n", capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--pods: is no JSON" in done.stderr


def test_an_old_interpreter_is_told_what_is_needed() -> None:
    code = "import sys; sys.version_info = (3, 9, 1)\n" + RECEIVE
    done = subprocess.run([*BARE, code, "n1", "all"], input=pack(), capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stderr.decode().strip() == "the image has Python 3.9, the collector needs 3.11"


def test_nothing_of_it_needs_a_package_that_is_not_sent() -> None:
    # Debian's Python brings a module of its own (sitecustomize) before anything is asked for.
    code = (
        "import sys, json\n"
        "before = set(sys.modules)\n"
        "from kubectl_skoop.collect import sent\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in set(sys.modules) - before})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # Here msgpack is its compiled form, which brings the last one.
    loaded = set(json.loads(done.stdout)) - set(sys.stdlib_module_names) - {"cython_runtime"}
    assert {name for name in loaded if not name.startswith("_")} == {"kubectl_skoop", "msgpack"}

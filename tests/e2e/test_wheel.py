"""The wheel, as pip installs it where nothing else is."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from kubectl_skoop import __version__
from tests.e2e import binaries
from tests.e2e.collector_image import ROOT

pytestmark = pytest.mark.e2e

QUESTION = ("diagnose", "pod/default/a", "pod/default/b", "-p", "8080", "-o", "json")


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that holds the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = ("pip", "--quiet", "--disable-pip-version-check")
    _run(sys.executable, "-m", *pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=True)
    _run(folder / "venv" / "bin" / "python", "-m", *pip, "install", wheel)
    return folder / "venv" / "bin"


def test_kubectl_finds_the_program_of_the_wheel(programs: Path) -> None:
    kubectl = binaries.built(binaries.VERSION, ("kubectl",)) / "kubectl"
    path = f"{programs}:{kubectl.parent}:/usr/bin:/bin"
    assert str(programs / "kubectl-skoop") in _run(kubectl, "plugin", "list", path=path).split()
    assert _run(kubectl, "skoop", "version", path=path).startswith(f"kubectl-skoop {__version__}")


def test_the_wheel_gives_the_golden_answer(programs: Path) -> None:
    snapshot = ROOT / "snapshots" / "forward-drop.skoop"
    said = _run(programs / "kubectl-skoop", *QUESTION, "--snapshot", snapshot, code=1)
    expected = ROOT / "tests" / "golden" / "forward-drop" / "request-dropped.json"
    assert json.loads(said) == json.loads(expected.read_text("utf-8"))


def test_the_wheel_holds_what_is_explained_and_the_door_for_plugins(programs: Path) -> None:
    assert "Kernel: " in _run(programs / "kubectl-skoop", "explain", "netfilter.drop")
    _run(programs / "python", "-c", "import kubectl_skoop.api")


def _run(*command: str | Path, code: int = 0, path: str = "") -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | ({"PATH": path} if path else {}),
        cwd="/",
    )
    assert done.returncode == code, done.stderr
    return done.stdout

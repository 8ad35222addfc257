"""Each example of a command's help is run."""

import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from kubectl_skoop.cli.examples import EXAMPLES
from kubectl_skoop.cli.group import COMMANDS
from kubectl_skoop.web.server import Server
from tests.cli.run import Ran, skoop

ROOT = Path(__file__).parents[2]
ANSWERS = (0, 1, 3)
"""Any answer but that the request was wrong, or a bug."""
GIVEN = [(name, example.words) for name, examples in EXAMPLES.items() for example in examples]
NEEDS_CLUSTER = {
    "diagnose pod/shop/cart svc/shop/db -p 5432",
    "check",
    "snapshot -f all.skoop",
    "snapshot --in-cluster -f all.skoop",
    "cleanup",
}


@pytest.fixture
def folder(tmp_path: Path, objects: Path, dumps: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """With the files that the examples name."""
    shutil.copy(ROOT / "snapshots" / "healthy-vxlan.skoop", tmp_path / "bundle.skoop")
    shutil.copy(ROOT / "snapshots" / "route-withdrawn.skoop", tmp_path / "new.skoop")
    shutil.copy(objects, tmp_path / "objects.yaml")
    for name, path in dumps.items():
        shutil.copy(path, tmp_path / f"{name}.dump")
    (tmp_path / "aws").mkdir()
    (tmp_path / "aws" / "vpcs.json").write_text('{"Vpcs": []}')
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "kubectl-skoop").touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(words: str, folder: Path, **variables: str) -> Ran:
    environment = {"HOME": str(folder), "PATH": f"{folder / 'bin'}:/usr/bin:/bin", "SHELL": "/bin/bash"}
    return skoop(*shlex.split(words), env=environment | variables)


def test_every_command_has_examples_of_itself() -> None:
    assert list(EXAMPLES) == list(COMMANDS)
    assert all(words.split()[0] == name for name, words in GIVEN)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_the_examples_as_they_are_typed(name: str) -> None:
    shown = skoop(name, "--help").out.splitlines()
    for example in EXAMPLES[name]:
        assert f"    kubectl skoop {example.words}" in shown


@pytest.mark.parametrize("words", [words for name, words in GIVEN if name not in ("collect", "serve")])
def test_an_example_gives_an_answer(words: str, folder: Path) -> None:
    if words in NEEDS_CLUSTER:
        kubeconfig = folder / "config"
        kubeconfig.write_text(yaml.safe_dump(NO_CLUSTER))
        ran = _run(words, folder, KUBECONFIG=str(kubeconfig))
        assert ran.code in (2, 3)
        assert "the cluster http://127.0.0.1:1 cannot be reached" in ran.err
    else:
        ran = _run(words, folder)
        assert ran.code in ANSWERS, ran.err
        assert ran.out


@pytest.mark.parametrize("words", [words for name, words in GIVEN if name == "collect"])
def test_an_example_of_collect_is_understood(
    words: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it reads belongs to the kernel's labs."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "collect must run as root" in _run(words, folder).err


@pytest.mark.parametrize("words", [words for name, words in GIVEN if name == "serve"])
def test_an_example_of_serve_is_understood(words: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server is ended as by Ctrl-C, as soon as it would wait for its browser."""
    opened: list[str] = []

    def interrupted(server: Server) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "serve_forever", interrupted)
    monkeypatch.setattr("webbrowser.open", opened.append)
    ran = _run(words, folder)
    assert ran.code == 130
    assert ran.out.startswith("http://127.0.0.1:")
    assert opened == ([ran.out.strip()] if "--open" in words else [])


NO_CLUSTER = {
    "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
    "contexts": [{"name": "c", "context": {"cluster": "c"}}],
    "current-context": "c",
}

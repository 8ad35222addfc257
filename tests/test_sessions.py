"""What the documentation shows in blocks `console` is what a shell prints now; `--update` writes them anew.

The blocks of a page are one session, in a folder that has `snapshots/`. A line that is `…` stands for any
lines, one within a line for any characters. A block of which a second word says what it would need (`console
cluster`) is not run; its commands, and those that are only indented, must be understood.
"""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from kubectl_skoop.cli.group import load
from tests.cli.run import NOBODYS_HOME, PROGRAM, skoop

PROJECT = Path(__file__).parent.parent
PAGES = {
    path.relative_to(PROJECT).as_posix(): path
    for path in [PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")]
}
SESSION = re.compile(r"^```console\n(.*?)^```$", re.M | re.S)
NEEDS = {"cluster", "browser", "node"}
NOT_RUN = re.compile(r"^```console (\w+)\n(.*?)^```$", re.M | re.S)
COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.M)
"""A command, and what it prints."""
LEFT_OUT = {"…\n": r"(?:.*\n)+", "…": ".*"}
ENDLESS = {"serve"}
"""Commands that run until they are stopped."""
INDENTED = re.compile(r"^    (?:\$ )?(kubectl skoop .*)$", re.M)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the examples run: `kubectl` finds the plugin, and nothing leads to a cluster."""
    (tmp_path / "snapshots").symlink_to(PROJECT / "snapshots")
    (tmp_path / "bin").mkdir()
    kubectl = tmp_path / "bin" / "kubectl"
    kubectl.write_text(f'#!/bin/sh\nshift\nexec "{PROGRAM}" "$@"\n', "utf-8")
    kubectl.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    "page", [name for name, path in PAGES.items() if SESSION.search(path.read_text("utf-8"))]
)
def test_an_example_is_what_a_shell_prints(page: str, folder: Path, request: pytest.FixtureRequest) -> None:
    text = PAGES[page].read_text("utf-8")
    blocks = SESSION.findall(text)
    assert all(block.startswith("$ ") for block in blocks)
    commands = [command for block in blocks for command, _ in COMMAND.findall(block)]
    printed = iter(_run(commands, folder))

    def anew(found: re.Match[str]) -> str:
        command, shown = found.groups()
        now = next(printed)
        return f"$ {command}\n{shown if _fits(shown, now) else now}"

    made = SESSION.sub(lambda block: f"```console\n{COMMAND.sub(anew, block[1])}```", text)
    if request.config.getoption("--update"):
        PAGES[page].write_text(made, "utf-8")
    assert made == PAGES[page].read_text("utf-8")


def test_what_is_left_out_may_be_anything_and_the_rest_may_not() -> None:
    assert _fits("one\n…\nthree\n", "one\ntwo\nthree\n")
    assert _fits("one … three\n", "one two three\n")
    assert not _fits("one\n…\nthree\n", "one\nthree\n")
    assert not _fits("one\n", "one\ntwo\n")


@pytest.mark.parametrize("page", PAGES)
def test_an_example_that_is_not_shown_with_its_output_is_understood(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that asks a shipped snapshot is run; the others must be what the command takes."""
    monkeypatch.chdir(PROJECT)
    text = PAGES[page].read_text("utf-8")
    blocks = NOT_RUN.findall(text)
    assert {needed for needed, _ in blocks} <= NEEDS
    lines = [command for _, block in blocks for command, _ in COMMAND.findall(block)]
    for name, *words in _skoop([*lines, *INDENTED.findall(text)]):
        if "…" in words:
            continue
        load(name).make_context(name, list(words))
        if name not in ENDLESS and any(word.startswith("snapshots/") for word in words):
            ran = skoop(name, *words)
            assert ran.code in (0, 1, 3), ran.err


def _run(commands: Sequence[str], folder: Path) -> list[str]:
    """What each command prints, of all in one shell."""
    mark = "mark() { local code=$?; printf '\\0'; return $code; }"
    environment = {
        "HOME": NOBODYS_HOME,
        "LC_ALL": "C.UTF-8",
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-c", "\n".join(["exec 2>&1", mark, *(f"{command}\nmark" for command in commands)])],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=False,
        cwd=folder,
        env=environment,
        timeout=300,
    )
    return done.stdout.split("\0")[:-1]


def _fits(shown: str, printed: str) -> bool:
    parts = re.split(r"(^…\n|…)", shown, flags=re.M)
    return re.fullmatch("".join(LEFT_OUT.get(part, re.escape(part)) for part in parts), printed) is not None


def _skoop(lines: Sequence[str]) -> Iterator[list[str]]:
    """The words of each of our commands among these lines, without what the shell takes for itself."""
    for line in lines:
        words = shlex.split(line, comments=True)
        end = next((at for at, word in enumerate(words) if word in {">", "|", ";", "&&"}), len(words))
        if words[:2] == ["kubectl", "skoop"]:
            yield words[2:end]

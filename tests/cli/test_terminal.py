"""The program on real terminals, in pipes, and in poor locales."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
from collections.abc import Mapping
from functools import cache

import pytest

from kubectl_skoop.cli.output import emit
from tests.cli.run import PROGRAM, Ran, shell, skoop
from tests.golden.cases import SNAPSHOTS

SNAPSHOT = ("--snapshot", str(SNAPSHOTS / "dead-backend.skoop"))
QUESTION = ("diagnose", "-s", "pod/default/a", "-d", "svc/default/pair", "-p", "80", *SNAPSHOT)
LIMIT = 60.0
"""Seconds without a byte."""


def _on_terminal(columns: int, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """What a terminal of that width is sent."""
    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    process = subprocess.Popen(
        [PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=subprocess.DEVNULL,
        env={**kept, "TERM": "xterm", "HOME": "/nonexistent", **(env or {})},
    )
    os.close(writer)
    sent = b""
    try:
        while select.select([reader], [], [], LIMIT)[0]:
            try:
                part = os.read(reader, 65536)
            except OSError:
                # Linux tells the end of the other side so (EIO).
                break
            if not part:
                break
            sent += part
        process.wait(LIMIT)
    finally:
        process.kill()
        process.wait()
        os.close(reader)
    return sent.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_terminal_is_filled_and_not_overrun(columns: int) -> None:
    lines = _on_terminal(columns, *QUESTION, "--color", "never").splitlines()
    longest = max(map(len, lines))
    assert columns * 3 // 4 < longest <= columns
    assert lines[0].startswith("partial, 1 of 2 backends answers, 50 % of connections fail")


@cache
def _in_a_pipe() -> Ran:
    return shell(*QUESTION)


def test_a_terminal_has_colour_and_a_pipe_has_not() -> None:
    assert "\x1b[" in _on_terminal(200, *QUESTION)
    assert "\x1b[" not in _on_terminal(200, *QUESTION, env={"NO_COLOR": "1"})
    assert "\x1b[" not in _on_terminal(200, *QUESTION, env={"TERM": "dumb"})
    assert "\x1b[" not in _in_a_pipe().out
    assert "\x1b[" in shell(*QUESTION, "--color", "always").out


def test_a_pipe_gets_whole_lines_whatever_the_terminal_was() -> None:
    narrow, plain = shell(*QUESTION, env={"COLUMNS": "40"}), _in_a_pipe()
    assert narrow.out == plain.out
    assert max(map(len, plain.out.splitlines())) > 120


def test_columns_outweighs_the_terminal() -> None:
    text = _on_terminal(200, *QUESTION, "--color", "never", env={"COLUMNS": "70"})
    assert 50 < max(map(len, text.splitlines())) <= 70


@pytest.mark.parametrize(
    "env",
    [{"LC_ALL": "C"}, {"LC_ALL": "POSIX"}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}],
    ids=lambda env: " ".join(f"{name}={value}" for name, value in env.items()),
)
def test_a_poor_locale_gets_ascii(env: Mapping[str, str]) -> None:
    poor = shell(*QUESTION, "--trace", env=env).out
    rich = _in_a_rich_locale()
    assert "→" in rich
    assert poor.isascii()
    assert poor == rich.replace("→", "->")


@cache
def _in_a_rich_locale() -> str:
    return shell(*QUESTION, "--trace", env={"LC_ALL": "C.UTF-8"}).out


def test_documents_are_utf_8_in_every_locale(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    with open(os.dup(1), "w", encoding="ascii") as stream:
        monkeypatch.setattr("sys.stdout", stream)
        emit("网→", document=True)
    assert capfdbinary.readouterr().out == "网→\n".encode()


@pytest.mark.parametrize("words", ["check", "diagnose default/a default/b -p 8080", "--help", "explain"])
@pytest.mark.parametrize(
    ("stream", "code", "said"),
    [(">/dev/full", 2, "error: .*no space left on device\n"), (">&-", 0, ""), (">&- 2>&-", 0, "")],
)
def test_a_full_disk_is_an_error_and_a_closed_stream_is_none(
    words: str, stream: str, code: int, said: str
) -> None:
    environment = {**os.environ, "SKOOP_SNAPSHOT": str(SNAPSHOTS / "healthy-vxlan.skoop")}
    command = ["sh", "-c", f"exec {PROGRAM} {words} {stream}"]
    ran = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, check=False)
    assert ran.returncode == code
    assert re.fullmatch(said, ran.stderr)


@pytest.mark.parametrize(
    ("arguments", "heading"),
    [
        (("plugins",), "NAME"),
        (("providers",), "NAME"),
        (("plugins", "--detect", *SNAPSHOT), "FACT"),
        (("inspect", *SNAPSHOT), "node  "),
        (("inspect", "node/n1", "sockets", *SNAPSHOT), "Netid"),
        (("connectivity", *SNAPSHOT), "FROM"),
        (("connectivity", "--exposure", *SNAPSHOT), "POD"),
        (("connectivity", "-o", "csv", *SNAPSHOT), "from,to"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_lists_can_do_without_headings(arguments: tuple[str, ...], heading: str) -> None:
    named, bare = (skoop(*arguments, *more).out.splitlines() for more in ((), ("--no-headers",)))
    begins = [line for line in named if line.startswith(heading)]
    assert begins
    assert not any(line in bare for line in begins)
    assert sum(bool(line) for line in bare) < sum(bool(line) for line in named)

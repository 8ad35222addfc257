"""`serve` as a user starts and ends it."""

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from urllib.request import urlopen

import pytest

from kubectl_skoop.web.server import Server
from tests.cli.run import PROGRAM, skoop

SNAPSHOT = Path(__file__).parents[2] / "snapshots" / "healthy-vxlan.skoop"

WRONG = {
    "no snapshot": ((), "the snapshot is missing"),
    "no such file": (("--snapshot", "/nonexistent"), "/nonexistent: no such file"),
    "no snapshot at all": (("--snapshot", __file__), "is no snapshot of kubectl-skoop"),
    "no port": (("--snapshot", SNAPSHOT, "--address", "127.0.0.1"), "must be ADDRESS:PORT"),
    "a bad port": (("--snapshot", SNAPSHOT, "--address", "127.0.0.1:99999"), "99999 is no port"),
    "a name": (("--snapshot", SNAPSHOT, "--address", "example.org:80"), "example.org is no IP address"),
    "for others": (("--snapshot", SNAPSHOT, "--address", "0.0.0.0:0"), "other machines could come"),
    "an option of a plugin that is none": (("--snapshot", SNAPSHOT, "--flannel-x", "1"), "flannel-x"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_one_line(arguments: tuple[str | Path, ...], message: str) -> None:
    ran = skoop("serve", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: ")
    assert ran.err.count("\n") == 1
    assert message in ran.err


def test_an_address_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = skoop("serve", "--snapshot", SNAPSHOT, "--address", f"127.0.0.1:{taken.getsockname()[1]}")
    assert ran.code == 2
    assert "address already in use" in ran.err


def test_it_opens_the_browser_and_warns_where_others_may_come(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def interrupted(server: Server) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(Server, "serve_forever", interrupted)
    ran = skoop("serve", "--snapshot", SNAPSHOT, "--open", "--no-token")
    assert (ran.code, ran.err) == (130, "")
    assert opened == [ran.out.strip()]
    assert ran.out.count("/") == 3
    ran = skoop("serve", "--snapshot", SNAPSHOT, "--address", "0.0.0.0:0", "--allow-remote")
    assert ran.err.startswith("warning: without TLS")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_and_ends_on_an_interrupt(tmp_path: Path, number: signal.Signals) -> None:
    shutil.copy(SNAPSHOT, tmp_path)
    environment = {**os.environ, "SKOOP_SNAPSHOT": str(tmp_path)}
    with subprocess.Popen(
        [PROGRAM, "serve"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            home = process.stdout.readline().strip()
            assert home.startswith("http://127.0.0.1:")
            with urlopen(home, timeout=60) as answer:
                assert "Would this packet arrive?" in answer.read().decode()
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
            assert (process.returncode, out, err) == (130, "", "")
        finally:
            process.kill()

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from kubectl_skoop.collect import tools
from kubectl_skoop.collect.tools import Running, found

SHELL = ("sh", "-c")


@pytest.mark.parametrize(
    ("command", "state", "reason", "data"),
    [
        pytest.param([*SHELL, "echo rules"], "ok", "", "rules\n", id="what it prints is the data"),
        pytest.param([*SHELL, "true"], "ok", "", "", id="nothing printed is empty, not absent"),
        pytest.param([*SHELL, r"printf '\377'"], "ok", "", r"\xff", id="bytes that are no UTF-8 are escaped"),
        pytest.param(
            [*SHELL, "echo bad >&2; exit 3"], "failed", "bad", None, id="its complaint is the reason"
        ),
        pytest.param([*SHELL, "exit 3"], "failed", "ended with 3", None, id="no complaint"),
        pytest.param(
            [*SHELL, "echo Permission denied >&2; exit 1"],
            "forbidden",
            "Permission denied",
            None,
            id="denied",
        ),
        pytest.param(["no-such-tool"], "absent", "no-such-tool: not installed", None, id="not installed"),
    ],
)
def test_ending(command: Sequence[str], state: str, reason: str, data: str | None) -> None:
    (table,) = Running({"it": command}).finish().values()
    assert (table.state, table.reason, table.data) == (state, reason, data)


def test_one_that_does_not_end_is_stopped_and_the_others_stand() -> None:
    tables = Running({"slow": ("sleep", "infinity"), "fast": ("echo", "x")}, timeout=3).finish()
    assert (tables["slow"].state, tables["fast"].data) == ("timeout", "x\n")


def test_too_much_output_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "OUTPUT_BYTES", 1 << 20)
    tables = Running({"long": ("yes",), "fast": ("echo", "x")}, timeout=10).finish()
    assert (tables["long"].state, tables["long"].reason) == ("failed", "more than 1 MiB of output")
    assert tables["fast"].data == "x\n"


def test_tools_run_at_the_same_time(tmp_path: Path) -> None:
    """Each end of a pipe waits until the other one is opened."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    commands = {"reads": ("cat", str(pipe)), "writes": ("sh", "-c", 'echo x > "$0"', str(pipe))}
    tables = Running(commands, timeout=60).finish()
    assert (tables["reads"].data, tables["writes"].state) == ("x\n", "ok")


def test_a_tool_that_only_the_node_has_is_run_in_the_nodes_root(tmp_path: Path) -> None:
    (tmp_path / "usr" / "sbin").mkdir(parents=True)
    (tmp_path / "usr" / "sbin" / "nobody-has-it").symlink_to("/etc/alternatives/nobody-has-it")
    program = list(found("nobody-has-it", tmp_path))
    assert (Path(program[0]).name, program[1:]) == ("chroot", [str(tmp_path), "/usr/sbin/nobody-has-it"])
    assert found("nobody-has-it-either", tmp_path) == []
    assert [Path(part).name for part in found("sh", tmp_path)] == ["sh"]

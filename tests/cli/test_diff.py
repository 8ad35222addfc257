"""`diff` on the shipped snapshots."""

import json
from pathlib import Path

import pytest
import yaml

from kubectl_skoop.cli.exit_code import ExitCode
from tests.cli.run import skoop
from tests.golden.cases import SNAPSHOTS

HEALTHY, LOST = SNAPSHOTS / "healthy-vxlan.skoop", SNAPSHOTS / "reply-lost.skoop"
FLOW = ("-s", "pod/default/a", "-d", "pod/default/b", "-p", "8080")


def test_a_file_and_itself() -> None:
    ran = skoop("diff", HEALTHY, HEALTHY)
    assert (ran.code, ran.out, ran.err) == (ExitCode.OK, "no difference\n", "")


def test_what_changed_and_what_it_does_to_a_flow() -> None:
    ran = skoop("diff", HEALTHY, LOST, *FLOW)
    assert ran.code == ExitCode.FINDINGS
    assert ran.out.startswith(
        "before  reachable\nafter   unreachable (timeout): node/n2: net.ipv4.conf.cni0.forw"
    )
    assert "    - net.ipv4.conf.cni0.forwarding = 1\n    + net.ipv4.conf.cni0.forwarding = 0\n" in ran.out
    assert "\x1b" not in ran.out
    assert "\x1b[31m- net.ipv4.conf.cni0" in skoop("diff", HEALTHY, LOST, "--color", "always").out


def test_a_flow_that_the_change_does_not_touch() -> None:
    ran = skoop("diff", HEALTHY, SNAPSHOTS / "dead-backend.skoop", *FLOW)
    assert ran.code == ExitCode.FINDINGS
    assert ran.out.startswith("the flow is the same: reachable\n")


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_for_programs(form: str, read: object) -> None:
    assert callable(read)
    found = read(skoop("diff", HEALTHY, LOST, *FLOW, "-o", form).out)
    assert found["flow"]["before"]["cause"] is None
    assert found["flow"]["after"]["cause"]["where"]["name"] == "n2"
    assert [place["name"] for place in found["places"]] == ["n1", "n2"]


def test_a_lost_part_is_not_a_difference(tmp_path: Path) -> None:
    cut = tmp_path / "cut.skoop"
    content = HEALTHY.read_bytes()
    cut.write_bytes(content[: len(content) * 2 // 3])
    ran = skoop("diff", HEALTHY, cut)
    assert "not compared" in ran.out
    assert "gone" not in ran.out


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("-p", "80"), "-p is of a flow"),
        (("-s", "default/a"), "the destination is missing"),
        (("-d", "default/a"), "the source is missing"),
        (("-s", "default/nobody", "-d", "default/a", "-p", "1"), "nobody"),
    ],
)
def test_wrong_input_is_one_line(words: tuple[str, ...], wanted: str) -> None:
    ran = skoop("diff", HEALTHY, LOST, *words)
    assert ran.code == ExitCode.INPUT
    assert wanted in ran.err
    assert ran.err.count("\n") == 1


def test_a_snapshot_is_found_in_a_bundle(tmp_path: Path) -> None:
    inside = tmp_path / "must-gather" / "network"
    inside.mkdir(parents=True)
    (inside / "cluster.skoop").write_bytes(HEALTHY.read_bytes())
    assert skoop("diff", tmp_path, HEALTHY).out == "no difference\n"
    assert skoop("diagnose", *FLOW, "--snapshot", tmp_path).code == ExitCode.OK
    assert skoop("diagnose", *FLOW, env={"SKOOP_SNAPSHOT": str(tmp_path)}).code == ExitCode.OK
    ran = skoop("redact", tmp_path, inside / "cluster.skoop")
    assert (ran.code, "two of the files are the same one" in ran.err) == (ExitCode.INPUT, True)

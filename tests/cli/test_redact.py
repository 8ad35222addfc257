"""`redact`, and `snapshot --redact`."""

import errno
import json
import stat
from pathlib import Path
from unittest.mock import patch

import pytest

from kubectl_skoop.cli.exit_code import ExitCode
from kubectl_skoop.cluster.raw import ref_of
from kubectl_skoop.model.errors import InputError
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.assemble import new_header
from kubectl_skoop.snapshot.dump import NamespaceDump, NodeDump, Table
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.snapshot.write import writing
from tests.cli.run import skoop
from tests.golden.cases import SNAPSHOTS

HEALTHY = SNAPSHOTS / "healthy-vxlan.skoop"
KEY = b"0123456789abcdef"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_bytes(KEY)
    return path


def test_it_writes_a_file_with_the_same_answers_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "new.skoop"
    ran = skoop("redact", HEALTHY, path)
    assert ran.code == ExitCode.OK, ran.err
    assert "12 questions about services, 30 pairs: the same answers" in ran.out
    shown = skoop("inspect", "--snapshot", path)
    assert "12 questions about services, 30 pairs: the same answers" in shown.out
    told = json.loads(skoop("inspect", "-o", "json", "--snapshot", path).out)["certificate"]
    assert (told["different"], told["unanswered"]) == (0, 0)
    assert "counters: columns that no diagnosis asks for (6)" in told["left_out"]


@pytest.mark.parametrize(
    ("asked", "told"), [("5", "5 questions about services (by chance, of 12)"), ("0", "12 questions")]
)
def test_the_number_of_questions_is_the_users(asked: str, told: str, tmp_path: Path) -> None:
    ran = skoop("redact", HEALTHY, tmp_path / "new.skoop", "--questions", asked)
    assert ran.code == ExitCode.OK, ran.err
    assert told in ran.out
    sure = skoop("redact", HEALTHY, tmp_path / "none.skoop", "--questions", "-1")
    assert (sure.code, len(sure.err.splitlines())) == (ExitCode.INPUT, 1)


def test_a_map_is_written_only_for_its_owner(tmp_path: Path) -> None:
    path, names = tmp_path / "new.skoop", tmp_path / "map.json"
    names.write_text("old")
    names.chmod(0o644)
    assert skoop("redact", HEALTHY, path, "--map", names).code == ExitCode.OK
    assert stat.S_IMODE(names.stat().st_mode) == 0o600
    told = json.loads(names.read_text())
    source = open_snapshot(path)
    try:
        nodes, pods = source.nodes(), source.objects("Pod")
    finally:
        source.close()
    assert not isinstance(pods, NotCollected)
    assert {told["names"]["n1"], told["names"]["n2"]} == set(nodes)
    assert {ref_of(pod).name for pod in pods} == {told["names"][name] for name in ("a", "a2", "b", "b2")}
    assert set(told) == {"addresses", "macs", "names"}


def test_two_files_with_one_key_have_equal_names(tmp_path: Path, key: Path) -> None:
    paths = [tmp_path / name for name in ("one", "other", "without")]
    for path in paths[:2]:
        assert skoop("redact", HEALTHY, path, "--key-file", key).code == ExitCode.OK
    assert skoop("redact", HEALTHY, paths[2]).code == ExitCode.OK
    nodes = []
    for path in paths:
        source = open_snapshot(path)
        nodes.append(source.nodes())
        source.close()
        assert KEY not in path.read_bytes()
    assert nodes[0] == nodes[1] != nodes[2]


def test_wrong_input_is_one_line(tmp_path: Path, key: Path) -> None:
    short = tmp_path / "short"
    short.write_bytes(b"1")
    new, loop = tmp_path / "new", tmp_path / "loop"
    loop.symlink_to(loop)
    for words, wanted in (
        ((HEALTHY, HEALTHY), "two of the files are the same one"),
        ((HEALTHY, new, "--map", new), "two of the files are the same one"),
        ((HEALTHY, tmp_path / "no" / "new"), "there is no folder"),
        ((HEALTHY, new, "--key-file", short), "holds 1 bytes, a key needs 16 or more"),
        ((HEALTHY, new, "--key-file", tmp_path / "none"), "no such file"),
        ((HEALTHY, new, "--key-file", "/dev/zero"), "/dev/zero: is larger than 1048576 bytes"),
        ((key, new), "is no snapshot"),
        ((loop, new), "loop: too many levels of symbolic links"),
    ):
        ran = skoop("redact", *words)
        assert ran.code == ExitCode.INPUT
        assert wanted in ran.err
        assert ran.err.count("\n") == 1
    assert not new.exists()


def test_a_damaged_snapshot_is_redacted_as_far_as_it_is_whole(tmp_path: Path) -> None:
    cut, path = tmp_path / "cut", tmp_path / "new"
    content = HEALTHY.read_bytes()
    cut.write_bytes(content[: len(content) * 2 // 3])
    ran = skoop("redact", cut, path)
    assert ran.code == ExitCode.OK, ran.err
    assert "index: lost" in skoop("inspect", "--snapshot", path).out


def test_snapshot_assembles_what_can_be_sent(tmp_path: Path, key: Path) -> None:
    dump, objects, path = tmp_path / "dump", tmp_path / "objects.json", tmp_path / "new.skoop"
    node = NodeDump(
        node="acme-worker",
        time=1.0,
        kernel="6.1.0-acme",
        namespaces=(NamespaceDump(id="4:1", kind="host", tables={"acme": Table(data="acme")}),),
    )
    with writing(dump, new_header(1.0)) as writer:
        writer.add_node(node)
    objects.write_text(json.dumps({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "acme-worker"}}))
    ran = skoop(
        "snapshot", "-f", path, "--node-dump", dump, "--objects", objects, "--redact", "--key-file", key
    )
    assert ran.code == ExitCode.OK, ran.err
    assert "a table: a table that is not known" in ran.out
    source = open_snapshot(path)
    assert source.nodes() != ("acme-worker",)
    assert len(source.nodes()) == 1
    source.close()
    assert b"acme" not in path.read_bytes()
    assert [one.name for one in tmp_path.iterdir() if "whole" in one.name] == []


@pytest.mark.parametrize("option", ["--map", "--key-file"])
def test_options_of_redact_need_it(option: str, tmp_path: Path) -> None:
    ran = skoop("snapshot", "-f", tmp_path / "x", "--node-dump", HEALTHY, option, tmp_path / "y")
    assert (ran.code, ran.err) == (ExitCode.INPUT, f"error: {option} without --redact\n")


def test_after_an_error_no_map_is_left_and_an_older_one_stays(tmp_path: Path) -> None:
    path, names = tmp_path / "new.skoop", tmp_path / "map.json"
    names.write_text("old")
    with patch("kubectl_skoop.diagnosis.certificate.certificate", side_effect=InputError("no")):
        assert skoop("redact", HEALTHY, path, "--map", names).code == ExitCode.INPUT
    assert list(tmp_path.iterdir()) == [names]
    assert names.read_text() == "old"


def test_an_error_while_the_map_is_written_names_it(tmp_path: Path) -> None:
    path, names = tmp_path / "new.skoop", tmp_path / "map.json"
    full = OSError(errno.ENOSPC, "No space left on device")
    with patch("kubectl_skoop.cli.redact.json.dump", side_effect=full):
        ran = skoop("redact", HEALTHY, path, "--map", names)
    assert (ran.code, ran.err) == (ExitCode.INPUT, f"error: {names}: No space left on device\n")
    assert list(tmp_path.iterdir()) == []


def test_another_answer_is_told_and_the_file_is_there(tmp_path: Path) -> None:
    told = {"services": 5, "possible": 5, "pairs": 1, "unanswered": 1, "different": 2, "left_out": []}
    path = tmp_path / "new.skoop"
    with patch("kubectl_skoop.diagnosis.certificate.certificate", return_value=told):
        ran = skoop("redact", HEALTHY, path)
    assert ran.code == ExitCode.FINDINGS
    assert ran.err == "error: 2 answers of the redacted file are others than those of the original\n"
    shown = skoop("inspect", "--snapshot", path).out
    assert "5 questions about services, 1 pairs: 2 answers differ; 1 had no verdict before" in shown

"""Which dumps count when a run goes on where another one was."""

from pathlib import Path

from kubectl_skoop.collect.live.checkpoint import Arrived, Checkpoint


def test_a_dump_counts_once_it_is_whole(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    target = checkpoint.target("n1")
    target.write_bytes(b"half of ")
    assert checkpoint.find("n1") is None
    checkpoint.keep("n1", Arrived(target, 12.5))
    assert Checkpoint(tmp_path).find("n1") == Arrived(target, 12.5)
    assert Checkpoint(tmp_path).find("n2") is None


def test_what_is_dropped_leaves_nothing(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.target("n1").write_bytes(b"x")
    checkpoint.keep("n1", Arrived(checkpoint.target("n1"), 1.0))
    checkpoint.drop("n1")
    checkpoint.drop("n2")
    assert not list(tmp_path.iterdir())


def test_names_of_nodes_are_no_paths(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    targets = {checkpoint.target(name) for name in ("../n1", "n1", "n.1", "n" * 253)}
    assert len(targets) == 4
    assert {target.parent for target in targets} == {tmp_path}


def test_an_entry_that_is_damaged_does_not_count(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.target("n1").with_suffix(".json").write_text('{"node": "n1", "to')
    assert checkpoint.find("n1") is None

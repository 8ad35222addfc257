"""A snapshot somewhere in a folder."""

from pathlib import Path

import pytest

from kubectl_skoop.model.errors import FormatError
from kubectl_skoop.snapshot import bundle
from kubectl_skoop.snapshot.bundle import snapshot_in


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def test_the_one_there_is(tmp_path: Path) -> None:
    wanted = touch(tmp_path / "must-gather" / "quay-io" / "network" / "cluster.skoop")
    touch(tmp_path / "must-gather" / "version.txt")
    assert snapshot_in(tmp_path) == wanted


def test_none_and_several_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"holds no \.skoop file"):
        snapshot_in(tmp_path)
    touch(tmp_path / "a" / "one.skoop")
    touch(tmp_path / "two.skoop")
    with pytest.raises(FormatError, match=r"holds several snapshots: a/one\.skoop, two\.skoop$"):
        snapshot_in(tmp_path)
    for number in range(20):
        touch(tmp_path / f"{number:02}.skoop")
    with pytest.raises(FormatError, match=r"several snapshots: 00\.skoop, .*, …$"):
        snapshot_in(tmp_path)


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    wanted = touch(tmp_path / "in" / "one.skoop")
    touch(tmp_path / "out" / "other.skoop")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    assert snapshot_in(tmp_path / "in") == wanted


def test_a_search_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "MOST_ENTRIES", 3)
    for name in "abcd":
        touch(tmp_path / name)
    with pytest.raises(FormatError, match="holds more than 3 files"):
        snapshot_in(tmp_path)

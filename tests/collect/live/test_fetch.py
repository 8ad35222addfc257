"""A file in pieces over a connection that breaks off, from a pod that is sometimes not there."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kubectl_skoop.collect.held import piece
from kubectl_skoop.collect.live import fetch as module
from kubectl_skoop.collect.live.errors import ClusterError, Unreachable
from kubectl_skoop.collect.live.fetch import fetch, partial_of
from kubectl_skoop.collect.live.gathering import Whole
from kubectl_skoop.collect.live.pod_state import PodState

DATA = bytes(range(256)) * 10
PIECE = 1000
Trouble = Callable[[bytes], bytes]


def _fine(answer: bytes) -> bytes:
    return answer


def _lost(answer: bytes) -> bytes:
    raise Unreachable("the connection to the pod was lost")


def _changed(answer: bytes) -> bytes:
    return answer[:-1] + b"?"


def _cut(answer: bytes) -> bytes:
    return answer[:40]


@dataclass
class Source:
    """What `fetch` asks: `troubles` are of the first answers, `absences` of the first looks for a pod."""

    file: Path
    troubles: list[Trouble] = field(default_factory=list)
    absences: int = 0
    asked: list[int] = field(default_factory=list)
    run: str = "0123abcd"

    def progress(self, node: str, text: str) -> None:
        pass

    def pod(self) -> PodState | None:
        self.absences -= 1
        return PodState("p", self.absences < 0, "", "")

    def ask(self, pod: str, *where: int) -> bytes:
        self.asked.append(where[0])
        trouble = self.troubles.pop(0) if self.troubles else _fine
        return trouble(piece(self.file, *where))


@pytest.fixture(autouse=True)
def _small_and_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE", PIECE)
    monkeypatch.setattr(module, "PAUSE", 0.0)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    (tmp_path / "far").write_bytes(DATA)
    return Source(tmp_path / "far")


def _whole(data: bytes = DATA) -> Whole:
    return Whole(len(data), hashlib.sha256(data).hexdigest(), 1, 1, ())


def test_pieces_make_the_file(source: Source, tmp_path: Path) -> None:
    fetch(source, _whole(), tmp_path / "near")
    assert (tmp_path / "near").read_bytes() == DATA
    assert source.asked == [0, 1000, 2000]
    assert not partial_of(tmp_path / "near", source.run).exists()


@pytest.mark.parametrize("trouble", [_lost, _changed, _cut])
def test_a_piece_that_does_not_come_is_asked_for_again(
    source: Source, tmp_path: Path, trouble: Trouble
) -> None:
    source.troubles = [_fine, trouble, trouble]
    source.absences = 2
    fetch(source, _whole(), tmp_path / "near")
    assert (tmp_path / "near").read_bytes() == DATA
    assert source.asked == [0, 1000, 1000, 1000, 2000]


def test_what_is_here_is_not_fetched_again(source: Source, tmp_path: Path) -> None:
    source.troubles = [_fine, _fine, *[_lost] * module.ATTEMPTS]
    with pytest.raises(Unreachable, match="cannot be fetched: the connection to the pod was lost"):
        fetch(source, _whole(), tmp_path / "near")
    assert partial_of(tmp_path / "near", source.run).stat().st_size == 2 * PIECE
    source.asked.clear()
    fetch(source, _whole(), tmp_path / "near")
    assert (source.asked, (tmp_path / "near").read_bytes()) == ([2000], DATA)


@pytest.mark.parametrize("left", [b"x" * 1500, b"x" * len(DATA), b"x" * 5000])
def test_what_was_left_of_another_file_is_fetched_anew(source: Source, tmp_path: Path, left: bytes) -> None:
    partial_of(tmp_path / "near", source.run).write_bytes(left)
    fetch(source, _whole(), tmp_path / "near")
    assert (tmp_path / "near").read_bytes() == DATA


def test_a_file_that_is_not_what_was_promised_is_none(source: Source, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="its SHA-256 is another"):
        fetch(source, _whole(b"y" * len(DATA)), tmp_path / "near")
    assert [path.name for path in tmp_path.iterdir()] == ["far"]

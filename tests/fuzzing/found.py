"""Failures as files: for each signature the smallest input, and beside it what it did."""

from pathlib import Path

from tests.fuzzing.target import Failure, Target


class Found:
    def __init__(self, folder: Path, target: Target) -> None:
        self._folder = folder
        self._target = target
        self._smallest: dict[str, int] = {}
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def count(self) -> int:
        return len(self._smallest)

    def keep(self, data: bytes, failure: Failure) -> None:
        if len(data) >= self._smallest.get(failure.signature, 1 << 62):
            return
        self._smallest[failure.signature] = len(data)
        path = self._folder / f"{self._target.name}-{failure.signature}"
        path.write_bytes(data)
        path.with_name(path.name + ".txt").write_text(failure.told, "utf-8", "backslashreplace")

"""A snapshot brought here in pieces: each is checked, and what is here is not fetched again."""

import hashlib
import os
import time
from pathlib import Path
from typing import Protocol

from kubectl_skoop.collect.held import DIGEST, sha256_of
from kubectl_skoop.collect.live.errors import ClusterError, Unreachable
from kubectl_skoop.collect.live.gathering import Whole
from kubectl_skoop.collect.live.pod_state import PodState

PIECE = 8 << 20
"""Bytes that are fetched, checked and kept at a time."""
ATTEMPTS = 8
"""Of one piece."""
PAUSE = 1.0
"""Before the second attempt, seconds; doubled before each further one, up to a minute."""
_LONGEST_PAUSE = 60.0


class Source(Protocol):
    """A run that has the file: `gathering.Gathering`."""

    @property
    def run(self) -> str: ...

    def progress(self, node: str, text: str, /) -> None: ...

    def pod(self) -> PodState | None: ...

    def ask(self, pod: str, *where: int) -> bytes: ...


def partial_of(target: Path, run: str) -> Path:
    """What has arrived of the file. A later fetch of the same run goes on there."""
    return target.with_name(f".{target.name}.{run}.partial")


def fetch(source: Source, whole: Whole, target: Path) -> None:
    """Raises: Unreachable: it was broken off, what has arrived stays; OSError."""
    partial = partial_of(target, source.run)
    # What was here may be of a file that the cluster has lost and gathered again.
    for fresh in (False, True):
        if fresh:
            partial.unlink(missing_ok=True)
        _fill(source, whole, partial)
        if sha256_of(partial) == whole.sha256:
            partial.replace(target)
            return
    partial.unlink(missing_ok=True)
    raise Unreachable("what arrived is not what the cluster has: its SHA-256 is another")


def _fill(source: Source, whole: Whole, partial: Path) -> None:
    with partial.open("ab") as file:
        if file.tell() > whole.size:
            file.truncate(0)
            file.seek(0)
        while (here := file.tell()) < whole.size:
            source.progress("", f"fetches: {100 * here // whole.size} % of {whole.size} bytes are here")
            file.write(_piece(source, here, min(PIECE, whole.size - here)))
            file.flush()
        os.fsync(file.fileno())


def _piece(source: Source, offset: int, length: int) -> bytes:
    pause = PAUSE
    for _ in range(ATTEMPTS - 1):
        try:
            return _asked(source, offset, length)
        except ClusterError:
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
    try:
        return _asked(source, offset, length)
    except ClusterError as error:
        raise Unreachable(f"the file cannot be fetched: {error}") from error


def _asked(source: Source, offset: int, length: int) -> bytes:
    pod = source.pod()
    if pod is None or not pod.running:
        raise ClusterError("the pod that has the file does not run")
    answer = source.ask(pod.name, offset, length)
    digest, data = answer[:DIGEST], answer[DIGEST:]
    if len(data) != length or hashlib.sha256(data).digest() != digest:
        raise ClusterError(f"the piece at byte {offset} is damaged")
    return data

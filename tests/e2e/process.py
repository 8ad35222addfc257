"""Processes by id, so that nothing is ended that was not started here."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A pid is reused, a pid with its start time is not: proc(5), /proc/pid/stat, field 22."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> "ProcessId":
        """Raises: ProcessLookupError."""
        return cls(pid, int(_stat(pid)[19]))

    def alive(self) -> bool:
        """It has not ended; one that nobody has waited for yet (a zombie) has."""
        try:
            fields = _stat(self.pid)
        except ProcessLookupError:
            return False
        return int(fields[19]) == self.started and fields[0] != "Z"

    def kill(self, timeout: float = 60) -> bool:
        """False: it is still there after the time."""
        if self.alive():
            os.kill(self.pid, signal.SIGKILL)
        end = time.monotonic() + timeout
        while self.alive() and time.monotonic() < end:
            time.sleep(0.02)
        return not self.alive()


def only_child(pid: int, timeout: float = 60) -> int:
    """The process that `nsenter` or `unshare` forked into the new PID namespace; its id outside.

    Raises:
        ProcessLookupError: there is none in that time.
    """
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except FileNotFoundError:
            break
        if children:
            return int(children[0])
        time.sleep(0.005)
    raise ProcessLookupError(f"process {pid} has no child")


def _stat(pid: int) -> list[str]:
    """The fields behind the name, which may hold spaces; the first is the state."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        raise ProcessLookupError(f"no process {pid}") from None
    return text.rpartition(") ")[2].split()

"""The user namespace that owns a network namespace, and its id maps (K-77, ioctl_ns(2))."""

import fcntl
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

from kubectl_skoop.collect.netlink.schema import Fields

NS_GET_USERNS = 0xB701
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class UserNamespaces:
    """Which process is in which user namespace: looked up once for a node, when first needed."""

    proc: Path = PROC
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _processes: dict[str, str] = field(default_factory=dict)

    def owner(self, netns: Path) -> Fields:
        """`id` (device:inode) of the user namespace that owns `netns`, and `uid_map`, `gid_map` as the
        kernel prints them; None: no process is in it, so no map can be read.

        Raises:
            OSError: not allowed (EPERM: it lies above the agent's own), or a kernel before 4.9.
        """
        here = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
        try:
            descriptor = fcntl.ioctl(here, NS_GET_USERNS)
        finally:
            os.close(here)
        try:
            owner = _identity(os.fstat(descriptor))
        finally:
            os.close(descriptor)
        process = self._process(owner)
        return {
            "id": owner,
            "uid_map": self._map(process, "uid_map"),
            "gid_map": self._map(process, "gid_map"),
        }

    def _process(self, owner: str) -> str | None:
        if owner == _identity((self.proc / "self/ns/user").stat()):
            return "self"
        with self._lock:
            if not self._processes:
                self._processes.update(_processes(self.proc))
        return self._processes.get(owner)

    def _map(self, process: str | None, name: str) -> str | None:
        if process is None:
            return None
        try:
            return (self.proc / process / name).read_text()
        except (FileNotFoundError, ProcessLookupError):
            return None


def _processes(proc: Path) -> dict[str, str]:
    """One process of each user namespace; those that end meanwhile, or may not be asked, are left out."""
    found: dict[str, str] = {}
    for entry in os.scandir(proc):
        if entry.name.isdecimal():
            try:
                found.setdefault(_identity(os.stat(f"{entry.path}/ns/user")), entry.name)
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
    return found


def _identity(status: os.stat_result) -> str:
    return f"{status.st_dev}:{status.st_ino}"

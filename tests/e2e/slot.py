"""A place for one cluster on this machine: a number that no other cluster has, and what was made under it.

The number gives the folder, the names and the addresses. It is held by a lock on a file, which the kernel
lets go when the process ends, however it ends. The next run removes first what a crashed one left.
"""

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path

from kubectl_skoop.testing import netns
from tests.e2e import cgroup
from tests.e2e.errors import ClusterError
from tests.e2e.process import ProcessId

NUMBERS = range(16)
_BLOCK = IPv4Network("10.89.0.0/16")


@dataclass(slots=True)
class Slot:
    number: int
    folder: Path
    """Everything that the cluster writes."""
    prefix: str
    """Of namespaces, devices and cgroups."""
    processes: list[ProcessId] = field(default_factory=list)

    @property
    def network(self) -> IPv4Network:
        """The addresses of the nodes and of this machine on the way to them."""
        return _network(self.number)

    def remember(self, process: ProcessId) -> None:
        """It will be ended with the slot, also by a later run."""
        self.processes.append(process)
        self._save()

    def _save(self) -> None:
        state = {"prefix": self.prefix, "processes": [[one.pid, one.started] for one in self.processes]}
        _state_file(self.folder).write_text(json.dumps(state))


@contextmanager
def taken() -> Iterator[Slot]:
    """A free slot; all that is in it is removed in the end.

    Raises:
        ClusterError: there is none, or what a crashed run left in it cannot be removed.
    """
    root = Path(tempfile.gettempdir(), "skoop-e2e")
    root.mkdir(mode=0o700, exist_ok=True)
    if root.stat().st_uid != os.geteuid():
        raise ClusterError(f"{root} belongs to somebody else: remove it, or set TMPDIR")
    for number in NUMBERS:
        with _locked(root, number) as ours:
            if ours:
                _remove(root / str(number))
    for number in NUMBERS:
        with _locked(root, number) as ours:
            folder = root / str(number)
            if not ours or folder.exists() or _in_use(_network(number)):
                continue
            folder.mkdir(mode=0o700)
            slot = Slot(number, folder, f"ske{number}-{os.getpid()}")
            slot._save()
            try:
                yield slot
            finally:
                _remove(folder)
            return
    raise ClusterError(
        f"no free place for a cluster: {len(NUMBERS)} are in use, or {_BLOCK} is routed elsewhere"
    )


@contextmanager
def _locked(root: Path, number: int) -> Iterator[bool]:
    """False: another process has it."""
    with open(root / f"{number}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _network(number: int) -> IPv4Network:
    return list(_BLOCK.subnets(new_prefix=24))[number]


def _in_use(network: IPv4Network) -> bool:
    """This machine has a route into it; a default route does not count."""
    listed = subprocess.run(("ip", "-j", "-4", "route"), capture_output=True, text=True, check=True).stdout
    targets = [route["dst"] for route in json.loads(listed) if route["dst"] != "default"]
    return any(network.overlaps(IPv4Network(target)) for target in targets)


def _state_file(folder: Path) -> Path:
    return folder / "state.json"


def _remove(folder: Path) -> None:
    """What the state in this folder names, and the folder."""
    if not _state_file(folder).exists():
        shutil.rmtree(folder, ignore_errors=True)
        return
    state = json.loads(_state_file(folder).read_text())
    for pid, started in state["processes"]:
        if not ProcessId(pid, started).kill():
            raise ClusterError(f"process {pid} of an ended cluster does not end; its state is in {folder}")
    prefix = state["prefix"]
    if Path("/sys/class/net", prefix).exists():
        subprocess.run(("ip", "link", "del", prefix), check=False)
    if netns.NAMED.exists():
        netns.delete(path.name for path in netns.NAMED.glob(f"{prefix}-*"))
    cgroup.remove(prefix)
    shutil.rmtree(folder)

"""The cgroups that a node's kubelet puts its pods under, in cgroup v1 and v2."""

import time
from pathlib import Path

MOUNTED = Path("/sys/fs/cgroup")

_MOUNTS = Path("/proc/self/mounts")
_INHERITED = ("cpuset.cpus", "cpuset.mems")


def hierarchies() -> list[Path]:
    """Where cgroup file systems are mounted; with v1 one for each controller."""
    mounts = [line.split() for line in _MOUNTS.read_text().splitlines()]
    folders = [Path(mount[1]) for mount in mounts if mount[2] in ("cgroup", "cgroup2")]
    return [folder for folder in folders if folder.is_relative_to(MOUNTED)]


def create(path: str) -> None:
    """A v1 cpuset is empty at first, and takes no process while it is."""
    for hierarchy in hierarchies():
        folder = hierarchy
        for part in Path(path).parts:
            above, folder = folder, folder / part
            folder.mkdir(exist_ok=True)
            for name in _INHERITED:
                if (above / name).exists() and not (folder / name).read_text().strip():
                    (folder / name).write_text((above / name).read_text())


def processes(path: str) -> list[int]:
    """The ids, in this PID namespace, of those in the cgroup and below it."""
    for hierarchy in hierarchies():
        found = [file.read_text().split() for file in sorted((hierarchy / path).rglob("cgroup.procs"))]
        if pids := [int(pid) for some in found for pid in some]:
            return pids
    return []


def remove(path: str, timeout: float = 60) -> None:
    """Without its processes a cgroup takes a moment to be free."""
    end = time.monotonic() + timeout
    for hierarchy in hierarchies():
        below = [folder for folder in (hierarchy / path).rglob("*") if folder.is_dir()]
        for folder in (*sorted(below, reverse=True), hierarchy / path):
            _remove_one(folder, end)


def _remove_one(folder: Path, end: float) -> None:
    while folder.exists():
        try:
            folder.rmdir()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)

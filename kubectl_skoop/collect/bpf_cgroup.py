"""BPF programs of control groups: they drop packets of their sockets, and rewrite addresses (K-27).

The kernel runs them for every process below the group (kernel/bpf/cgroup.c).
"""

import os
from collections.abc import Iterator
from pathlib import Path

from kubectl_skoop.collect.bpf import any_program, query
from kubectl_skoop.collect.netlink.schema import Fields
from kubectl_skoop.collect.table import Absent

PROC = Path("/proc")
ROOT_INODE = 1
"""Of the whole tree of control groups (fs/kernfs); the root that a container sees is another one."""
ATTACH_TYPES = {
    "ingress": 0,
    "egress": 1,
    "sock_create": 2,
    "sock_ops": 3,
    "bind4": 8,
    "bind6": 9,
    "connect4": 10,
    "connect6": 11,
    "post_bind4": 12,
    "post_bind6": 13,
    "sendmsg4": 14,
    "sendmsg6": 15,
    "recvmsg4": 19,
    "recvmsg6": 20,
    "getsockopt": 21,
    "setsockopt": 22,
    "getpeername4": 29,
    "getpeername6": 30,
    "getsockname4": 31,
    "getsockname6": 32,
}


def read_cgroup_programs(proc: Path = PROC) -> list[Fields]:
    """Each place with programs: `cgroup` (path below the mount, `/`: the root), `attach`, `programs` (ids).

    Raises:
        Absent: no control groups of version 2 are mounted.
        OSError: not allowed.
    """
    root = _whole_tree(proc)
    if not any_program():
        return []
    found: list[Fields] = []
    for group in _groups(root):
        found += _programs(group, "/" + os.path.relpath(group, root).removeprefix("."))
    return found


def _whole_tree(proc: Path) -> str:
    """Where the agent sees it, else where the node's first process does: a container sees only its own part.

    Raises: Absent, OSError.
    """
    own = _mount_points(proc / "self/mounts")
    for path in own:
        if os.stat(path).st_ino == ROOT_INODE:
            return path
    # Through the first process's root, as its mounts are not ours.
    for path in _mount_points(proc / "1/mounts"):
        whole = f"{proc}/1/root{path}"
        if os.stat(whole).st_ino == ROOT_INODE:
            return whole
    if own:
        raise OSError("only a part of the control groups is mounted here")
    raise Absent("no cgroup2 is mounted")


def _mount_points(mounts: Path) -> list[str]:
    lines = [line.split(" ") for line in mounts.read_text("utf-8", "backslashreplace").splitlines()]
    return [fields[1].replace("\\040", " ") for fields in lines if len(fields) > 2 and fields[2] == "cgroup2"]


def _groups(root: str) -> Iterator[str]:
    for path, folders, _ in os.walk(root):
        folders.sort()
        yield path


def _programs(group: str, name: str) -> list[Fields]:
    try:
        descriptor = os.open(group, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    try:
        attached = {attach: query(descriptor, kind).programs for attach, kind in ATTACH_TYPES.items()}
    finally:
        os.close(descriptor)
    return [
        {"cgroup": name, "attach": attach, "programs": programs}
        for attach, programs in attached.items()
        if programs
    ]

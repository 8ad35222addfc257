"""The network sysctls of the namespace that the calling thread is in, and the kernel's release."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path("/proc/sys/net")
TREES = ("ipv4", "ipv6", "netfilter", "bridge", "core")
UNREAD = frozenset({"stable_secret", "tcp_fastopen_key", "netdev_rss_key", "flush"})
"""Secrets, and what can only be written."""
_SHORT_BYTES, _VALUE_BYTES = 256, 1 << 16
"""The kernel clears as much memory as is asked for, at each reading (proc_sys_call_handler)."""


class Reading(NamedTuple):
    """Keys with dots as sysctl(8) prints them; a dot in a device name is written `/`."""

    values: dict[str, str]
    unread: dict[str, str]
    """Why files that the kernel has could not be read."""


def read_sysctls(root: Path = ROOT) -> dict[str, str]:
    """The values of `read_all`."""
    return read_all(root).values


def read_all(root: Path = ROOT) -> Reading:
    """A file that goes away meanwhile, or a folder with a device, is left out.

    Raises:
        OSError: no sysctls at all.
    """
    found = Reading({"kernel.osrelease": os.uname().release}, {})
    with _folder(str(root)) as (folder, entries):
        names = {entry.name for entry in entries}
        for tree in TREES:
            if tree in names:
                _read_tree(tree, folder, f"net.{tree}", found)
    return found


def _read_tree(name: str, parent: int, key: str, found: Reading) -> None:
    with _folder(name, parent) as (folder, entries):
        for entry in entries:
            inner = f"{key}.{entry.name.replace('.', '/')}"
            try:
                if entry.is_dir(follow_symlinks=False):
                    _read_tree(entry.name, folder, inner, found)
                elif entry.name not in UNREAD:
                    found.values[inner] = _read_value(entry.name, folder)
            except FileNotFoundError:
                continue
            except OSError as error:
                found.unread[inner] = error.strerror or str(error)


@contextmanager
def _folder(name: str, parent: int | None = None) -> Iterator[tuple[int, Iterable[os.DirEntry[str]]]]:
    """Its descriptor and its entries. By whole paths reading would take twice as long."""
    descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=parent)
    try:
        with os.scandir(descriptor) as entries:
            yield descriptor, entries
    finally:
        os.close(descriptor)


def _read_value(name: str, folder: int) -> str:
    descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        value = os.read(descriptor, _SHORT_BYTES)
        if len(value) > _SHORT_BYTES // 2:
            # It may be cut, at the end of a number. Only reading from the start gives the rest.
            value = os.pread(descriptor, _VALUE_BYTES, 0)
        return value.decode("utf-8", "backslashreplace").strip("\n")
    finally:
        os.close(descriptor)

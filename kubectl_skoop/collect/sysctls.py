"""The network sysctls of the namespace that the calling thread is in, and the kernel's release."""

import os
from pathlib import Path
from typing import NamedTuple

ROOT = Path("/proc/sys/net")
TREES = ("ipv4", "ipv6", "netfilter", "bridge", "core")
UNREAD = frozenset({"stable_secret", "tcp_fastopen_key", "netdev_rss_key", "flush"})
"""Secrets, and what can only be written."""
_VALUE_BYTES = 1 << 16


class Reading(NamedTuple):
    """Keys with dots as sysctl(8) prints them; a dot in a device name is written `/`."""

    values: dict[str, str]
    unread: dict[str, str]
    """Why files that the kernel has could not be read."""


def read_sysctls(root: Path = ROOT) -> dict[str, str]:
    """The values of `read_all`, and its errors."""
    return read_all(root).values


def read_all(root: Path = ROOT) -> Reading:
    """A file that goes away meanwhile is left out.

    Raises:
        OSError: no sysctls at all.
    """
    found = Reading({"kernel.osrelease": os.uname().release}, {})
    with os.scandir(root) as entries:
        names = {entry.name for entry in entries}
    for tree in TREES:
        if tree in names:
            _read_tree(str(root / tree), f"net.{tree}", found)
    return found


def _read_tree(path: str, key: str, found: Reading) -> None:
    with os.scandir(path) as entries:
        for entry in entries:
            name = entry.name.replace(".", "/")
            if entry.is_dir(follow_symlinks=False):
                _read_tree(entry.path, f"{key}.{name}", found)
            elif entry.name not in UNREAD:
                try:
                    found.values[f"{key}.{name}"] = _read_value(entry.path)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    found.unread[f"{key}.{name}"] = error.strerror or str(error)


def _read_value(path: str) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, _VALUE_BYTES).decode("utf-8", "backslashreplace").strip("\n")
    finally:
        os.close(descriptor)

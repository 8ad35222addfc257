"""The network sysctls of the namespace that the calling thread is in, and the kernel's release."""

import os
from pathlib import Path

ROOT = Path("/proc/sys/net")
TREES = ("ipv4", "ipv6", "netfilter", "bridge", "core")
UNREAD = frozenset({"stable_secret", "tcp_fastopen_key", "netdev_rss_key", "flush"})
"""Secrets, and what can only be written."""
_VALUE_BYTES = 1 << 16


def read_sysctls(root: Path = ROOT) -> dict[str, str]:
    """Keys with dots as sysctl(8) prints them; a dot in a device name is written `/`.

    Files that cannot be read are left out, as if the kernel did not have them.

    Raises:
        OSError: no sysctls at all.
    """
    found: dict[str, str] = {"kernel.osrelease": os.uname().release}
    with os.scandir(root) as entries:
        names = {entry.name for entry in entries}
    for tree in TREES:
        if tree in names:
            _read_tree(str(root / tree), f"net.{tree}", found)
    return found


def _read_tree(path: str, key: str, found: dict[str, str]) -> None:
    with os.scandir(path) as entries:
        for entry in entries:
            name = entry.name.replace(".", "/")
            if entry.is_dir(follow_symlinks=False):
                _read_tree(entry.path, f"{key}.{name}", found)
            elif entry.name not in UNREAD:
                value = _read_value(entry.path)
                if value is not None:
                    found[f"{key}.{name}"] = value


def _read_value(path: str) -> str | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(descriptor, _VALUE_BYTES).decode("utf-8", "backslashreplace").strip("\n")
    except OSError:
        return None
    finally:
        os.close(descriptor)

"""What /proc/net tells of the calling thread's namespace: counters, loaded tables, `recent` lists."""

from collections.abc import Iterable
from pathlib import Path

from kubectl_skoop.collect.node_root import NODE_ROOT

PROC_NET = Path("/proc/thread-self/net")
CONNECTIONS = Path("/proc/sys/net/netfilter/nf_conntrack_count")
COUNTERS = (
    "snmp",
    "snmp6",
    "netstat",
    "sockstat",
    "sockstat6",
    "softnet_stat",
    "stat/nf_conntrack",
    "stat/arp_cache",
)
TIMERS = (Path("/proc/timer_list"), NODE_ROOT / "proc/timer_list")
"""Runtimes hide the first from containers, behind an empty file."""
_HEAD_BYTES = 1 << 16


def read_counters() -> dict[str, str]:
    """Files as they are, those that there are. Raises: OSError if there is no /proc/net."""
    PROC_NET.stat()
    return {name: text for name in COUNTERS if (text := read_optional(name)) is not None}


def read_optional(name: str) -> str | None:
    """A file of /proc/net; None: this kernel has it not. Raises: OSError if it cannot be read."""
    try:
        return (PROC_NET / name).read_text("utf-8", "backslashreplace")
    except FileNotFoundError:
        return None


def legacy_tables(name: str) -> list[str] | None:
    """Tables that are loaded (`ip_tables_names` …); None: the kernel has no legacy iptables.

    Reading a table that is not loaded would load it, so this is asked first.
    """
    text = read_optional(name)
    return None if text is None else text.split()


def connections() -> int | None:
    """How many entries of connection tracking the namespace has; None: it is not told.

    Listing them walks a table that all namespaces share (ctnetlink_dump_table): about 10 ms, even for none.
    """
    try:
        return int(CONNECTIONS.read_text())
    except (OSError, ValueError):
        return None


def read_recent() -> dict[str, object]:
    """The lists of the `recent` match; their times are in jiffies, so the present one is beside them (K-26).

    Raises:
        OSError: no `recent` match, or not readable.
    """
    files = (PROC_NET / "xt_recent").iterdir()
    lists = {file.name: file.read_text("utf-8", "backslashreplace") for file in files}
    return {"jiffies": _jiffies() if lists else None, "lists": lists}


def _jiffies() -> int | None:
    for path in TIMERS:
        try:
            with path.open() as lines:
                found = _first_jiffies(lines)
        except OSError:
            continue
        if found is not None:
            return found
    return None


def _first_jiffies(lines: Iterable[str]) -> int | None:
    for line in lines:
        word, _, value = line.strip().partition(": ")
        if word == "jiffies" and value.isdecimal():
            return int(value)
    return None

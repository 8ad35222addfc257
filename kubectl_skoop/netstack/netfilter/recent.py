"""The lists of the `recent` match, as /proc/net/xt_recent shows them (K-26)."""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import NamedTuple

from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.verdict import Ternary, Unknown

MIN_HZ, MAX_HZ = 100, 1000
"""CONFIG_HZ of the kernels there are; which one it is, the node does not say."""

_LINE = re.compile(r"src=(\S+) ttl: (\d+) last_seen: \d+ oldest_pkt: \d+ ([\d, ]+)")


class RecentEntry(NamedTuple):
    """Kernel: xt_recent.c, struct recent_entry."""

    ttl: int
    ages: tuple[int, ...]
    """Of its packets, in jiffies before the collection."""


RecentLists = Mapping[str, Mapping[Address, RecentEntry]]


def parse_recent(lists: Mapping[str, str], now: int) -> RecentLists:
    """`now`: jiffies at the collection. Raises: ValueError."""
    return {name: dict(_entry(line, now) for line in text.splitlines()) for name, text in lists.items()}


def _entry(line: str, now: int) -> tuple[Address, RecentEntry]:
    found = _LINE.fullmatch(line.rstrip())
    if found is None:
        raise ValueError(line)
    stamps = (int(stamp) for stamp in found[3].split(","))
    return ip_address(found[1]), RecentEntry(int(found[2]), tuple(max(now - stamp, 0) for stamp in stamps))


def seen(entry: RecentEntry, *, seconds: int, hits: int) -> Ternary:
    """At least `hits` packets within `seconds`; 0: whenever, and any number (recent_mt)."""
    wanted = max(hits, 1)
    if not seconds:
        return len(entry.ages) >= wanted
    if sum(age <= seconds * MIN_HZ for age in entry.ages) >= wanted:
        return True
    if sum(age <= seconds * MAX_HZ for age in entry.ages) < wanted:
        return False
    return Unknown("how long ago depends on the kernel's HZ")

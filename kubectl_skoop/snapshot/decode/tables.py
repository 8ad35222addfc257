"""The tables of one namespace, and which of them could not be read."""

from collections.abc import Callable
from typing import TypeVar

from kubectl_skoop.model.errors import FormatError
from kubectl_skoop.snapshot.dump import NamespaceDump

T = TypeVar("T")
NOT_NEEDED = frozenset({"nft_hooks"})
"""Unread it changes no verdict: without the order of hooks both are walked."""
NEEDED = frozenset(
    {"links", "addresses", "routes", "rules", "neighbours", "fdb", "conntrack", "sockets", "sysctls", "nft"}
    | {"iptables-legacy", "ip6tables-legacy", "iptables-nft", "ip6tables-nft", "ipset"}
    | {"ipvs", "tc_filters", "bpf", "xfrm", "nexthops", "proxy_neighbours", "route_exceptions", "ethtool"}
)
"""A dump without one of these has a gap there."""
IN_EVERY_KERNEL = frozenset({"links", "addresses", "routes", "rules", "neighbours", "sockets", "sysctls"})
"""Where one of these is absent it is not empty: a kernel without policy rules has its three tables."""


class Tables:
    """The tables of one namespace; `gaps` grows while they are decoded. What is not asked for is not read."""

    def __init__(self, dump: NamespaceDump) -> None:
        self._tables = dump.tables
        self.gaps: dict[str, str] = dict.fromkeys(sorted(NEEDED.difference(dump.tables)), "was not collected")

    def time(self, *names: str) -> float:
        """When the last of these was read, seconds since the epoch; 0: not known."""
        return max((self._tables[name].time for name in names if name in self._tables), default=0.0)

    def decode(self, name: str, read: Callable[[object], T], default: T) -> T:
        """`default` where there is nothing to decode, and where it is damaged: then that is a gap."""
        table = self._tables.get(name)
        if table is None or (table.state == "absent" and name not in IN_EVERY_KERNEL):
            return default
        if table.state != "ok":
            if name not in NOT_NEEDED:
                self.gaps[name] = f"{table.state}: {table.reason}"
            return default
        try:
            return read(table.data)
        except FormatError as error:
            self.gaps[name] = f"damaged: {error}"
            return default

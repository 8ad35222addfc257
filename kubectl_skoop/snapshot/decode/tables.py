"""The tables of one namespace, and which of them could not be read."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from kubectl_skoop.model.errors import FormatError
from kubectl_skoop.snapshot.decode.deferred import Deferred, Gaps
from kubectl_skoop.snapshot.decode.rows import RowDecoder, SharedRows
from kubectl_skoop.snapshot.dump import Table

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

    def __init__(self, tables: Mapping[str, Table], needed: frozenset[str] = NEEDED) -> None:
        self._tables = tables
        self.gaps: dict[str, str] = dict.fromkeys(sorted(needed.difference(tables)), "was not collected")
        self._deferred: dict[str, Sequence[object]] = {}

    def time(self, *names: str) -> float:
        """When the last of these was read, seconds since the epoch; 0: not known."""
        return max((self._tables[name].time for name in names if name in self._tables), default=0.0)

    def decode(self, name: str, read: Callable[[object], T], default: T) -> T:
        """`default` where there is nothing to decode, and where it is damaged: then that is a gap."""
        return _decode(self._tables, self.gaps, name, read, default)

    def rows(self, decoder: RowDecoder[T], shared: SharedRows[T] | None = None) -> tuple[T, ...]:
        """As `decode`; `shared`: of the dump's file, for the same decoder."""
        found = shared.of(self._tables) if shared is not None else None
        return self.decode(decoder.table, decoder.all, ()) if found is None else found

    def defer(self, name: str, read: Callable[[object], tuple[T, ...]]) -> Sequence[T]:
        """As `decode`, but when somebody looks at the rows, or at the gaps of `whole_gaps` for them."""
        nothing: tuple[T, ...] = ()
        rows = Deferred(partial(_decode, self._tables, self.gaps, name, read, nothing))
        self._deferred[name] = rows
        return rows

    @property
    def whole_gaps(self) -> Mapping[str, str]:
        """With those of deferred tables."""
        return Gaps(self.gaps, self._deferred)


def _decode(
    tables: Mapping[str, Table], gaps: dict[str, str], name: str, read: Callable[[object], T], default: T
) -> T:
    table = tables.get(name)
    if table is None or (table.state == "absent" and name not in IN_EVERY_KERNEL):
        return default
    if table.state != "ok":
        if name not in NOT_NEEDED:
            gaps[name] = f"{table.state}: {table.reason}"
        return default
    try:
        return read(table.data)
    except FormatError as error:
        gaps[name] = f"damaged: {error}"
        return default

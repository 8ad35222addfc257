"""Rules of all back ends and ipsets: which tools to run in a namespace, and that their outputs fit together.

A tool runs only where the kernel already has what it reads, so nothing is loaded or created; and only where
there is something to print, so that a pod without rules costs no process.
"""

import re
from collections.abc import Mapping, Sequence
from functools import partial

from kubectl_skoop.collect import arptables, nft_json
from kubectl_skoop.collect.features import Kernel
from kubectl_skoop.collect.netlink.schema import Fields
from kubectl_skoop.collect.netlink.socket import NETLINK_NETFILTER, NetlinkSocket
from kubectl_skoop.collect.nfnetlink.ipset import set_names
from kubectl_skoop.collect.nfnetlink.nftables import (
    NFPROTO_ARP,
    NFPROTO_BRIDGE,
    NFPROTO_INET,
    NFPROTO_IPV4,
    NFPROTO_IPV6,
    NFPROTO_NETDEV,
    RawRules,
    generation,
    read_device_chains,
    read_nft_tables,
    read_rules,
    read_tables_of_sets,
)
from kubectl_skoop.collect.procnet import legacy_tables
from kubectl_skoop.collect.table import Absent, read_table
from kubectl_skoop.collect.tools import Running
from kubectl_skoop.snapshot.dump import Table

LEGACY = {
    "iptables-legacy": ("ip_tables_names", ("iptables-legacy-save", "-c")),
    "ip6tables-legacy": ("ip6_tables_names", ("ip6tables-legacy-save", "-c")),
    "arptables-legacy": ("arp_tables_names", arptables.COMMAND),
}
NFT_SAVE = {
    "iptables-nft": (NFPROTO_IPV4, ("iptables-nft-save", "-c")),
    "ip6tables-nft": (NFPROTO_IPV6, ("ip6tables-nft-save", "-c")),
    "arptables": (NFPROTO_ARP, ("arptables-nft-save", "-c")),
    "ebtables-nft": (NFPROTO_BRIDGE, ("ebtables-nft-save",)),
}
LEGACY_EBTABLES = frozenset({"ebtable_filter", "ebtable_nat", "ebtable_broute"})
"""Modules; no kernel of a distribution has them built in."""
IPTABLES_NAMES = frozenset({"raw", "mangle", "nat", "filter", "security"})
TRANSACTION_ATTEMPTS = 3
_SAVED_TABLE = re.compile(r"^\*(\S+)$", re.MULTILINE)


class NetfilterReading:
    """Begun in one namespace and ended there, so that other tables can be read while the tools run."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._tables: dict[str, Table] = {}
        self._nft_tables: Sequence[Fields] = ()
        self._with_sets: set[tuple[int, object]] = set()
        self._generation: int | None = None
        self._tables["ebtables-legacy"] = read_table(lambda: _legacy_ebtables(kernel))
        self._running = Running(self._legacy_commands() | self._ipset_command() | self._begin_nft())

    def finish(self) -> dict[str, Table]:
        self._tables |= self._results(self._running)
        if self._generation is not None:
            self._tables["nft_raw"] = self._finish_nft()
        return self._tables

    def _legacy_commands(self) -> dict[str, Sequence[str]]:
        commands: dict[str, Sequence[str]] = {}
        for name, (listing, command) in LEGACY.items():
            loaded: list[str] = []
            table = read_table(partial(_legacy_names, listing, loaded))
            if loaded:
                commands[name] = command
            else:
                self._tables[name] = table
        return commands

    def _ipset_command(self) -> dict[str, Sequence[str]]:
        def names() -> str:
            if not self._kernel.has("ip_set", "CONFIG_IP_SET"):
                raise Absent("ip_set is not loaded")
            with NetlinkSocket(NETLINK_NETFILTER) as socket:
                found.extend(set_names(socket))
            return ""

        found: list[str] = []
        table = read_table(names)
        if found:
            return {"ipset": ("ipset", "save")}
        self._tables["ipset"] = table
        return {}

    def _begin_nft(self) -> dict[str, Sequence[str]]:
        def begin() -> str:
            if not self._kernel.has("nf_tables", "CONFIG_NF_TABLES"):
                raise Absent("nf_tables is not loaded")
            with NetlinkSocket(NETLINK_NETFILTER) as socket:
                self._generation = generation(socket)
                self._nft_tables = read_nft_tables(socket)
                self._with_sets = (
                    read_tables_of_sets(socket) if any(map(_savable, self._nft_tables)) else set()
                )
            return ""

        state = read_table(begin)
        for name in ("nft", "nft_raw", *NFT_SAVE):
            self._tables[name] = state
        self._tables["nft"] = state._replace(data=nft_json.NO_RULES if state.state == "ok" else None)
        saves = {
            name: command
            for name, (family, command) in NFT_SAVE.items()
            if any(_is_iptables(table, family) for table in self._nft_tables)
        }
        savable = [table for table in self._nft_tables if _savable(table)]
        left_out = [table for table in savable if _identity(table) not in self._with_sets]
        return saves | nft_json.commands(self._nft_tables, left_out)

    def _results(self, running: Running) -> dict[str, Table]:
        """The save text of an iptables table is all of it; if one has none, the whole ruleset is listed."""
        results = running.finish()
        known = _saved_tables(results) | self._with_sets
        if any(_savable(table) and _identity(table) not in known for table in self._nft_tables):
            whole = Running(nft_json.commands(self._nft_tables))
            results = nft_json.without_parts(results) | whole.finish()
        results = {name: _missing_is_failed(table) for name, table in results.items()}
        listing = results.get("arptables-legacy")
        if listing is not None and isinstance(listing.data, str):
            results["arptables-legacy"] = read_table(partial(arptables.as_save, listing.data))
        return nft_json.join(results, self._nft_tables, running.started)

    def _finish_nft(self) -> Table:
        """The raw rules. All is read again where rules changed meanwhile: it must be of one generation."""
        for _ in range(TRANSACTION_ATTEMPTS):
            before = self._generation
            raw = read_table(partial(_read_raw, before, _saved_tables(self._tables) - self._with_sets))
            if not isinstance(raw.data, Mapping) or raw.data["generation_after"] == before:
                return raw
            self._tables |= self._results(Running(self._begin_nft()))
        reason = f"may be torn: rules changed at each of {TRANSACTION_ATTEMPTS} readings"
        return raw._replace(state="failed", reason=reason)


def _is_iptables(table: Fields, family: int) -> bool:
    return table["family"] == family and table.get("name") in IPTABLES_NAMES


def _savable(table: Fields) -> bool:
    """Its save text stands for all of it, unless it has native rules, too: with sets that text is wrong
    (`misread_tables`). That of arptables is for people only: its rules are read from the JSON."""
    return any(_is_iptables(table, family) for family in (NFPROTO_IPV4, NFPROTO_IPV6))


def _identity(table: Fields) -> tuple[int, object]:
    family = table["family"]
    assert isinstance(family, int)
    return family, table.get("name")


def _saved_tables(results: Mapping[str, Table]) -> set[tuple[int, object]]:
    """Those that the save tools printed: a table with native rules too they only call incompatible."""
    return {
        (family, name)
        for table, (family, _) in NFT_SAVE.items()
        if table in results and isinstance(text := results[table].data, str)
        for name in _SAVED_TABLE.findall(text)
    }


def _legacy_names(listing: str, loaded: list[str]) -> str:
    names = legacy_tables(listing)
    if names is None:
        raise Absent(f"this kernel has no {listing.removesuffix('_names')}")
    loaded.extend(names)
    return ""


def _legacy_ebtables(kernel: Kernel) -> str:
    """The kernel does not tell which namespace uses a table, and listing one would make it there
    (find_table_lock), so a table that is loaded is unread."""
    loaded = sorted(kernel.loaded & LEGACY_EBTABLES)
    if not loaded:
        raise Absent("no table of ebtables-legacy is loaded")
    raise OSError(f"{', '.join(loaded)} is loaded; what it holds in this namespace is not read")


def _read_raw(before: int | None, saved: set[tuple[int, object]]) -> dict[str, object]:
    with NetlinkSocket(NETLINK_NETFILTER) as socket:
        tables = read_nft_tables(socket)
        all_saved = all(_identity(table) in saved for table in tables)
        rules = RawRules([], {}) if all_saved else read_rules(socket, saved)
        return {
            "generation_before": before,
            "tables": tables,
            "chains": read_device_chains(socket) if any(map(_may_be_at_devices, tables)) else [],
            "rules": rules.with_xt,
            "checks": rules.checks,
            "generation_after": generation(socket),
        }


def _may_be_at_devices(table: Fields) -> bool:
    return table["family"] in (NFPROTO_NETDEV, NFPROTO_INET)


def _missing_is_failed(table: Table) -> Table:
    """A tool was needed, as the kernel has something to print: without it that is unread, not absent."""
    return table._replace(state="failed") if table.state == "absent" else table

"""The rules of one namespace from what was collected of the three engines, nothing twice and nothing lost."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.iptables.save import parse_save
from kubectl_skoop.netstack.netfilter.iptables.tracking import needs_conntrack as text_needs_conntrack
from kubectl_skoop.netstack.netfilter.nft.link import link_chains
from kubectl_skoop.netstack.netfilter.nft.needs import needs_conntrack
from kubectl_skoop.netstack.netfilter.nft.ruleset import FAMILIES, NftTable, base_chains, parse_ruleset
from kubectl_skoop.netstack.netfilter.order import with_order
from kubectl_skoop.netstack.netfilter.types import BaseChain, Engine, Netfilter

_GAPS: dict[str, tuple[int, ...]] = {
    "iptables-legacy": (4,),
    "ip6tables-legacy": (6,),
    "nft": (4, 6),
}
"""Tables without which any hook may decide otherwise. A missing save text of iptables-nft is not among them:
its rules are in the JSON, too, and unknown there one by one."""
_DORMANT = 0x1
_NFPROTO = {1: "inet", 2: "ip", 10: "ip6"}
_SAVED_TABLE = re.compile(r"^\*(\S+)$", re.MULTILINE)


def load_netfilter(
    *,
    iptables_legacy: str | None,
    ip6tables_legacy: str | None,
    iptables_nft: str | None,
    ip6tables_nft: str | None,
    nft: object | None,
    nft_raw: object | None,
    hook_order: object | None,
    gaps: Mapping[str, str],
) -> Netfilter:
    """None: the table was absent. `gaps` names those that could not be read, with the reason.

    Tables of iptables-nft are taken from their save text, which has what the JSON lacks (K-25).
    """
    saved: list[tuple[str | None, int, Engine]] = [
        (iptables_legacy, 4, "iptables-legacy"),
        (ip6tables_legacy, 6, "iptables-legacy"),
        (iptables_nft, 4, "iptables-nft"),
        (ip6tables_nft, 6, "iptables-nft"),
    ]
    chains: list[BaseChain] = []
    tracking: set[int] = set()
    for text, family, engine in saved:
        if text is not None:
            chains += parse_save(text, family, engine)
            if text_needs_conntrack(text):
                tracking.add(family)
    covered = set(_saved_tables(iptables_nft, "ip")) | set(_saved_tables(ip6tables_nft, "ip6"))
    tables = list(_native_tables(nft, nft_raw, covered))
    for table in tables:
        chains += base_chains(table)
        if table.family in FAMILIES and needs_conntrack(table):
            tracking |= FAMILIES[table.family]
    ordered = with_order(chains, hook_order)
    return Netfilter(
        base_chains=tuple(chains) if ordered is None else ordered,
        conntrack_families=frozenset(tracking),
        nat_families=frozenset(family for base in chains if base.type == "nat" for family in base.families),
        order_known=ordered is not None,
        unknowns=_unknowns(gaps),
        link_chains=tuple(link for table in tables for link in link_chains(table)),
    )


def _saved_tables(text: str | None, family: str) -> Iterator[tuple[str, str]]:
    for name in _SAVED_TABLE.findall(text or ""):
        yield family, name


def _native_tables(nft: object, nft_raw: object, covered: set[tuple[str, str]]) -> Iterator[NftTable]:
    dormant = set(_dormant_tables(nft_raw))
    for table in parse_ruleset(nft):
        identity = table.family, table.short_name
        if identity not in covered:
            yield replace(table, dormant=True) if identity in dormant else table


def _dormant_tables(nft_raw: object) -> Iterator[tuple[str, str]]:
    """Old versions of nft print the flag as garbage; the kernel's own answer has it."""
    listed = nft_raw.get("tables") if isinstance(nft_raw, Mapping) else None
    for table in listed if isinstance(listed, list) else []:
        if isinstance(table, Mapping) and isinstance(flags := table.get("flags"), int) and flags & _DORMANT:
            yield _NFPROTO.get(table.get("family", 0), ""), str(table.get("name"))


def _unknowns(gaps: Mapping[str, str]) -> dict[int, tuple[Unknown, ...]]:
    """Names with dashes or underscores, as the dump or as the parameters spell them."""
    result: dict[int, tuple[Unknown, ...]] = {}
    for name, reason in gaps.items():
        for family in _GAPS.get(name.replace("_", "-"), ()):
            result[family] = (*result.get(family, ()), Unknown(f"{name}: {reason}"))
    return result

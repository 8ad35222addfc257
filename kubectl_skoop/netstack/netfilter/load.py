"""The rules of one namespace from what was collected of the three engines, nothing twice and nothing lost."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.iptables.save import parse_save, table_names
from kubectl_skoop.netstack.netfilter.iptables.tracking import needs_conntrack as text_needs_conntrack
from kubectl_skoop.netstack.netfilter.order import with_order
from kubectl_skoop.netstack.netfilter.types import BaseChain, Engine, LinkChain, LinkFamily, Netfilter

K = TypeVar("K")
_GAPS: dict[str, tuple[int, ...]] = {
    "iptables-legacy": (4,),
    "ip6tables-legacy": (6,),
    "nft": (4, 6),
    "ipvs": (4, 6),
}
"""Tables without which any hook may decide otherwise. A missing save text of iptables-nft is not among them:
its rules are in the JSON, too, and unknown there one by one."""
_LINK_GAPS: dict[str, tuple[LinkFamily, ...]] = {
    "nft": ("bridge", "netdev", "arp"),
    "arptables-legacy": ("arp",),
    "ebtables-legacy": ("bridge",),
}


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
    ebtables_nft: str | None = None,
    arptables_legacy: str | None = None,
) -> Netfilter:
    """None: the table was absent. `gaps` names those that could not be read, with the reason.

    Tables of iptables-nft are taken from their save text, which has what the JSON lacks (K-25), unless that
    text is known to be wrong (`misread_tables`).
    """
    saved: list[tuple[str | None, int, Engine]] = [
        (iptables_legacy, 4, "iptables-legacy"),
        (ip6tables_legacy, 6, "iptables-legacy"),
        (iptables_nft, 4, "iptables-nft"),
        (ip6tables_nft, 6, "iptables-nft"),
    ]
    chains: list[BaseChain] = []
    tracking: set[int] = set()
    bridge_tracking = False
    for text, family, engine in saved:
        if text is not None:
            chains += parse_save(text, family, engine)
            if text_needs_conntrack(text):
                tracking.add(family)
    covered = {("ip", name) for name in table_names(iptables_nft or "")}
    covered |= {("ip6", name) for name in table_names(ip6tables_nft or "")}
    if covered and nft:
        from kubectl_skoop.netstack.netfilter.misread import misread_tables

        misread = misread_tables(nft, covered)
        covered -= misread
        chains = [one for one in chains if one.engine != "iptables-nft" or not _is_of(one, misread)]
    links: list[LinkChain] = []
    if ebtables_nft:
        from kubectl_skoop.netstack.netfilter.ebtables.save import parse_save as parse_ebtables

        for name, found in parse_ebtables(ebtables_nft):
            covered.add(("bridge", name))
            links += found
    if arptables_legacy:
        from kubectl_skoop.netstack.netfilter.arptables.save import parse_save as parse_arptables

        links += parse_arptables(arptables_legacy)
    if any(table not in covered for table in _listed_tables(nft)):
        # Some forty modules of expressions and statements, which most nodes have no use for.
        from kubectl_skoop.netstack.netfilter.nft.load import load_native

        native = load_native(nft, nft_raw, covered)
        chains += native.base_chains
        tracking |= native.conntrack_families
        bridge_tracking = native.bridge_conntrack
        links += native.link_chains
    ordered = with_order(chains, hook_order)
    return Netfilter(
        base_chains=tuple(chains) if ordered is None else ordered,
        conntrack_families=frozenset(tracking),
        bridge_conntrack=bridge_tracking,
        nat_families=frozenset(family for base in chains if base.type == "nat" for family in base.families),
        order_known=ordered is not None,
        unknowns=_unknowns(gaps, _GAPS),
        link_chains=tuple(links),
        link_unknowns=_unknowns(gaps, _LINK_GAPS),
    )


def _is_of(chain: BaseChain, tables: set[tuple[str, str]]) -> bool:
    return any(("ip" if family == 4 else "ip6", chain.table.name) in tables for family in chain.families)


def _listed_tables(nft: object) -> Iterator[tuple[str, str]]:
    """Family and name of each table in the output of `nft -j list ruleset`."""
    listed = nft.get("nftables") if isinstance(nft, Mapping) else None
    for entry in listed if isinstance(listed, list) else []:
        match entry:
            case {"table": dict(table)}:
                yield str(table.get("family")), str(table.get("name"))


def _unknowns(gaps: Mapping[str, str], families: Mapping[str, tuple[K, ...]]) -> dict[K, tuple[Unknown, ...]]:
    """Names with dashes or underscores, as the dump or as the parameters spell them."""
    result: dict[K, tuple[Unknown, ...]] = {}
    for name, reason in gaps.items():
        for family in families.get(name.replace("_", "-"), ()):
            result[family] = (*result.get(family, ()), Unknown(f"{name}: {reason}"))
    return result

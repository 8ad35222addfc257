"""The native tables of one namespace: what of them the walk needs."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace

from kubectl_skoop.netstack.netfilter.nft.checks import NFPROTO, read_checks
from kubectl_skoop.netstack.netfilter.nft.link import link_chains
from kubectl_skoop.netstack.netfilter.nft.needs import needs_conntrack
from kubectl_skoop.netstack.netfilter.nft.ruleset import FAMILIES, NftTable, base_chains, parse_ruleset
from kubectl_skoop.netstack.netfilter.types import BaseChain, LinkChain

_DORMANT = 0x1
_TRACKED = {**FAMILIES, "bridge": frozenset({4, 6})}
"""What a table that needs conntrack switches it on for (nf_ct_netns_get): of IP a bridge's table both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Native:
    """What native tables register, and for which families they switch conntrack on."""

    base_chains: tuple[BaseChain, ...]
    link_chains: tuple[LinkChain, ...]
    conntrack_families: frozenset[int]
    bridge_conntrack: bool


def load_native(nft: object, nft_raw: object, covered: Set[tuple[str, str]]) -> Native:
    """`covered`: tables by family and name that are known from a save text."""
    tables = list(_tables(nft, nft_raw, covered))
    devices = dict(_devices(nft_raw))
    tracking = {table.family for table in tables if table.family in _TRACKED and needs_conntrack(table)}
    return Native(
        base_chains=tuple(chain for table in tables for chain in base_chains(table)),
        link_chains=tuple(chain for table in tables for chain in link_chains(table, devices)),
        conntrack_families=frozenset().union(*(_TRACKED[family] for family in tracking)),
        bridge_conntrack="bridge" in tracking,
    )


def _tables(nft: object, nft_raw: object, covered: Set[tuple[str, str]]) -> Iterator[NftTable]:
    dormant = set(_dormant_tables(nft_raw))
    for table in parse_ruleset(nft, read_checks(nft_raw)):
        identity = table.family, table.short_name
        if identity not in covered:
            yield replace(table, dormant=True) if identity in dormant else table


def _dormant_tables(nft_raw: object) -> Iterator[tuple[str, str]]:
    """Old versions of nft print the flag as garbage; the kernel's own answer has it."""
    listed = nft_raw.get("tables") if isinstance(nft_raw, Mapping) else None
    for table in listed if isinstance(listed, list) else []:
        if isinstance(table, Mapping) and isinstance(flags := table.get("flags"), int) and flags & _DORMANT:
            yield _family(table), str(table.get("name"))


def _devices(nft_raw: object) -> Iterator[tuple[tuple[str, str, str], tuple[str, ...]]]:
    listed = nft_raw.get("chains") if isinstance(nft_raw, Mapping) else None
    for chain in listed if isinstance(listed, list) else []:
        if isinstance(chain, Mapping) and isinstance(names := chain.get("devices"), list):
            yield (_family(chain), str(chain.get("table")), str(chain.get("name"))), tuple(map(str, names))


def _family(row: Mapping[str, object]) -> str:
    """Empty: none that is known."""
    number = row.get("family")
    return NFPROTO.get(number, "") if isinstance(number, int) else ""

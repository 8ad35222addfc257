"""In which order the hooks run at equal priority, where the kernel tells it (NFNL_SUBSYS_HOOK, K-1)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from kubectl_skoop.netstack.netfilter.types import BaseChain, Hook

_NUMBERS = {Hook.PREROUTING: 0, Hook.INPUT: 1, Hook.FORWARD: 2, Hook.OUTPUT: 3, Hook.POSTROUTING: 4}
_FAMILIES = {4: 2, 6: 10}
"""NFPROTO_*."""
_LEGACY = ("ipt_", "ip6t_", "iptable_", "ip6table_")


def with_order(chains: Sequence[BaseChain], listing: object) -> tuple[BaseChain, ...] | None:
    """The chains, one for each family, with their place in the listing; None if it does not hold them all.

    Chains of type nat are not in it: the kernel lists the function that calls them.
    """
    if not isinstance(listing, list) or not listing:
        return None
    entries = [entry for entry in listing if isinstance(entry, Mapping)]
    result = []
    for base in chains:
        for family in sorted(base.families):
            place = next(_places(base, family, entries), None)
            if place is None and base.type != "nat":
                return None
            result.append(replace(base, families=frozenset({family}), order=place or 0))
    return tuple(result)


def _places(base: BaseChain, family: int, entries: Sequence[Mapping[str, object]]) -> Iterator[int]:
    for place, entry in enumerate(entries, start=1):
        if entry.get("family") != _FAMILIES[family] or entry.get("hook") != _NUMBERS[base.hook]:
            continue
        if entry.get("priority") == base.priority and _is(base, entry):
            yield place


def _is(base: BaseChain, entry: Mapping[str, object]) -> bool:
    if base.engine == "iptables-legacy":
        return str(entry.get("function", "")).startswith(_LEGACY)
    chain = entry.get("chain")
    described = chain.get("desc") if isinstance(chain, Mapping) else None
    if not isinstance(described, Mapping):
        return False
    return described.get("name") == base.chain and described.get("table") == base.table.name.split(" ")[-1]

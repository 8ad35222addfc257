"""Base chains of the families bridge, netdev and arp, and of the ingress of inet."""

from collections.abc import Iterator, Mapping
from typing import cast

from kubectl_skoop.netstack.netfilter.nft.document import words
from kubectl_skoop.netstack.netfilter.nft.ruleset import FAMILIES, NftChain, NftTable, base_chain
from kubectl_skoop.netstack.netfilter.types import Hook, LinkChain, LinkFamily

_FAMILIES = frozenset({"bridge", "netdev", "arp"})
_AT_DEVICES = (Hook.INGRESS, Hook.EGRESS)
Devices = Mapping[tuple[str, str, str], tuple[str, ...]]
"""By family, table and chain, as the kernel lists them: nft 1.0.6 leaves them out of its JSON (K-25)."""


def link_chains(table: NftTable, devices: Devices) -> Iterator[LinkChain]:
    """None of a table that is dormant."""
    if table.dormant:
        return
    for chain in table.chains.values():
        hook = chain.declaration.get("hook")
        if not isinstance(hook, str) or hook not in set(Hook):
            continue
        at_device = hook in _AT_DEVICES
        if table.family in _FAMILIES or (table.family == "inet" and at_device):
            yield LinkChain(
                family="netdev" if at_device else cast("LinkFamily", table.family),
                base=base_chain(chain, Hook(hook), FAMILIES.get(table.family, frozenset())),
                devices=_devices(chain, devices) if at_device else (),
            )


def _devices(chain: NftChain, devices: Devices) -> tuple[str, ...] | None:
    listed = devices.get((chain.table.family, chain.table.short_name, chain.name))
    return listed or words(chain.declaration.get("dev")) or None

"""Chains of the families bridge, netdev and arp, which are recorded, not walked."""

from collections.abc import Iterator
from typing import Literal, cast

from kubectl_skoop.netstack.netfilter.nft.document import field, single, words
from kubectl_skoop.netstack.netfilter.nft.ruleset import NftChain, NftTable
from kubectl_skoop.netstack.netfilter.nft.text import print_rule
from kubectl_skoop.netstack.netfilter.types import LinkChain

_FAMILIES = frozenset({"bridge", "netdev", "arp"})
_HARMLESS = frozenset({"accept", "counter", "log", "match", "continue", "return", "last"})


def link_chains(table: NftTable) -> Iterator[LinkChain]:
    """Base chains that can do more than accept: by their policy, a rule of theirs, or a jump."""
    if table.dormant:
        return
    inet_ingress = table.family == "inet"
    for chain in table.chains.values():
        hook = chain.declaration.get("hook")
        if not isinstance(hook, str) or (inet_ingress and hook not in ("ingress", "egress")):
            continue
        if (table.family in _FAMILIES or inet_ingress) and _may_decide(chain):
            yield LinkChain(
                family="netdev" if inet_ingress else cast(Literal["bridge", "netdev", "arp"], table.family),
                table=table.name,
                chain=chain.name,
                hook=hook,
                devices=words(chain.declaration.get("dev")),
                policy="drop" if chain.declaration.get("policy") == "drop" else "accept",
                rules=tuple(print_rule(rule) for rule in chain.json_rules),
            )


def _may_decide(chain: NftChain) -> bool:
    if chain.declaration.get("policy") == "drop":
        return True
    for rule in chain.json_rules:
        expressions = field(rule, "expr")
        for statement in expressions if isinstance(expressions, list) else []:
            if single(statement)[0] not in _HARMLESS:
                return True
    return False

"""`nft -j list ruleset`: tables with their chains, rules, sets and maps."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, cast

from kubectl_skoop.model.packet import Frame
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft.checks import NOT_READ, ByHandle, RuleChecks
from kubectl_skoop.netstack.netfilter.nft.document import field as json_field
from kubectl_skoop.netstack.netfilter.nft.document import single, words
from kubectl_skoop.netstack.netfilter.nft.expression.parse import Scope
from kubectl_skoop.netstack.netfilter.nft.rule import NftRule
from kubectl_skoop.netstack.netfilter.nft.sets import NamedSet
from kubectl_skoop.netstack.netfilter.types import IP_HOOKS, BaseChain, ChainType, Hook

FAMILIES: dict[str, frozenset[int]] = {"ip": frozenset({4}), "ip6": frozenset({6}), "inet": frozenset({4, 6})}
"""Of a table, the packets that its chains see."""
_TYPES = ("filter", "nat", "route")


@dataclass(frozen=True)
class NftChain:
    name: str
    table: "NftTable"
    declaration: Mapping[str, object]
    json_rules: list[object] = field(default_factory=list)

    @cached_property
    def all_rules(self) -> Sequence[tuple[int, NftRule]]:
        place = f"{self.table.name} {self.name} rule"
        return [
            (number, NftRule(json, self.table.scope, f"{place} {number}", self.table.checks_of(json)))
            for number, json in enumerate(self.json_rules, start=1)
        ]

    @property
    def empty(self) -> bool:
        return not self.json_rules

    def rules(self, frame: Frame) -> Sequence[tuple[int, NftRule]]:
        return self.all_rules


@dataclass(frozen=True)
class NftTable:
    family: str
    short_name: str
    dormant: bool = False
    chains: dict[str, NftChain] = field(default_factory=dict)
    sets: dict[str, NamedSet] = field(default_factory=dict)
    checks: ByHandle = field(default_factory=dict)
    """Of its rules in the kernel, by their handles."""

    @property
    def name(self) -> str:
        return f"{self.family} {self.short_name}"

    @cached_property
    def scope(self) -> Scope:
        return Scope(self.family, self.sets)

    def checks_of(self, rule: object) -> RuleChecks | None:
        """None: an older agent wrote the dump, which has no rule of the kernel's own."""
        if not self.checks:
            return None
        handle = json_field(rule, "handle")
        return (self.checks.get(handle) if isinstance(handle, int) else None) or NOT_READ

    def chain(self, name: str) -> NftChain | Unknown:
        return self.chains.get(name) or Unknown(f"table {self.name} has no chain {name}")


def parse_ruleset(
    document: object, checks: Mapping[tuple[str, str], ByHandle] | None = None
) -> tuple[NftTable, ...]:
    """The tables in the order of the listing; what refers to a table that is not listed is left out.

    `checks`: see `read_checks`.
    """
    by_table = checks or {}
    tables: dict[tuple[str, str], NftTable] = {}
    for kind, body in _objects(document):
        family, name = str(body.get("family")), str(body.get("name"))
        if kind == "table":
            dormant = "dormant" in words(body.get("flags"))
            tables[family, name] = NftTable(family, name, dormant, checks=by_table.get((family, name), {}))
            continue
        table = tables.get((family, str(body.get("table"))))
        if table is None:
            continue
        if kind == "chain":
            table.chains[name] = NftChain(name, table, body)
        elif kind in ("set", "map"):
            table.sets[name] = NamedSet(name, body)
        elif kind == "rule":
            chain = table.chains.get(str(body.get("chain")))
            if chain is not None:
                chain.json_rules.append(body)
    return tuple(tables.values())


def base_chains(table: NftTable) -> Iterator[BaseChain]:
    """Those of the IP hooks; none if the table is dormant or of another family."""
    if table.family not in FAMILIES or table.dormant:
        return
    for chain in table.chains.values():
        hook, kind = chain.declaration.get("hook"), chain.declaration.get("type")
        if not isinstance(hook, str) or hook not in IP_HOOKS or kind not in _TYPES:
            continue
        yield base_chain(chain, Hook(hook), FAMILIES[table.family])


def base_chain(chain: NftChain, hook: Hook, families: frozenset[int]) -> BaseChain:
    """Of a declaration that has a hook."""
    priority, kind = chain.declaration.get("prio"), chain.declaration.get("type")
    return BaseChain(
        engine="nft",
        families=families,
        table=chain.table,
        chain=chain.name,
        type=cast(ChainType, kind) if kind in _TYPES else "filter",
        hook=hook,
        priority=priority if isinstance(priority, int) else 0,
        policy=_policy(chain),
    )


def _policy(chain: NftChain) -> Literal["accept", "drop"]:
    return "drop" if chain.declaration.get("policy") == "drop" else "accept"


def _objects(document: object) -> Iterator[tuple[str, dict[str, object]]]:
    listed = json_field(document, "nftables")
    for entry in listed if isinstance(listed, list) else []:
        kind, body = single(entry)
        if isinstance(body, dict):
            yield kind, body

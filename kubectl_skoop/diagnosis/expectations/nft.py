"""A rule of a native nft table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from kubectl_skoop.diagnosis.expectations.expectation import Deviation, Expectation, missing
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.nft.ruleset import NftChain, NftTable

SHOWN = 6
"""Rules of the chain that the evidence names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NftExpectation(Expectation):
    """Where rules come before it that decide otherwise is not seen, nor what the chain is registered at."""

    table: ClassVar[str] = "nft"
    sections: ClassVar[tuple[str, ...]] = ("netfilter", "nft")

    in_table: str
    """With its family: `ip aws-cni`."""
    chain: str
    rules: tuple[str, ...]
    """As nft lists them, without counters: each is right."""

    @property
    def key(self) -> str:
        return f"the rule `{self.rules[0]}` of chain {self.chain} in table {self.in_table}"

    @property
    def want(self) -> str:
        return f"add rule {self.in_table} {self.chain} {self.rules[0]}"

    def find(self, ns: NetworkNamespace) -> Sequence[str]:
        return [text for text in self._there(ns) if text in self.rules]

    def difference(self, ns: NetworkNamespace) -> Deviation | None:
        if self.find(ns):
            return None
        return missing(self, [*self._there(ns)][:SHOWN])

    def put_right(self, ns: NetworkNamespace) -> NetworkNamespace | None:
        """What the kernel makes of a listed rule is not known without it."""
        return None

    def _there(self, ns: NetworkNamespace) -> Iterator[str]:
        tables = {id(base.table): base.table for base in ns.netfilter.base_chains}.values()
        for table in tables:
            if isinstance(table, NftTable) and table.name == self.in_table:
                chain = table.chain(self.chain)
                if isinstance(chain, NftChain):
                    yield from (_without_counter(rule.text) for _, rule in chain.all_rules)


def _without_counter(text: str) -> str:
    words = text.split()
    found: list[str] = []
    while words:
        word = words.pop(0)
        if word != "counter":
            found.append(word)
        elif words[:1] == ["packets"]:
            del words[:4]
    return " ".join(found)

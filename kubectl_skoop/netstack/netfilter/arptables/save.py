"""Rules of arptables-legacy, as the agent writes them: in the form of iptables-save."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.arptables.rule import expressions
from kubectl_skoop.netstack.netfilter.saved_link_rule import SavedLinkChain, SavedRule
from kubectl_skoop.netstack.netfilter.types import BaseChain, Hook, LinkChain

PLACES = {"INPUT": Hook.INPUT, "OUTPUT": Hook.OUTPUT, "FORWARD": Hook.FORWARD}
_FILTER = 0
"""Priority of the one table there is (arptable_filter.c)."""


@dataclass(frozen=True)
class ArpTable:
    policies: dict[str, str] = field(default_factory=dict)
    lines: dict[str, list[str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return "arp filter"

    def chain(self, name: str) -> SavedLinkChain | Unknown:
        if name not in self.policies:
            return Unknown(f"{name} is no chain of table {self.name}")
        read = partial(expressions, chains=tuple(self.policies))
        place = f"{self.name} {name} rule"
        lines = enumerate(self.lines.get(name, ()), start=1)
        rules = [SavedRule(line, f"{place} {number}", "arp", read) for number, line in lines]
        return SavedLinkChain(name, rules)


def parse_save(text: str) -> Iterator[LinkChain]:
    """Its base chains; none where nothing is in them."""
    table = ArpTable()
    for line in text.splitlines():
        if line.startswith(":"):
            name, _, policy = line[1:].partition(" ")
            table.policies[name] = policy
        elif line.startswith("-A "):
            table.lines.setdefault(line.split(" ", 2)[1], []).append(line)
    for name, hook in PLACES.items():
        closed = table.policies.get(name) == "DROP"
        if closed or table.lines.get(name):
            yield LinkChain(
                "arp",
                BaseChain(
                    engine="arptables-legacy",
                    families=frozenset(),
                    table=table,
                    chain=name,
                    type="filter",
                    hook=hook,
                    priority=_FILTER,
                    policy="drop" if closed else "accept",
                ),
            )

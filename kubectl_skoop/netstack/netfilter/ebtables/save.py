"""The text of ebtables-save, of the nft back end.

A user chain of ebtables has a policy, too: what falls out of it is accepted, unless it is told to return.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.ebtables.rule import expressions
from kubectl_skoop.netstack.netfilter.saved_link_rule import SavedLinkChain, SavedRule
from kubectl_skoop.netstack.netfilter.types import BaseChain, Hook, LinkChain

_FILTER, _DSTNAT, _NAT_OUTPUT, _SRCNAT = -200, -300, 100, 300
PRIORITIES: dict[str, dict[str, tuple[Hook, int]]] = {
    "filter": {
        "INPUT": (Hook.INPUT, _FILTER),
        "FORWARD": (Hook.FORWARD, _FILTER),
        "OUTPUT": (Hook.OUTPUT, _FILTER),
    },
    "nat": {
        "PREROUTING": (Hook.PREROUTING, _DSTNAT),
        "OUTPUT": (Hook.OUTPUT, _NAT_OUTPUT),
        "POSTROUTING": (Hook.POSTROUTING, _SRCNAT),
    },
}
"""By table and chain (ebtables-nft, nft_ebt_chain_policy; NF_BR_PRI_*)."""


@dataclass(frozen=True)
class EbtTable:
    short_name: str
    policies: dict[str, str] = field(default_factory=dict)
    lines: dict[str, list[str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"bridge {self.short_name}"

    def chain(self, name: str) -> SavedLinkChain | Unknown:
        if name not in self.policies:
            return Unknown(f"{name} is neither a chain of table {self.name} nor a target that is modelled")
        lines = list(self.lines.get(name, []))
        if name not in PRIORITIES.get(self.short_name, {}) and self.policies[name] != "RETURN":
            lines.append(f"-A {name} -j {self.policies[name]}")
        place = f"{self.name} {name} rule"
        numbered = enumerate(lines, start=1)
        rules = [SavedRule(line, f"{place} {number}", "bridge", expressions) for number, line in numbered]
        return SavedLinkChain(name, rules)


def parse_save(text: str) -> Iterator[tuple[str, list[LinkChain]]]:
    """By table, its base chains."""
    for table in _tables(text):
        places = PRIORITIES.get(table.short_name, {})
        chains = [
            LinkChain(
                "bridge",
                BaseChain(
                    engine="ebtables-nft",
                    families=frozenset(),
                    table=table,
                    chain=name,
                    type="filter",
                    hook=hook,
                    priority=priority,
                    policy="drop" if table.policies[name] == "DROP" else "accept",
                ),
            )
            for name, (hook, priority) in places.items()
            if name in table.policies
        ]
        yield table.short_name, chains


def _tables(text: str) -> Iterator[EbtTable]:
    table = None
    for line in text.splitlines():
        if line.startswith("*"):
            if table is not None:
                yield table
            table = EbtTable(line[1:].strip())
        elif table is not None and line.startswith(":"):
            name, _, policy = line[1:].partition(" ")
            table.policies[name] = policy.partition(" ")[0]
        elif table is not None and line.startswith("-A "):
            table.lines.setdefault(line.split(" ", 2)[1], []).append(line)
    if table is not None:
        yield table

"""A rule of iptables, in whichever back end has the chain."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from kubectl_skoop.diagnosis.expectations.expectation import Deviation, Expectation, missing
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.iptables.options import Unreadable, words
from kubectl_skoop.netstack.netfilter.iptables.save import SavedTable
from kubectl_skoop.snapshot.decode.netfilter import SAVED

SHOWN = 6
"""Rules of the chain that the evidence names."""
MODULE = ("-m", "comment")


@dataclass(frozen=True, slots=True, kw_only=True)
class IptablesExpectation(Expectation):
    """Comments are not compared. Where rules come before it that decide otherwise is not seen."""

    table: ClassVar[str] = "iptables"
    sections: ClassVar[tuple[str, ...]] = ("netfilter", *SAVED)

    in_table: str
    chain: str
    rules: tuple[str, ...]
    """As iptables-save prints them, without `-A CHAIN`: each is right, the first is written when mending."""
    family: int = 4
    first: bool = False
    """Written before all others of the chain, else behind them."""

    @property
    def key(self) -> str:
        return f"the rule `-A {self.chain} {self.rules[0]}` of table {self.in_table}"

    @property
    def want(self) -> str:
        return f"-t {self.in_table} -A {self.chain} {self.rules[0]}"

    def find(self, ns: NetworkNamespace) -> Sequence[str]:
        return [text for table in self._tables(ns) for text in self._of(table) if self._is_one(text)]

    def difference(self, ns: NetworkNamespace) -> Deviation | None:
        if self.find(ns):
            return None
        there = [text for table in self._tables(ns) for text in self._of(table)]
        tool, how = ("ip6tables" if self.family == 6 else "iptables"), ("-I" if self.first else "-A")
        command = f"{tool} -t {self.in_table} {how} {self.chain} {self.rules[0]}"
        return missing(self, there[:SHOWN], command=command)

    def put_right(self, ns: NetworkNamespace) -> NetworkNamespace | None:
        tables = list(self._tables(ns))
        old = next((one for one in tables if one.policy(self.chain)), next(iter(tables), None))
        if old is None:
            return None
        new = SavedTable(old.name, old.family, old.native, self._written(old), old.rules + 1)
        chains = tuple(
            base._replace(table=new) if base.table is old else base for base in ns.netfilter.base_chains
        )
        return replace(ns, netfilter=replace(ns.netfilter, base_chains=chains))

    def _written(self, table: SavedTable) -> str:
        """The table's text with the rule."""
        text, begin = table.text, f"-A {self.chain} "
        if not table.policy(self.chain):
            text = f"\n:{self.chain} - [0:0]{text}"
        lines = text.split("\n")
        own = [place for place, line in enumerate(lines) if begin in line]
        place = len(lines) - 1 if not own else own[0] if self.first else own[-1] + 1
        return "\n".join([*lines[:place], begin + self.rules[0], *lines[place:]])

    def _tables(self, ns: NetworkNamespace) -> Iterator[SavedTable]:
        """Each once, though several of its chains are registered."""
        wanted = (self.in_table, self.family)
        for table in {id(base.table): base.table for base in ns.netfilter.base_chains}.values():
            if isinstance(table, SavedTable) and (table.name, table.family) == wanted:
                yield table

    def _of(self, table: SavedTable) -> Sequence[str]:
        return table.saved_chain(self.chain).rule_texts

    def _is_one(self, text: str) -> bool:
        return _bare(text.removeprefix(f"-A {self.chain} ")) in [_bare(rule) for rule in self.rules]


def _bare(rule: str) -> tuple[str, ...]:
    """Its words without comments."""
    try:
        given = [word.text for word in words(rule)]
    except Unreadable:
        return (rule,)
    found: list[str] = []
    position = 0
    while position < len(given):
        if tuple(given[position : position + 2]) == MODULE:
            position += 4
            continue
        found.append(given[position])
        position += 1
    return tuple(found)

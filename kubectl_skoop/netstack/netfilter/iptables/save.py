"""The text of iptables-save and ip6tables-save, with or without counters, of either back end.

Nothing but the places of tables is looked at on loading: a chain is cut out of the text when a packet reaches
it, and its lines are parsed when they may match.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Literal

from kubectl_skoop.model.packet import Address, Frame, Packet
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.iptables.index import LineIndex
from kubectl_skoop.netstack.netfilter.iptables.rule import XtRule, parse_rule
from kubectl_skoop.netstack.netfilter.lots import FirstOfLots, first_of_lots
from kubectl_skoop.netstack.netfilter.types import BaseChain, Chain, ChainType, Engine, Hook, Rule

LONG = 64
"""Rules; above it a chain is indexed."""
MAX_RULES = 300_000
"""Of one text: some four times those of 10,000 services. Parsing them takes as many bytes and seconds as a
question may take in all."""

_FILTER = {"INPUT": Hook.INPUT, "FORWARD": Hook.FORWARD, "OUTPUT": Hook.OUTPUT}
_HOOKS = {"PREROUTING": Hook.PREROUTING, **_FILTER, "POSTROUTING": Hook.POSTROUTING}
_RAW, _MANGLE, _DSTNAT, _SRCNAT, _SECURITY = -300, -150, -100, 100, 50

PRIORITIES: dict[str, dict[str, int]] = {
    "raw": {"PREROUTING": _RAW, "OUTPUT": _RAW},
    "mangle": dict.fromkeys(_HOOKS, _MANGLE),
    "nat": {"PREROUTING": _DSTNAT, "INPUT": _SRCNAT, "OUTPUT": _DSTNAT, "POSTROUTING": _SRCNAT},
    "filter": dict.fromkeys(_FILTER, 0),
    "security": dict.fromkeys(_FILTER, _SECURITY),
}
"""NF_IP_PRI_* (linux/netfilter_ipv4.h), by table and chain."""

FEW = 24
"""Chains of a table that are cut out one by one: finding so many takes as long as cutting all."""
_BLOCK = re.compile(
    r"^(?:\[\d+:\d+\] )?-A (\S+)(?: .*)?\n(?:(?:\[\d+:\d+\] )?-A \1(?: .*)?\n)*", re.MULTILINE
)
_CHANCE = " --probability "
_COUNTERS = re.compile(r"\[\d+:\d+\] ")
_COUNTED = re.compile(r"\n\[\d+:\d+\] -A ")


@dataclass(frozen=True)
class SavedChain:
    """The rules of one chain, parsed when a packet meets them."""

    name: str
    family: int
    native: bool
    lines: tuple[str, ...]
    """`-A NAME …`, with counters if they were saved."""
    _parsed: dict[int, XtRule] = field(default_factory=dict, compare=False, repr=False)

    @property
    def empty(self) -> bool:
        return not self.lines

    def rules(self, frame: Frame) -> Sequence[tuple[int, Rule]]:
        if len(self.lines) <= LONG or not isinstance(frame, Packet):
            return self._walked
        places = self._index.candidates(frame.dst.packed, frame.dport)
        if len(places) == len(self.lines):
            return self._walked
        return [(place + 1, self._placed(place)) for place in places]

    def places(self, address: Address, port: int) -> Sequence[int]:
        """Of the lines that may match a packet to there, from 0."""
        if len(self.lines) <= LONG:
            return range(len(self.lines))
        return self._index.candidates(address.packed, port)

    @cached_property
    def all_rules(self) -> tuple[tuple[int, XtRule], ...]:
        return tuple((place + 1, self._rule(place)) for place in range(len(self.lines)))

    @cached_property
    def _walked(self) -> tuple[tuple[int, Rule], ...]:
        return tuple((place + 1, self._placed(place)) for place in range(len(self.lines)))

    @cached_property
    def rule_texts(self) -> tuple[str, ...]:
        """The lines without counters."""
        return tuple(map(without_counters, self.lines))

    @cached_property
    def _index(self) -> LineIndex:
        return LineIndex(self.lines, self.family)

    def _placed(self, place: int) -> Rule:
        return self._lots.get(place) or self._rule(place)

    @cached_property
    def _lots(self) -> Mapping[int, FirstOfLots]:
        """By the place of the first rule; such rules ask for no address, so that no index leaves one out."""
        found: dict[int, FirstOfLots] = {}
        run: list[Fraction] = []
        for place, line in enumerate((*self.lines, "")):
            chance = self._rule(place).chance if _CHANCE in line else None
            if chance is not None:
                run.append(chance)
                continue
            if len(run) > 1:
                first = place - len(run)
                found[first] = first_of_lots(self._rule(first), run)
            run = []
        return found

    def _rule(self, place: int) -> XtRule:
        rule = self._parsed.get(place)
        if rule is None:
            rule = self._parsed[place] = parse_rule(
                without_counters(self.lines[place]), self.family, native=self.native
            )
        return rule


@dataclass(frozen=True)
class SavedTable:
    """One table, from its `*NAME` line on."""

    name: str
    family: int
    native: bool
    text: str
    """From the first chain declaration up to COMMIT, beginning and ending with a newline."""
    rules: int = 0
    """Of all tables of the text that it is from."""
    _chains: dict[str, SavedChain] = field(default_factory=dict, compare=False, repr=False)

    def chain(self, name: str) -> Chain | Unknown:
        if self.rules > MAX_RULES:
            return Unknown(f"{self.rules} rules are more than the {MAX_RULES} that are walked")
        chain = self._chains.get(name)
        if chain is None and f"\n:{name} " not in self.text:
            return Unknown(f"{name} is neither a chain of table {self.name} nor a target that is modelled")
        return chain or self.saved_chain(name)

    def saved_chain(self, name: str) -> SavedChain:
        """Without rules where the table has no such chain."""
        chain = self._chains.get(name)
        if chain is None:
            few = len(self._chains) < FEW and "blocks" not in self.__dict__
            blocks = [*_blocks_of(self.text, name)] if few else self.blocks.get(name, ())
            lines = tuple("".join(blocks)[:-1].split("\n")) if blocks else ()
            chain = self._chains[name] = SavedChain(name, self.family, self.native, lines)
        return chain

    def saved_text(self, name: str) -> str:
        """The lines of a chain, with counters if they were saved; empty: it has no rules. For who asks for
        many chains: the text is gone through once."""
        return "".join(self.blocks.get(name, ()))

    def bare(self) -> "SavedTable":
        """Without counters: for who holds all rules against another node's."""
        text = self.text.replace("\n[0:0] -A ", "\n-A ")
        return replace(self, text=_COUNTED.sub("\n-A ", text), _chains={})

    @cached_property
    def blocks(self) -> Mapping[str, Sequence[str]]:
        """The lines of each chain, as they stand together."""
        found: dict[str, list[str]] = {}
        for block in _BLOCK.finditer(self.text):
            found.setdefault(block[1], []).append(block[0])
        return found

    def policy(self, name: str) -> str:
        """Of a base chain: ACCEPT or DROP; empty if the table does not have it, `-` for a user chain."""
        declared = f"\n:{name} "
        start = self.text.find(declared, 0, self._declarations)
        if start < 0:
            return ""
        start += len(declared)
        return self.text[start : self.text.index("\n", start)].partition(" ")[0]

    @cached_property
    def _declarations(self) -> int:
        """Where the rules begin."""
        return max(self.text.find("-A "), 0) or len(self.text)


def parse_save(text: str, family: int, engine: Engine) -> tuple[BaseChain, ...]:
    """The base chains of every table, in the order of the text."""
    chains: list[BaseChain] = []
    rules = text.count("-A ")
    for name, body in _tables(text):
        table = SavedTable(name, family, engine == "iptables-nft", body, rules)
        for chain, priority in PRIORITIES.get(name, {}).items():
            policy = table.policy(chain)
            if not policy or policy == "-":
                continue
            chains.append(
                BaseChain(
                    engine=engine,
                    families=frozenset({family}),
                    table=table,
                    chain=chain,
                    type=_type(name, chain),
                    hook=_HOOKS[chain],
                    priority=priority,
                    policy=_POLICIES.get(policy, "accept"),
                )
            )
    return tuple(chains)


_POLICIES: dict[str, Literal["accept", "drop"]] = {"ACCEPT": "accept", "DROP": "drop"}


def _type(table: str, chain: str) -> ChainType:
    """mangle OUTPUT looks the route up again (K-12)."""
    if table == "nat":
        return "nat"
    return "route" if (table, chain) == ("mangle", "OUTPUT") else "filter"


def table_names(text: str) -> Iterator[str]:
    """Of all tables of a save text. No copy of a long one is made for it, nor does an expression look at
    each of its lines."""
    return (name for name, _, _ in _places(text))


def _tables(text: str) -> Iterator[tuple[str, str]]:
    for name, head, end in _places(text):
        yield name, text[head : end + 1] if end < len(text) else f"{text[head:]}\n"


def _places(text: str) -> Iterator[tuple[str, int, int]]:
    """Of each table the name, where its line ends, and where the line before COMMIT does."""
    star = 0 if text.startswith("*") else _next_table(text, 0)
    while star >= 0:
        head = text.find("\n", star)
        head = head if head >= 0 else len(text)
        end = text.find("\nCOMMIT", head)
        end = end if end >= 0 else len(text)
        yield text[star + 1 : head].strip(), head, end
        star = _next_table(text, end)


def _next_table(text: str, position: int) -> int:
    found = text.find("\n*", position)
    return found + 1 if found >= 0 else -1


def _blocks_of(text: str, chain: str) -> Iterator[str]:
    """The tools print the rules of a chain together; should a hand-made file not do so, all are found."""
    wanted = f"-A {chain}"
    position = text.find(wanted)
    while position >= 0:
        found = _BLOCK.match(text, text.rfind("\n", 0, position) + 1)
        if found and found[1] == chain:
            yield found[0]
        position = text.find(wanted, found.end() if found else position + len(wanted))


def without_counters(line: str) -> str:
    found = None if line.startswith("-") else _COUNTERS.match(line)
    return line[found.end() :] if found else line

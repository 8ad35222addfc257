"""What the rules that kube-proxy wrote on a node in iptables mode do with a new connection to a service."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from kubectl_skoop.diagnosis.services.meaning import Door, Target
from kubectl_skoop.diagnosis.services.proxy_rule import MARK_MASQ, ProxyRule, covers, read_rule
from kubectl_skoop.model.packet import Address
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.iptables.save import SavedTable

SERVICES, NODE_PORTS = "KUBE-SERVICES", "KUBE-NODEPORTS"
LONG = 32
"""Rules; above it a chain is indexed."""
MAX_DEPTH = 16
"""kube-proxy's chains are five deep."""
MAX_LEAVES = 20_000
"""Ways of one connection: a service may have as many backends."""

_RULE = re.compile(r"^(?:\[\d+:\d+\] )?(-A (\S+).*)$", re.MULTILINE)


class Leaf(NamedTuple):
    """One way that a connection can go."""

    share: float
    target: Target | None
    """None: it is not translated."""
    marking: tuple[str, ...]
    """Sources that are masqueraded, as options of `-s`; empty text: all."""
    rules: tuple[str, ...]
    unread: bool = False
    """The last of the rules may decide, but is not understood."""

    def masquerades(self, source: Address) -> bool:
        return any(covers(wanted, source) for wanted in self.marking)


class _State(NamedTuple):
    """What is still on its way."""

    share: float
    marking: tuple[str, ...]
    rules: tuple[str, ...]


class _Index(NamedTuple):
    """Positions of a chain's rules by what they ask for first."""

    by_address: Mapping[str, list[int]]
    by_port: Mapping[int, list[int]]
    others: list[int]


class RuleTable:
    """The rules of one table by chain; the text is gone through once."""

    def __init__(self, text: str) -> None:
        self._lines: dict[str, list[str]] = {}
        for line, chain in _RULE.findall(text):
            self._lines.setdefault(chain, []).append(line)
        self._rules: dict[str, list[ProxyRule]] = {}
        self._indexes: dict[str, _Index] = {}

    def __contains__(self, chain: str) -> bool:
        """It has rules."""
        return chain in self._lines

    def lines(self, chain: str) -> Sequence[str]:
        return self._lines.get(chain, ())

    def rules(self, chain: str) -> Sequence[ProxyRule]:
        rules = self._rules.get(chain)
        if rules is None:
            rules = self._rules[chain] = [read_rule(line) for line in self.lines(chain)]
        return rules

    def rules_for(self, chain: str, door: Door) -> Iterable[ProxyRule]:
        """Those that may fit, in their order."""
        rules = self.rules(chain)
        if len(rules) <= LONG:
            return rules
        index = self._indexes.get(chain)
        if index is None:
            index = self._indexes[chain] = _index(rules)
        named = index.by_address.get(f"{door.address}/{door.address.max_prefixlen}", [])
        ports = index.by_port.get(door.port, [])
        return (rules[position] for position in sorted([*index.others, *named, *ports]))

    def leads(self, chain: str, to: str) -> bool:
        """A rule of the chain jumps there."""
        return any(f" -j {to}" in line for line in self.lines(chain))


class ProxyRules:
    """Of one node and family: the table nat, and the table filter where connections are refused."""

    def __init__(self, nat: str, filtered: str) -> None:
        self.nat = RuleTable(nat)
        self._filter_text = filtered

    @cached_property
    def filter(self) -> RuleTable:
        return RuleTable(self._filter_text)

    def follow(self, door: Door, source: Address) -> list[Leaf]:
        """Every way of a new connection; the shares add up to 1."""
        walk = _Walk(self.nat, door, source)
        untranslated = walk.run(SERVICES, _State(1.0, (), ()))
        return [*walk.leaves, *(_leaf(state, None) for state in untranslated)]

    def refuses(self, door: Door) -> bool:
        """A rule that forwarded packets meet rejects it, or drops it for want of a local endpoint."""
        chains = (SERVICES, "KUBE-EXTERNAL-SERVICES")
        return any(
            rule.target in ("REJECT", "DROP") and _fits(rule, door)
            for chain in chains
            if self.filter.leads("FORWARD", chain)
            for rule in self.filter.rules_for(chain, door)
        )


@dataclass(slots=True)
class _Walk:
    """One connection through the chains of the table nat."""

    nat: RuleTable
    door: Door
    source: Address
    leaves: list[Leaf] = field(default_factory=list)

    def run(self, chain: str, start: _State, depth: int = 0) -> list[_State]:
        """The states that come out of the chain; what ends within it is added to the leaves."""
        going, returned = [start], list[_State]()
        for rule in self.nat.rules_for(chain, self.door) if depth < MAX_DEPTH else ():
            if rule.never or not _fits(rule, self.door):
                continue
            if rule.target == MARK_MASQ:
                going = [_marked(state, rule) for state in going]
                continue
            if not covers(rule.source, self.source):
                continue
            if rule.unread:
                self.leaves += [_leaf(state, None, rule.text, unread=True) for state in going]
                return returned
            taken = [_passed(state, rule.probability, rule.text) for state in going]
            going = [_passed(state, 1 - rule.probability) for state in going] if rule.probability < 1 else []
            match rule.target:
                case "DNAT" | "ACCEPT" | "DROP" | "REJECT":
                    self.leaves += [_leaf(state, rule.dnat) for state in taken]
                case "RETURN":
                    returned += taken
                case "" | "MARK":
                    going += taken
                case target:
                    going += [out for state in taken for out in self.run(target, state, depth + 1)]
            if not going or len(self.leaves) > MAX_LEAVES:
                break
        return returned + going


def proxy_rules(ns: NetworkNamespace, family: int) -> ProxyRules | None:
    """Of the back end with more service rules, should both have some; None: neither has any."""
    tables: dict[tuple[str, str], str] = {}
    for base in ns.netfilter.base_chains:
        if isinstance(base.table, SavedTable) and base.table.family == family:
            tables[base.engine, base.table.name] = base.table.text
    engines = [engine for engine, name in tables if name == "nat"]
    found = [ProxyRules(tables[engine, "nat"], tables.get((engine, "filter"), "")) for engine in engines]
    best = max(found, key=lambda rules: len(rules.nat.lines(SERVICES)), default=None)
    return best if best is not None and SERVICES in best.nat else None


def _marked(state: _State, rule: ProxyRule) -> _State:
    if rule.unread:
        return state._replace(rules=(*state.rules, rule.text))
    return state._replace(marking=(*state.marking, rule.source), rules=(*state.rules, rule.text))


def _passed(state: _State, probability: float, *rules: str) -> _State:
    return _State(state.share * probability, state.marking, (*state.rules, *rules))


def _leaf(state: _State, target: Target | None, *rules: str, unread: bool = False) -> Leaf:
    return Leaf(state.share, target, state.marking, (*state.rules, *rules), unread)


def _fits(rule: ProxyRule, door: Door) -> bool:
    return (
        (not rule.port or rule.port == door.port)
        and (not rule.protocol or rule.protocol == door.protocol)
        and (not rule.to_local or door.kind == "node-port")
        and covers(rule.destination, door.address)
    )


def _index(rules: Sequence[ProxyRule]) -> _Index:
    by_address: dict[str, list[int]] = {}
    by_port: dict[int, list[int]] = {}
    others: list[int] = []
    for position, rule in enumerate(rules):
        if rule.destination.endswith(("/32", "/128")):
            by_address.setdefault(rule.destination, []).append(position)
        elif rule.port:
            by_port.setdefault(rule.port, []).append(position)
        else:
            others.append(position)
    return _Index(by_address, by_port, others)

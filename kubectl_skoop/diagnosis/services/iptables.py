"""What the rules that kube-proxy wrote on a node in iptables mode do with a new connection to a service."""

import re
from collections.abc import Container, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple

from kubectl_skoop.cluster.addresses import parse_address
from kubectl_skoop.diagnosis.services.dispatch import Asked, Dispatch, candidates, differing, dispatch
from kubectl_skoop.diagnosis.services.door import Door
from kubectl_skoop.diagnosis.services.habits import KubeProxy
from kubectl_skoop.diagnosis.services.iptables_rule import KEPT, MARK_MASQ, READ, IptablesRule, read_rule
from kubectl_skoop.diagnosis.services.rules import SHOWN, Entry, Kind, Proxy, restart
from kubectl_skoop.diagnosis.services.sources import covers
from kubectl_skoop.diagnosis.services.walk import Chains, Leaf, walk
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.netfilter.iptables.save import SavedTable, without_counters

SERVICES, NODE_PORTS, POSTROUTING = "KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING"
FIREWALL = "KUBE-PROXY-FIREWALL"
TELLING = frozenset((SERVICES, NODE_PORTS, "KUBE-EXTERNAL-SERVICES", FIREWALL))
"""Chains that tell services apart, in an order of each node's own."""
Part = tuple[str, str, Asked]
"""Of a node's rules: table, chain, and of one in `TELLING` the rules that ask for this."""

_SET_MARK = re.compile(r" -j MARK --set-xmark (0x[0-9a-f]+)(?:/|$)")
_ASKED_MARK = re.compile(r" -m mark (?:! )?--mark (0x[0-9a-f]+)(?:/(0x[0-9a-f]+))? ")
_NAMED = re.compile(r'--comment "?([a-z0-9.-]+/[a-z0-9.-]+)[:" ]')


Told = tuple[tuple[str, tuple[str, ...]], ...]
"""Chains by name, with their rules: what a rule does with a new connection is in its text."""


class _Fitting(NamedTuple):
    """Of a chain, what matters to a door."""

    lines: tuple[str, ...]
    leads: tuple[str, ...]
    """To these chains."""


def _read(lines: Iterable[str]) -> _Fitting:
    rules = [*map(read_rule, lines)]
    return _Fitting(tuple(rule.text for rule in rules), tuple(rule.leads for rule in rules if rule.leads))


@lru_cache(maxsize=READ)
def _whole(saved: str) -> _Fitting:
    return _read(map(without_counters, saved.split("\n")[:-1]))


class RuleTable:
    """The rules of one table by chain, read when they are asked for."""

    def __init__(self, table: SavedTable | None) -> None:
        self._table = table or SavedTable("", 0, native=False, text="")
        self._rules: dict[str, Sequence[IptablesRule]] = {}
        """Of whole chains."""
        self._dispatches: dict[str, Dispatch] = {}

    def __contains__(self, chain: str) -> bool:
        """It has rules."""
        return bool(self._table.saved_chain(chain).lines)

    def lines(self, chain: str) -> Sequence[str]:
        return self._table.saved_chain(chain).rule_texts

    def rules(self, chain: str) -> Sequence[IptablesRule]:
        found = self._rules.get(chain)
        if found is None:
            found = self._rules[chain] = [read_rule(line) for line in self.lines(chain)]
        return found

    def steps(self, chain: str, door: Door) -> Iterable[IptablesRule]:
        return [rule for rule in self._candidates(chain, door) if fits(rule, door)]

    def _candidates(self, chain: str, door: Door) -> Iterable[IptablesRule]:
        """Of a chain that tells services apart only the few rules that may be for this one are read."""
        if chain not in TELLING:
            return self.rules(chain)
        saved = self._table.saved_chain(chain)
        places = saved.places(door.address, door.port)
        return [read_rule(without_counters(saved.lines[place])) for place in places]

    def told(self, chain: str, door: Door) -> Told:
        """All that a walk to a door may meet, whoever sends."""
        part = self._fitting(chain, door)
        found, rest = {chain: part.lines}, [*part.leads]
        while rest:
            name = rest.pop()
            if name not in found:
                part = self._fitting(name, door)
                found[name] = part.lines
                rest += part.leads
        return tuple(found.items())

    def parts(self, chain: str, door: Door) -> Iterator[tuple[str, Asked]]:
        """Chains that `told` has, and of those that tell services apart which rules."""
        for name, _ in self.told(chain, door):
            yield name, None
            if name in TELLING:
                yield name, door.address.packed
                yield name, door.port

    def differences(self, other: "RuleTable") -> Iterator[tuple[str, Asked]]:
        """Parts that another table has otherwise; neither has counters."""
        own, others = self._table.blocks, other._table.blocks
        for chain in own.keys() | others.keys():
            if own.get(chain) == others.get(chain):
                continue
            if chain in TELLING:
                asked = differing(self._dispatch(chain), other._dispatch(chain))
                yield from ((chain, one) for one in asked)
            else:
                yield chain, None

    def _dispatch(self, chain: str) -> Dispatch:
        if chain not in self._dispatches:
            self._dispatches[chain] = dispatch(self.lines(chain), self._table.family)
        return self._dispatches[chain]

    def _fitting(self, chain: str, door: Door) -> _Fitting:
        if chain not in TELLING:
            return _whole(self._table.saved_text(chain))
        lines = candidates(self._dispatch(chain), door.address.packed, door.port)
        return _read(line for line in lines if fits(read_rule(line), door))

    def leads(self, chain: str, to: str) -> bool:
        """A rule of the chain jumps there."""
        return any(f" -j {to}" in line for line in self.lines(chain))


class IptablesRules:
    """Of one node and family: the table nat, and the table filter where connections are refused."""

    mode: Kind = "iptables"
    proxy: Proxy = "kube-proxy"
    dispatch = f"table nat, {SERVICES}"

    def __init__(self, nat: SavedTable | None, filtered: SavedTable | None, back_end: str = "") -> None:
        self.nat = RuleTable(nat)
        self.filter = RuleTable(filtered)
        self.back_end = back_end

    @cached_property
    def habits(self) -> KubeProxy:
        """It drops from 1.25 on, as is the chain (iptables/proxier.go)."""
        return KubeProxy(drops_without_local=self.filter.leads("FORWARD", FIREWALL))

    @cached_property
    def _refusing(self) -> Mapping[str, Sequence[str]]:
        return {hook: tuple(jumps(self.filter, hook)) for hook in ("INPUT", "FORWARD")}

    @property
    def size(self) -> int:
        return len(self.nat.lines(SERVICES))

    @property
    def title(self) -> str:
        return f"those of iptables mode ({self.back_end})"

    def parts(self, door: Door) -> Iterator[Part]:
        """Those that `told` is made of."""
        yield from (("nat", *part) for part in self.nat.parts(SERVICES, door))
        for chain in self._refusing[_hook(door)]:
            yield from (("filter", *part) for part in self.filter.parts(chain, door))

    def differences(self, other: "IptablesRules") -> Iterable[Part] | None:
        """Parts that another node's rules have otherwise; None: every answer may be another.

        For rules without counters.
        """
        if (self.habits, self._refusing) != (other.habits, other._refusing):
            return None
        return (
            *(("nat", *part) for part in self.nat.differences(other.nat)),
            *(("filter", *part) for part in self.filter.differences(other.filter)),
        )

    def told(self, door: Door) -> Hashable:
        refusing = (self.filter.told(chain, door) for chain in self._refusing[_hook(door)])
        return self.habits, self.nat.told(SERVICES, door), tuple(refusing)

    def follow(self, door: Door, source: Address) -> Sequence[Leaf]:
        return walk(self.nat, SERVICES, door, source)

    def bars(self, door: Door, source: Address) -> bool:
        """Addresses are translated first."""
        return False

    def refuses(self, door: Door, source: Address) -> bool:
        """What node ports get is for the node itself, other addresses are forwarded: nobody has them.

        Up to 1.24 a connection is marked in the table nat, and dropped for its mark later.
        """
        if any(refused(self.filter, chain, door, source) for chain in self._refusing[_hook(door)]):
            return True
        return all(leaf.refused for leaf in self.follow(door, source))

    def scheduler(self, door: Door) -> str:
        return ""

    def node_ports(self, own: Iterable[Address]) -> Sequence[Address]:
        """Only those that `nodePortAddresses` leaves (utils.NodePortAddresses)."""
        jumps = [read_rule(line) for line in self.nat.lines(SERVICES) if f" -j {NODE_PORTS}" in line]
        return [one for one in own if any(covers(rule.destination, one) for rule in jumps)]

    def shared_faults(self, place: Place) -> Iterator[Suspicion]:
        yield from unreached(self.nat, place)
        yield from unmasqueraded(self.nat, place)

    def entries(self, known: Container[str] = ()) -> Iterator[Entry]:
        for chain in (SERVICES, NODE_PORTS):
            for text in self.nat.lines(chain):
                entry = _entry(chain, text) if text not in known else None
                if entry is not None:
                    yield entry


@lru_cache(maxsize=KEPT)
def _entry(chain: str, text: str) -> Entry | None:
    """What the rule is for; None: for no single address and port."""
    rule = read_rule(text)
    address = parse_address(rule.destination.partition("/")[0])
    if not rule.port or rule.target == MARK_MASQ or (address is None and chain != NODE_PORTS):
        return None
    named = _NAMED.search(rule.text)
    at = address if chain == SERVICES else None
    return Entry(at, rule.port, rule.protocol, named[1] if named else "", rule.text)


def _hook(door: Door) -> str:
    """What node ports get is for the node itself, other addresses are forwarded."""
    return "INPUT" if door.kind == "node-port" else "FORWARD"


def fits(rule: IptablesRule, door: Door) -> bool:
    return (
        (not rule.port or rule.port == door.port)
        and (not rule.protocol or rule.protocol == door.protocol)
        and (not rule.to_local or door.kind == "node-port")
        and (not rule.destination or covers(rule.destination, door.address))
    )


def unreached(nat: RuleTable, place: Place) -> Iterator[Suspicion]:
    """The rules are there, but packets do not get to them."""
    for chain, who in (("PREROUTING", "pods and the outside"), ("OUTPUT", "the node itself")):
        if not nat.leads(chain, SERVICES):
            yield Suspicion(
                code="service.no-rules",
                level=Level.CRITICAL,
                where=Where(place=place, table="nat", chain=chain),
                message=f"{chain} does not lead to {SERVICES}: no service works for {who}",
                evidence=(f"table nat, {chain}: no rule with -j {SERVICES}",),
                remedy=restart(),
            )


def unmasqueraded(nat: RuleTable, place: Place) -> Iterator[Suspicion]:
    """The mark, and the translation of what has it."""
    lacks = [
        (f"{MARK_MASQ} does not set the mark", MARK_MASQ, "MARK"),
        (f"POSTROUTING does not lead to {POSTROUTING}", "POSTROUTING", POSTROUTING),
        (f"{POSTROUTING} does not masquerade what is marked", POSTROUTING, "MASQUERADE"),
    ]
    problems = [(problem, chain) for problem, chain, target in lacks if not nat.leads(chain, target)]
    if not problems and (other := _other_mark(nat)):
        problems = [(other, POSTROUTING)]
    for problem, chain in problems:
        yield Suspicion(
            code="service.missing-masquerade",
            level=Level.CRITICAL,
            where=Where(place=place, table="nat", chain=chain),
            message=f"{problem}: answers to masqueraded connections of services go astray",
            evidence=tuple(nat.lines(chain)[:SHOWN]) or (f"{chain}: no rule",),
            remedy=restart(),
        )


def _other_mark(nat: RuleTable) -> str:
    """What is marked is not what is asked for; empty: it is."""
    marked = [found for line in nat.lines(MARK_MASQ) if (found := _SET_MARK.search(line))]
    asked = [found for line in nat.lines(POSTROUTING) if (found := _ASKED_MARK.search(line))]
    if not marked or not asked:
        return ""
    mark, wanted = int(marked[0][1], 16), int(asked[0][1], 16)
    mask = int(asked[0][2], 16) if asked[0][2] else 0xFFFFFFFF
    if mark & mask == wanted:
        return ""
    return f"{POSTROUTING} asks for the mark {wanted:#x}, but {MARK_MASQ} sets {mark:#x}"


def refused(chains: Chains, chain: str, door: Door, source: Address) -> bool:
    return any(leaf.refused for leaf in walk(chains, chain, door, source))


def jumps(table: RuleTable, hook: str) -> Iterator[str]:
    """kube-proxy's chains that new connections meet at the hook; what others wrote there is left out."""
    for line in table.lines(hook):
        if " -j KUBE-" in line:
            rule = read_rule(line)
            if not rule.never and not rule.unread:
                yield rule.target

"""What a node's chains of Felix make of all new connections to or from a pod at once.

The connections are sets: of peers on stretches of ports, by the mark that they bear. Each rule takes those
that it matches out of the set, as the kernel does with one packet.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from kubectl_skoop.cluster.addresses import parse_address
from kubectl_skoop.cluster.policy.address import address_at, block
from kubectl_skoop.cluster.policy.interval import Intervals, contains, subtract, union
from kubectl_skoop.cluster.policy.port import NUMBERS, port_at
from kubectl_skoop.cluster.policy.rule import Direction
from kubectl_skoop.cluster.policy.universe import NOBODY, PeerSet, Universe
from kubectl_skoop.diagnosis.policies.calico.rule import FelixRule, Held, read_rule
from kubectl_skoop.diagnosis.services.iptables import RuleTable
from kubectl_skoop.netstack.ipset import IpSet

PREFIXES: Mapping[Direction, str] = {"ingress": "cali-tw-", "egress": "cali-fw-"}
"""Of the chains of a workload (felix/rules/rule_defs.go)."""
_DEEPEST = 8
"""Chains in each other; Felix makes three."""
_MOST = 3_000_000
"""Rules that are asked on one node and family, for all of its pods and ports: some seconds."""
_ENDS = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "drop", "RETURN": "return", "MARK": "mark"}
Flows = dict[int, PeerSet]
"""By mark."""


class NotRead(ValueError):
    """A rule, a set or a chain that is not understood, with its text."""


@dataclass(slots=True)
class Rules:
    """The filter table and the sets of one node and family."""

    table: RuleTable
    sets: Mapping[str, IpSet]
    universe: Universe
    _blocks: dict[str, Intervals] = field(default_factory=dict)
    _named: dict[str, Mapping[int, PeerSet]] = field(default_factory=dict)
    _peers: dict[Held, PeerSet] = field(default_factory=dict)
    _asked: int = 0

    def ask(self, chain: str) -> Sequence[FelixRule]:
        """The rules of a chain that is gone through. Raises: NotRead."""
        rules = self.of(chain)
        self._asked += len(rules)
        if self._asked > _MOST:
            raise NotRead(f"more than {_MOST:,} rules are asked on the node")
        return rules

    def edges(self, chain: str) -> Iterator[Intervals]:
        """The ports that the chain, and those behind it, tell apart. Raises: NotRead."""
        seen, rest = {chain}, [chain]
        while rest:
            for rule in self.of(rest.pop()):
                yield rule.ports
                if rule.named:
                    yield from (((at, at),) for at in self._with_ports(rule.named))
                if self._is_chain(rule) and rule.target not in seen:
                    seen.add(rule.target)
                    rest.append(rule.target)

    def of(self, chain: str) -> Sequence[FelixRule]:
        """Raises: NotRead."""
        rules = [read_rule(line) for line in self.table.lines(chain)]
        broken = next((rule for rule in rules if rule.unread), None)
        if broken is not None:
            raise NotRead(broken.text)
        return rules

    def let_through(self, chain: str, direction: Direction, own: int, port: int, peers: PeerSet) -> PeerSet:
        """Of the peers, those whose connection on a port the chain accepts. `own`: the pod's address.

        Raises: NotRead.
        """
        walk = _Walk(self, direction, own, port)
        accepted = walk.through(chain, {0: peers}, 0)
        return _all(accepted) | walk.accepted

    def peers(self, held: Held) -> PeerSet:
        found = self._peers.get(held)
        if found is None:
            inside = self._block(held)
            found = PeerSet(self.universe.in_block(inside), inside)
            self._peers[held] = found = self.universe.everybody - found if held.negated else found
        return found

    def holds(self, held: Held, own: int) -> bool:
        return contains(self._block(held), own) != held.negated

    def at_port(self, name: str, port: int) -> PeerSet:
        """Whoever is in a set of addresses with ports, there."""
        return self._with_ports(name).get(port, NOBODY)

    def _block(self, held: Held) -> Intervals:
        if not held.name:
            return held.block
        found = self._blocks.get(held.name)
        if found is None:
            inside: list[tuple[int, int]] = []
            outside: list[tuple[int, int]] = []
            for entry in self._entries(held.name):
                try:
                    network, is_excepted = _network(entry)
                except ValueError as error:
                    raise NotRead(f"ipset {held.name}: {entry}") from error
                (outside if is_excepted else inside).extend(network)
            found = self._blocks[held.name] = subtract(union(inside), union(outside))
        return found

    def _with_ports(self, name: str) -> Mapping[int, PeerSet]:
        found = self._named.get(name)
        if found is None:
            at: dict[int, list[tuple[int, int]]] = {}
            for entry in self._entries(name):
                written, _, port = entry.partition(" ")[0].partition(",")
                address, (protocol, _, number) = parse_address(written), port.partition(":")
                if address is None or protocol.upper() not in NUMBERS or not number.isdecimal():
                    raise NotRead(f"ipset {name}: {entry}")
                place = address_at(address)
                at.setdefault(port_at(NUMBERS[protocol.upper()], int(number)), []).append((place, place))
            blocks = {port: union(members) for port, members in at.items()}
            found = {port: PeerSet(self.universe.in_block(one), one) for port, one in blocks.items()}
            self._named[name] = found
        return found

    def _entries(self, name: str) -> Sequence[str]:
        known = self.sets.get(name)
        if known is None:
            raise NotRead(f"ipset {name}: there is none")
        return known.entries

    def _is_chain(self, rule: FelixRule) -> bool:
        return not rule.passed_by and rule.target not in _ENDS


@dataclass(slots=True)
class _Walk:
    """Of the connections on one port."""

    rules: Rules
    direction: Direction
    own: int
    port: int
    accepted: PeerSet = NOBODY

    def through(self, chain: str, flows: Flows, depth: int) -> Flows:
        """What comes out at the chain's end, or by RETURN."""
        if depth > _DEEPEST:
            raise NotRead(f"{chain}: chains are nested too deep")
        left, returned = dict(flows), Flows()
        for rule in self.rules.ask(chain):
            if not left:
                break
            if rule.never or rule.passed_by or rule.of_felix or not contains(rule.ports, self.port):
                continue
            peers = self._peers(rule)
            taken = {
                mark: both
                for mark, known in left.items()
                if all(one.fits(mark) for one in rule.marks) and (both := known & peers)
            }
            if not taken:
                continue
            for mark, both in taken.items():
                left[mark] = left[mark] - both
            self._decide(rule, taken, left, returned, depth)
            left = {mark: known for mark, known in left.items() if known}
        _add(returned, left)
        return returned

    def _decide(self, rule: FelixRule, taken: Flows, left: Flows, returned: Flows, depth: int) -> None:
        match _ENDS.get(rule.target):
            case "accept":
                self.accepted = self.accepted | _all(taken)
            case "drop":
                pass
            case "return":
                _add(returned, taken)
            case "mark":
                value, mask = rule.mark
                for mark, both in taken.items():
                    _add(left, {mark & ~mask ^ value: both})
            case _:
                back = self.through(rule.target, taken, depth + 1)
                _add(returned if rule.returns else left, back)

    def _peers(self, rule: FelixRule) -> PeerSet:
        """The peers whose connection the rule matches, but for its mark."""
        found = self.rules.universe.everybody
        for held in rule.held:
            if (held.end == "src") == (self.direction == "ingress"):
                found = found & self.rules.peers(held)
            elif not self.rules.holds(held, self.own):
                return NOBODY
        if rule.named:
            there = self.rules.at_port(rule.named, self.port)
            if self.direction == "egress":
                return found & there
            if not contains(there.outside, self.own):
                return NOBODY
        return found


@lru_cache(maxsize=1 << 18)
def _network(entry: str) -> tuple[Intervals, bool]:
    """A member of a set, and whether it is excepted. Sets, and nodes, have the same members."""
    network, *options = entry.split()
    return block(network), "nomatch" in options


def _add(flows: Flows, more: Mapping[int, PeerSet]) -> None:
    for mark, peers in more.items():
        flows[mark] = flows.get(mark, NOBODY) | peers


def _all(flows: Flows) -> PeerSet:
    found = NOBODY
    for peers in flows.values():
        found = found | peers
    return found

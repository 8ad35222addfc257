"""What kube-router should make of NetworkPolicies: chains, sets and ports, by its names.

Its names: pkg/controllers/netpol, policy.go and pod.go.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.connectivity import parties
from kubectl_skoop.cluster.policy.evaluate import PolicySet
from kubectl_skoop.cluster.policy.kube_router import (
    FAMILIES,
    NAMED_PORTS,
    PREFIXES,
    Family,
    named_ports,
    own_set,
    peer_set,
)
from kubectl_skoop.cluster.policy.party import Class, classes
from kubectl_skoop.cluster.policy.rule import Direction, Policy, Rule
from kubectl_skoop.cluster.policy.term import EVERYBODY, InBlock, Some, Term, select
from kubectl_skoop.cluster.policy.universe import Universe, positions_of
from kubectl_skoop.cluster.raw import Object, dig, items, ref_of
from kubectl_skoop.diagnosis.policies.kube_router.spec import blocks, ports

KIND = "NetworkPolicy"


class MemberSet(NamedTuple):
    """A set of kube-router's, and the pods that it should have."""

    name: str
    where: str
    classes: int
    """Of `Meaning`, as bits."""


class BlockSet(NamedTuple):
    """A set for the ipBlocks of a rule."""

    name: str
    where: str
    members: frozenset[str]
    """Networks; `nomatch` behind those that are excepted."""


class Opened(NamedTuple):
    """What the policy's chain should let through of some peers."""

    direction: Direction
    peers: str
    """The set that they are in; empty: everybody."""
    where: str
    ports: frozenset[str]
    """`tcp 80`, `udp 81:90`, `tcp`; empty text: all."""


class Named(NamedTuple):
    """Pods at which a name of a port stands for a number, and who may ask them there."""

    direction: Direction
    peers: str
    """Ingress: the set that the senders are in; empty: everybody. Of egress the pods are the peers."""
    where: str
    port: str
    """As in `Opened`."""
    classes: int
    """Of `Meaning`, as bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One NetworkPolicy, as the rules of a node should have it."""

    key: str
    name: str
    targets: Mapping[Direction, MemberSet]
    """The pods that it selects."""
    peers: tuple[MemberSet, ...]
    """The selectors of each rule."""
    blocks: tuple[BlockSet, ...]
    opened: tuple[Opened, ...]
    named: tuple[Named, ...]
    named_sets: Mapping[str, Direction]
    """Sets for names of ports that its rules may have: numbered, in an order that no object tells."""
    unread: frozenset[tuple[Direction, str]]
    """Directions and sets of peers of rules that cannot be read."""


@dataclass(slots=True)
class Meaning:
    """All that is compared, of one family."""

    family: Family
    classes: Sequence[Class]
    addresses: dict[str, str] = field(default_factory=dict)
    """Of pods with a network of their own, by key; those that are about to go may be gone meanwhile."""
    known: set[str] = field(default_factory=set)
    """These addresses."""
    on_node: dict[str, list[str]] = field(default_factory=dict)
    """Keys of these pods."""
    selecting: dict[str, list[Wanted]] = field(default_factory=dict)
    """The policies that select a pod, by its key."""
    doubted: set[str] = field(default_factory=set)
    """Keys of pods of which nobody can tell by which policies they are selected."""
    _members: dict[int, frozenset[str]] = field(default_factory=dict)

    def pods(self, classes: int) -> Iterator[str]:
        return (name for at in positions_of(classes) for name in self.classes[at].members)

    def members(self, classes: int) -> frozenset[str]:
        """Their addresses."""
        found = self._members.get(classes)
        if found is None:
            own = (self.addresses[key] for key in self.pods(classes) if key in self.addresses)
            found = self._members[classes] = frozenset(own)
        return found


def meaning(cluster: Cluster, policies: PolicySet) -> tuple[Meaning, ...]:
    """For each family in which a pod has an address."""
    found_classes = classes(parties(cluster), policies.policies)
    universe = Universe([one.party for one in found_classes])
    written = {(ref_of(item).namespace, ref_of(item).name): item for item in cluster.objects(KIND)}
    made = (_of_family(family, cluster, policies, found_classes, universe, written) for family in FAMILIES)
    return tuple(one for one in made if one.addresses)


def _of_family(
    family: Family,
    cluster: Cluster,
    policies: PolicySet,
    found_classes: Sequence[Class],
    universe: Universe,
    written: Mapping[tuple[str, str], Object],
) -> Meaning:
    found = Meaning(family, found_classes)
    for pod in cluster.pods():
        address = next((one for one in pod.addresses if one.version == family), None)
        if address is not None and not (pod.host_network or pod.finished or pod.deleted):
            found.addresses[pod.key] = str(address)
            found.known.add(str(address))
            found.on_node.setdefault(pod.node, []).append(pod.key)
    for policy in policies.policies:
        item = written.get((policy.namespace, policy.name))
        if policy.kind == KIND and item is not None:
            picked = select(policy.subject, universe)
            wanted = _Names(policy, family, universe).wanted(item, picked.yes.bits)
            for key in found.pods(picked.yes.bits):
                found.selecting.setdefault(key, []).append(wanted)
            found.doubted.update(found.pods(picked.maybe.bits))
    return found


@dataclass(frozen=True, slots=True)
class _Names:
    """What one policy is called in one family."""

    policy: Policy
    family: Family
    universe: Universe

    def wanted(self, item: Object, selected: int) -> Wanted:
        made = _Made()
        for direction, at, rule in self._rules():
            if rule.named:
                made.named_sets |= {self._peers(direction, at, what): direction for what in named_ports()}
            if self._is_readable(rule):
                self._add(made, direction, at, rule, items(dig(item, "spec"), direction)[at], selected)
            else:
                made.unread |= {(direction, name) for name in self._possible(direction, at)}
        return Wanted(
            key=self.policy.key,
            name=self.policy.name,
            targets=self._targets(selected),
            peers=tuple(made.peers),
            blocks=tuple(made.blocks),
            opened=tuple(made.opened.values()),
            named=tuple(made.named),
            named_sets=made.named_sets,
            unread=frozenset(made.unread),
        )

    def _add(
        self, made: "_Made", direction: Direction, at: int, rule: Rule, entry: object, selected: int
    ) -> None:
        where = f"spec.{direction}[{at}]"
        pods = self._pods(direction, at, rule, where)
        members = blocks(entry, direction, self.family)
        names = [pods.name] if pods is not None and pods.classes else []
        made.peers += [pods] if pods is not None else []
        if members:
            made.blocks.append(BlockSet(self._peers(direction, at, "ipblock"), where, members))
            names.append(made.blocks[-1].name)
        everybody, numbers = rule.peers == EVERYBODY, ports(entry)
        if direction == "egress" and everybody:
            numbers |= self._serving(rule, self._own_pods()).keys()
        peers = [""] if everybody else names
        for name in peers if numbers else ():
            made.open(Opened(direction, name, where, numbers))
        if direction == "ingress":
            serving = self._serving(rule, selected)
            made.named += [
                Named(direction, name, where, port, bits) for name in peers for port, bits in serving.items()
            ]
        elif pods is not None:
            serving = self._serving(rule, pods.classes)
            made.named += [Named(direction, "", where, port, bits) for port, bits in serving.items()]

    def _serving(self, rule: Rule, among: int) -> dict[str, int]:
        """Classes, as bits, by the number that one of the rule's names has there (grabNamedPortFromPod)."""
        found: dict[str, int] = {}
        for port in rule.named:
            for number, bits in self.universe.serving(port.name, port.protocol).items():
                if bits & among:
                    written = f"{port.protocol.lower()} {number}"
                    found[written] = found.get(written, 0) | bits & among
        return found

    def _own_pods(self) -> int:
        """Where names are looked up for a rule without `to`: it is meant for every address then."""
        own = (
            party.kind == "pod" and party.namespace == self.policy.namespace
            for party in self.universe.parties
        )
        return sum(1 << at for at, is_own in enumerate(own) if is_own)

    def _rules(self) -> Iterator[tuple[Direction, int, Rule]]:
        for direction in PREFIXES:
            rules = self.policy.rules(direction)
            for at, rule in enumerate(rules.rules if rules and not rules.doubt else ()):
                yield direction, at, rule

    def _possible(self, direction: Direction, at: int) -> tuple[str, ...]:
        """Sets that a rule may have in the chain."""
        of_rule = (self._peers(direction, at, what) for what in ("pod", "ipblock", *named_ports()))
        return "", *of_rule

    def _targets(self, selected: int) -> Mapping[Direction, MemberSet]:
        return {
            direction: MemberSet(
                own_set(self.policy.namespace, self.policy.name, direction, self.family),
                "spec.podSelector",
                selected,
            )
            for direction in PREFIXES
            if self.policy.rules(direction) is not None
        }

    def _pods(self, direction: Direction, at: int, rule: Rule, where: str) -> MemberSet | None:
        """None: the rule has no selectors."""
        selectors = _selectors(rule)
        if not selectors:
            return None
        return MemberSet(
            self._peers(direction, at, "pod"), where, select(Some(selectors), self.universe).yes.bits
        )

    def _is_readable(self, rule: Rule) -> bool:
        """And everybody can tell whom its selectors mean, and for how many numbers its names stand."""
        if rule.doubt or not (rule.peers == EVERYBODY or isinstance(rule.peers, Some)):
            return False
        numbers = sum(len(self.universe.serving(port.name, port.protocol)) for port in rule.named)
        return numbers <= NAMED_PORTS and not select(Some(_selectors(rule)), self.universe).maybe.bits

    def _peers(self, direction: Direction, at: int, what: str) -> str:
        return peer_set(self.policy.namespace, self.policy.name, direction, at, self.family, what)


def _selectors(rule: Rule) -> tuple[Term, ...]:
    terms = rule.peers.terms if isinstance(rule.peers, Some) else ()
    return tuple(term for term in terms if not isinstance(term, InBlock))


@dataclass(slots=True)
class _Made:
    """Of the rules that were read so far; fields as in `Wanted`."""

    peers: list[MemberSet] = field(default_factory=list)
    blocks: list[BlockSet] = field(default_factory=list)
    opened: dict[tuple[Direction, str], Opened] = field(default_factory=dict)
    named: list[Named] = field(default_factory=list)
    named_sets: dict[str, Direction] = field(default_factory=dict)
    unread: set[tuple[Direction, str]] = field(default_factory=set)

    def open(self, one: Opened) -> None:
        """Rules without a set of peers add up."""
        key = one.direction, one.peers
        before = self.opened.get(key)
        self.opened[key] = one if before is None else before._replace(ports=before.ports | one.ports)

"""The rules and sets that kube-router made of NetworkPolicies on a node, held against the policies.

Its names: pkg/controllers/netpol, policy.go and pod.go. IPv4 alone; ports and ipBlocks are not compared here.
"""

import re
from base64 import b32encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import NamedTuple

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.connectivity import parties
from kubectl_skoop.cluster.policy.evaluate import PolicySet
from kubectl_skoop.cluster.policy.party import Class, classes
from kubectl_skoop.cluster.policy.rule import Direction, Policy
from kubectl_skoop.cluster.policy.term import InBlock, Some, Term, select
from kubectl_skoop.cluster.policy.universe import Universe, positions_of
from kubectl_skoop.diagnosis.services.iptables import RuleTable
from kubectl_skoop.model.listed import listed
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.iptables.save import SavedTable

NAME, KIND = "kube-router", "NetworkPolicy"
FORWARD = "KUBE-ROUTER-FORWARD"
MAX_TOLD = 20
"""Findings of one code on one node."""
_FAMILY = "IPv4"
_OF_POD = re.compile(rf"-A {FORWARD} -([sd]) (\S+)/32 .*-j (KUBE-POD-FW-\S+)")
_RUNS = re.compile(r'--comment "run through nw policy (.+)" -j (KUBE-NWPLCY-\S+)')
_SETS: Mapping[Direction, tuple[str, str]] = {
    "ingress": ("KUBE-DST-", "KUBE-SRC-"),
    "egress": ("KUBE-SRC-", "KUBE-DST-"),
}
"""Prefixes of the set of the pods that a policy selects, and of the sets of its peers."""


class MemberSet(NamedTuple):
    """A set of kube-router's, and the pods that it should have."""

    name: str
    where: str
    classes: int
    """Of `Meaning`, as bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One NetworkPolicy, as the rules of a node should have it."""

    key: str
    name: str
    targets: tuple[MemberSet, ...]
    """The pods that it selects, for each direction."""
    peers: tuple[MemberSet, ...]
    """The selectors of each rule."""


@dataclass(slots=True)
class Meaning:
    """All that is compared."""

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


def meaning(cluster: Cluster, policies: PolicySet) -> Meaning:
    found = Meaning(classes(parties(cluster), policies.policies))
    for pod in cluster.pods():
        address = next((one for one in pod.addresses if one.version == 4), None)
        if address is not None and not (pod.host_network or pod.finished or pod.deleted):
            found.addresses[pod.key] = str(address)
            found.known.add(str(address))
            found.on_node.setdefault(pod.node, []).append(pod.key)
    universe = Universe([one.party for one in found.classes])
    for policy in policies.policies:
        if policy.kind == KIND:
            picked = select(policy.subject, universe)
            wanted = Wanted(
                key=policy.key,
                name=policy.name,
                targets=tuple(_targets(policy, picked.yes.bits)),
                peers=tuple(_peer_sets(policy, universe)),
            )
            for key in found.pods(picked.yes.bits):
                found.selecting.setdefault(key, []).append(wanted)
            found.doubted.update(found.pods(picked.maybe.bits))
    return found


def _targets(policy: Policy, selected: int) -> Iterator[MemberSet]:
    for direction, (prefix, _) in _SETS.items():
        if policy.rules(direction) is not None:
            yield MemberSet(f"{prefix}{_hash(policy, _FAMILY)}", "spec.podSelector", selected)


def _peer_sets(policy: Policy, universe: Universe) -> Iterator[MemberSet]:
    for direction, at, term in _peers(policy):
        chosen = select(term, universe)
        if not chosen.maybe.bits:
            name = f"{_SETS[direction][1]}{_hash(policy, f'{direction}rule{at}{_FAMILY}pod')}"
            yield MemberSet(name, f"spec.{direction}[{at}]", chosen.yes.bits)


def _peers(policy: Policy) -> Iterator[tuple[Direction, int, Term]]:
    """The selectors of each rule; one that nobody can read has none."""
    for direction in _SETS:
        rules = policy.rules(direction)
        for at, rule in enumerate(rules.rules if rules else ()):
            if isinstance(rule.peers, Some) and not rule.doubt:
                pods = tuple(term for term in rule.peers.terms if not isinstance(term, InBlock))
                if pods:
                    yield direction, at, Some(pods)


def _hash(policy: Policy, rest: str) -> str:
    digest = sha256(f"{policy.namespace}{policy.name}{rest}".encode()).digest()
    return b32encode(digest).decode()[:16]


def written(ns: NetworkNamespace) -> RuleTable | None:
    """The filter table that has kube-router's chains; None: none has."""
    for base in ns.netfilter.base_chains:
        table = base.table
        if isinstance(table, SavedTable) and (table.name, table.family) == ("filter", 4):
            rules = RuleTable(table)
            if rules.leads("FORWARD", FORWARD):
                return rules
    return None


def compare(ns: NetworkNamespace, wanted: Meaning) -> Iterator[Suspicion]:
    """One node, all of whose rules and sets were read. Of many findings of a code the first are told."""
    told: dict[str, list[Suspicion]] = {}
    for finding in _compare(ns, wanted):
        told.setdefault(finding.code, []).append(finding)
    for found in told.values():
        if (more := len(found) - MAX_TOLD) > 0:
            last = found[MAX_TOLD - 1]
            found[MAX_TOLD - 1] = replace(last, message=f"{last.message}; {more} more on {ns.place.name}")
        yield from found[:MAX_TOLD]


def _compare(ns: NetworkNamespace, wanted: Meaning) -> Iterator[Suspicion]:
    place = ns.place
    own = wanted.on_node.get(place.name, [])
    policies = {one.key: one for key in own for one in wanted.selecting.get(key, ())}
    rules = written(ns)
    if rules is None:
        if policies:
            selected = [key for key in own if key in wanted.selecting]
            yield _finding(
                "policy.not-enforced",
                Where(place=place, table="filter", chain="FORWARD"),
                f"no rule leads to {NAME}'s chains: policies have no effect on {_named(selected)}",
                f"table filter, FORWARD: no rule with -j {FORWARD}",
                level=Level.CRITICAL,
            )
        return
    differing = _Differing()
    yield from _pods(rules, place, own, wanted, differing)
    yield from _chains(place, differing)
    for key, policy in sorted(policies.items()):
        if key not in differing.lacking:
            yield from _sets(ns, policy, wanted)


@dataclass(slots=True)
class _Differing:
    """What the chains of a node's pods have else than they should: keys of policies → keys of pods."""

    lacking: dict[str, set[str]] = field(default_factory=dict)
    stale: dict[str, set[str]] = field(default_factory=dict)
    empty: dict[str, str] = field(default_factory=dict)
    """Keys of policies → their chains."""


def _pods(
    rules: RuleTable,
    place: Place,
    own: Iterable[str],
    wanted: Meaning,
    differing: _Differing,
) -> Iterator[Suspicion]:
    """That each pod has a chain; what is in it comes into `differing`."""
    chains: dict[tuple[str, str], str] = {}
    for line in rules.lines(FORWARD):
        if jump := _OF_POD.fullmatch(line):
            chains[jump[1], jump[2]] = jump[3]
    for key in own:
        address = wanted.addresses[key]
        meant = {policy.name: policy for policy in wanted.selecting.get(key, ())}
        chain = chains.get(("d", address))
        if chain is None or chain != chains.get(("s", address)):
            if meant:
                yield _finding(
                    "policy.not-enforced",
                    Where(place=Place("pod", key)),
                    f"{place.name} has no chain of {NAME} for {key}: its policies have no effect",
                    f"table filter, {FORWARD}: not for both -s and -d {address}",
                )
            continue
        found = {run[1]: run[2] for line in rules.lines(chain) if (run := _RUNS.search(line))}
        if meant and not any("-j REJECT" in line for line in rules.lines(chain)):
            yield _finding(
                "policy.not-enforced",
                Where(place=Place("pod", key)),
                f"the chain of {NAME} for {key} on {place.name} rejects nothing: its policies have no effect",
                *(rules.lines(chain)[-1:] or (f"{chain}: no rule",)),
            )
            continue
        if key in wanted.doubted:
            continue
        for name in meant.keys() - found.keys():
            differing.lacking.setdefault(meant[name].key, set()).add(key)
        for name in found.keys() - meant.keys():
            differing.stale.setdefault(f"{KIND} {key.partition('/')[0]}/{name}", set()).add(key)
        for name in meant.keys() & found.keys():
            if found[name] not in rules and any(wanted.members(each.classes) for each in meant[name].peers):
                differing.empty[meant[name].key] = found[name]


def _chains(place: Place, differing: _Differing) -> Iterator[Suspicion]:
    for key, pods in sorted(differing.lacking.items()):
        yield _finding(
            "policy.not-enforced",
            Where(place=place),
            f"{NAME}'s rules on {place.name} lack {key} for {_named(pods)}",
            "the chains of these pods do not run through it",
        )
    for key, pods in sorted(differing.stale.items()):
        yield _finding(
            "policy.not-meant",
            Where(place=place),
            f"{NAME}'s rules on {place.name} still have {key} for {_named(pods)}, which it does not select",
            "the chains of these pods run through it",
        )
    for key, chain in sorted(differing.empty.items()):
        yield _finding(
            "policy.not-meant",
            Where(place=place, table="filter", chain=chain),
            f"the chain of {key} on {place.name} is empty: what the policy allows is refused",
            f"{chain}: no rule",
        )


def _sets(ns: NetworkNamespace, policy: Wanted, wanted: Meaning) -> Iterator[Suspicion]:
    """One more in the set of the pods that the policy selects does no harm: their chains decide. Nor does an
    address that nobody has; a pod may be younger than the objects."""
    node = ns.place.name
    for each in (*policy.targets, *policy.peers):
        there = ns.ipsets.get(each.name)
        found = frozenset(entry.split()[0] for entry in there.entries) if there is not None else frozenset()
        meant = wanted.members(each.classes)
        shown = f"ipset {each.name}: {_named(found) if there is not None else 'there is none'}"
        what = f"{NAME}'s set for {each.where} of {policy.key} on {node}"
        if lacking := meant - found:
            message = f"{what} lacks {_named(lacking)}: what the policy allows is refused"
            yield _finding("policy.not-meant", Where(place=ns.place), message, shown)
        if each in policy.peers and (more := (found & wanted.known) - meant):
            message = f"{what} has {_named(more)}: they are let through"
            yield _finding("policy.not-enforced", Where(place=ns.place), message, shown)


def _finding(
    code: str, where: Where, message: str, *evidence: str, level: Level = Level.WARNING
) -> Suspicion:
    return Suspicion(
        code=code,
        level=level,
        where=where,
        message=message,
        evidence=evidence,
        remedy=f"see whether {NAME} runs there and follows changes (its log); restarted it writes all anew",
    )


def _named(names: Iterable[str]) -> str:
    return listed(sorted(names))

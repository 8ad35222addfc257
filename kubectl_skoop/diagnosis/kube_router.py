"""The rules and sets that kube-router made of NetworkPolicies on a node, held against the policies.

Its names: pkg/controllers/netpol, policy.go and pod.go. IPv4 alone; ports and ipBlocks are not compared here.
"""

import re
from base64 import b32encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.connectivity import parties
from kubectl_skoop.cluster.objects import PodInfo
from kubectl_skoop.cluster.policy.evaluate import PolicySet
from kubectl_skoop.cluster.policy.party import classes
from kubectl_skoop.cluster.policy.rule import Direction, Policy
from kubectl_skoop.cluster.policy.term import InBlock, Some, Term, select
from kubectl_skoop.cluster.policy.universe import Universe, positions_of
from kubectl_skoop.diagnosis.services.iptables import RuleTable
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.iptables.save import SavedTable

NAME, KIND = "kube-router", "NetworkPolicy"
FORWARD = "KUBE-ROUTER-FORWARD"
MAX_NAMED = 5
_FAMILY = "IPv4"
_OF_POD = re.compile(rf"-A {FORWARD} -([sd]) (\S+)/32 .*-j (KUBE-POD-FW-\S+)")
_RUNS = re.compile(r'--comment "run through nw policy (.+)" -j (KUBE-NWPLCY-\S+)')
_SETS: Mapping[Direction, tuple[str, str]] = {
    "ingress": ("KUBE-DST-", "KUBE-SRC-"),
    "egress": ("KUBE-SRC-", "KUBE-DST-"),
}
"""Prefixes of the set of the pods that a policy selects, and of the sets of its peers."""


class PeerSet(NamedTuple):
    """The pods of one rule's peers, as a set of addresses."""

    name: str
    where: str
    addresses: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One NetworkPolicy, as the rules of a node should have it."""

    key: str
    name: str
    selected: frozenset[str]
    """Keys of pods."""
    target_sets: tuple[str, ...]
    peers: tuple[PeerSet, ...]
    has_rules: bool
    """Some of them lets something through, whoever is there."""


@dataclass(slots=True)
class Meaning:
    """All that is compared, by pod and by policy."""

    pods: dict[str, tuple[PodInfo, str]] = field(default_factory=dict)
    """Pods with a network of their own, with their address."""
    policies: list[Wanted] = field(default_factory=list)
    doubted: set[str] = field(default_factory=set)
    """Keys of pods of which nobody can tell by which policies they are selected."""

    def on(self, node: str) -> dict[str, tuple[PodInfo, str]]:
        return {key: (pod, address) for key, (pod, address) in self.pods.items() if pod.node == node}

    def addresses(self, keys: Iterable[str]) -> frozenset[str]:
        return frozenset(self.pods[key][1] for key in keys if key in self.pods)


def meaning(cluster: Cluster, policies: PolicySet) -> Meaning:
    found = Meaning()
    for pod in cluster.pods():
        address = next((one for one in pod.addresses if one.version == 4), None)
        if address is not None and not pod.host_network and not pod.finished:
            found.pods[pod.key] = pod, str(address)
    known = classes(parties(cluster), policies.policies)
    universe = Universe([one.party for one in known])

    def members(bits: int) -> list[str]:
        return [name for at in positions_of(bits) for name in known[at].members]

    for policy in policies.policies:
        if policy.kind == KIND:
            picked = select(policy.subject, universe)
            found.doubted.update(members(picked.maybe.bits))
            peers = []
            for direction, at, term in _peers(policy):
                chosen = select(term, universe)
                if not chosen.maybe.bits:
                    name = f"{_SETS[direction][1]}{_hash(policy, f'{direction}rule{at}{_FAMILY}pod')}"
                    where = f"spec.{direction}[{at}]"
                    peers.append(PeerSet(name, where, found.addresses(members(chosen.yes.bits))))
            found.policies.append(
                Wanted(
                    key=policy.key,
                    name=policy.name,
                    selected=frozenset(members(picked.yes.bits)) & found.pods.keys(),
                    target_sets=tuple(
                        f"{prefix}{_hash(policy, _FAMILY)}"
                        for direction, (prefix, _) in _SETS.items()
                        if policy.rules(direction) is not None
                    ),
                    peers=tuple(peers),
                    has_rules=any(one.addresses for one in peers),
                )
            )
    return found


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
    """One node, all of whose rules and sets were read."""
    place = ns.place
    own = wanted.on(place.name)
    selected = {key for policy in wanted.policies for key in policy.selected} & own.keys()
    rules = written(ns)
    if rules is None:
        if selected:
            yield _finding(
                "policy.not-enforced",
                Where(place=place, table="filter", chain="FORWARD"),
                f"no rule leads to {NAME}'s chains: policies have no effect on {_listed(selected)}",
                f"table filter, FORWARD: no rule with -j {FORWARD}",
                level=Level.CRITICAL,
            )
        return
    differing = _Differing()
    yield from _pods(rules, place, own, wanted, differing)
    yield from _chains(place, differing)
    for policy in wanted.policies:
        if policy.selected & own.keys() and policy.key not in differing.lacking:
            yield from _sets(ns, place, policy, wanted)


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
    own: Mapping[str, tuple[PodInfo, str]],
    wanted: Meaning,
    differing: _Differing,
) -> Iterator[Suspicion]:
    """That each pod has a chain; what is in it comes into `differing`."""
    chains: dict[tuple[str, str], str] = {}
    for line in rules.lines(FORWARD):
        if jump := _OF_POD.fullmatch(line):
            chains[jump[1], jump[2]] = jump[3]
    for key, (pod, address) in own.items():
        meant = {policy.name: policy for policy in wanted.policies if key in policy.selected}
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
            differing.stale.setdefault(f"{KIND} {pod.namespace}/{name}", set()).add(key)
        for name in meant.keys() & found.keys():
            if meant[name].has_rules and found[name] not in rules:
                differing.empty[meant[name].key] = found[name]


def _chains(place: Place, differing: _Differing) -> Iterator[Suspicion]:
    for key, pods in sorted(differing.lacking.items()):
        yield _finding(
            "policy.not-enforced",
            Where(place=place),
            f"{NAME}'s rules on {place.name} lack {key} for {_listed(pods)}",
            "the chains of these pods do not run through it",
        )
    for key, pods in sorted(differing.stale.items()):
        yield _finding(
            "policy.not-meant",
            Where(place=place),
            f"{NAME}'s rules on {place.name} still have {key} for {_listed(pods)}, which it does not select",
            "the chains of these pods run through it",
        )
    for key, chain in sorted(differing.empty.items()):
        yield _finding(
            "policy.not-meant",
            Where(place=place, table="filter", chain=chain),
            f"the chain of {key} on {place.name} is empty: what the policy allows is refused",
            f"{chain}: no rule",
        )


def _sets(ns: NetworkNamespace, place: Place, policy: Wanted, wanted: Meaning) -> Iterator[Suspicion]:
    """The addresses of the pods that it selects, and of its peers."""
    selected = PeerSet("", "spec.podSelector", wanted.addresses(policy.selected))
    for each in (*(selected._replace(name=name) for name in policy.target_sets), *policy.peers):
        there = ns.ipsets.get(each.name)
        found = frozenset(entry.split()[0] for entry in there.entries) if there is not None else frozenset()
        differing = (
            ("policy.not-meant", each.addresses - found, "lacks", "what the policy allows is refused"),
            ("policy.not-enforced", found - each.addresses, "has", "they are let through"),
        )
        for code, addresses, verb, effect in differing:
            if addresses and (verb == "lacks" or each.where != selected.where):
                yield _finding(
                    code,
                    Where(place=place),
                    f"{NAME}'s set for {each.where} of {policy.key} on {place.name} {verb} "
                    f"{_listed(addresses)}: {effect}",
                    f"ipset {each.name}: {_listed(found) if there is not None else 'there is none'}",
                )


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


def _listed(names: Iterable[str]) -> str:
    found = sorted(names)
    more = f" and {len(found) - MAX_NAMED} more" if len(found) > MAX_NAMED else ""
    return ", ".join(found[:MAX_NAMED]) + more

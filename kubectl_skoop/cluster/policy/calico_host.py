"""Calico's HostEndpoints: nodes, as its policies select them by label.

What a node itself sends and takes is judged in this order: the failsafe ports, policies without connection
tracking, those before address translation, the tiers, the profiles; what none of them decides is denied. What
passes a host endpoint on its way from or to a pod is judged by policies with `applyOnForward`. Sources:
felix/rules/endpoints.go and static.go, docs.tigera.io/calico/latest/reference/host-endpoints.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from kubectl_skoop.cluster.addresses import parse_address
from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.policy.address import address_at
from kubectl_skoop.cluster.policy.calico_failsafe import failsafe_rules
from kubectl_skoop.cluster.policy.interval import Intervals, subtract, union
from kubectl_skoop.cluster.policy.rule import Direction, Policy, Rule, Rules, Tier, Verdict, doubtful
from kubectl_skoop.cluster.policy.term import (
    EVERYBODY,
    HOSTS,
    PODS,
    All,
    InBlock,
    Nobody,
    Not,
    Some,
    Term,
    Undecided,
    select,
)
from kubectl_skoop.cluster.policy.universe import Party, Universe, positions_of
from kubectl_skoop.cluster.raw import Object, flag, labels, ref_of, text, texts
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Address

KIND = "hostendpoints.projectcalico.org"
Moment = Literal["raw", "mangle", "filter"]
"""When a policy is asked: before connection tracking, before address translation, or at the usual place."""
_FAILSAFE = Tier(order=-math.inf, name="failsafe")
_EARLY = {"raw": (-3e300, "doNotTrack"), "mangle": (-2e300, "preDNAT"), "filter": (-1e300, "applyOnForward")}
"""Orders before those of all tiers, which follow each other there as they do at the usual place."""
_STEP = 1e290
_PROFILES = Tier(order=math.inf, name="profiles")
_SIDES: tuple[Direction, Direction] = ("ingress", "egress")
_ALLOWS = "projectcalico-default-allow"
_TRANSLATED = "a node may see packets of pods with the address of the pod's node (natOutgoing)"


class HostEndpoint(NamedTuple):
    name: str
    node: str
    party: Party
    """As selectors see it."""
    nets: Intervals
    """What selectors of peers mean by it: its expectedIPs alone."""
    own: Term
    """Whose packets pass it as those of the node itself."""
    pods: Term
    """Those of its node: what they exchange with others may pass it."""
    profiles: tuple[str, ...]


class Chosen(NamedTuple):
    """Host endpoints that a policy selects."""

    name: str
    """Of the first."""
    own: Term
    pods: Term


@dataclass(frozen=True, slots=True)
class Hosts:
    endpoints: tuple[HostEndpoint, ...] = ()
    universe: Universe = field(default_factory=lambda: Universe(()))
    translated: bool = False
    """Pods may come to a node with another node's address."""

    @classmethod
    def of(cls, cluster: Cluster) -> "Hosts":
        items = cluster.objects("CalicoHostEndpoint")
        found = tuple(_endpoint(item, items, cluster) for item in items)
        if not found:
            return cls()
        pools = cluster.source.objects("IPPool")
        translated = isinstance(pools, NotCollected) or any(
            flag(item, "spec", "natOutgoing") for item in pools
        )
        return cls(found, Universe([one.party for one in found]), translated)

    def chosen(self, term: Term) -> "Chosen | None":
        """Those that a selector means; None: none."""
        found = select(term, self.universe)
        sure, perhaps = (
            [self.endpoints[at] for at in positions_of(peers.bits)] for peers in (found.yes, found.maybe)
        )
        doubted: Term = Undecided(Some(tuple(one.own for one in perhaps)), found.reason)
        every = (*sure, *perhaps)
        return (
            every
            and Chosen(
                name=every[0].name,
                own=Some((*(one.own for one in sure), doubted)),
                pods=Some(tuple(one.pods for one in every)),
            )
        ) or None

    def of_themselves(self, cluster: Cluster) -> Iterator[Policy]:
        """The failsafe ports and the profiles of each."""
        for one in self.endpoints:
            inbound, outbound = (
                Rules(rules=failsafe_rules(cluster, one.node, side), isolates=False) for side in _SIDES
            )
            yield Policy(
                kind=KIND, name=one.name, tier=_FAILSAFE, subject=one.own, ingress=inbound, egress=outbound
            )
            profiles = Rules(rules=tuple(_profiles(one)))
            yield Policy(
                kind=KIND, name=one.name, tier=_PROFILES, subject=one.own, ingress=profiles, egress=profiles
            )

    def judged(self, policy: Policy, chosen: Chosen, moment: Moment, place: int) -> Policy:
        """A policy as it is for the nodes' own packets. `place`: of its tier among all."""
        tier = policy.tier
        if moment != "filter":
            tier = _early(tier, moment, place)
        ingress, egress = (
            rules and replace(rules, isolates=rules.isolates and moment == "filter")
            for rules in (policy.ingress, policy.egress if moment != "mangle" else None)
        )
        if ingress and self.translated:
            ingress = replace(ingress, rules=tuple(map(_as_a_node_sees, ingress.rules)))
        return replace(policy, tier=tier, subject=chosen.own, ingress=ingress, egress=egress)

    def on_forward(self, policy: Policy, chosen: Chosen, moment: Moment, place: int) -> Iterator[Policy]:
        """A policy as it is for packets of pods that pass host endpoints.

        Which packets do so depends on the way that they take, so a denial is in doubt. What it lets through
        has still to pass the pod's own policies.
        """
        why = f"{policy.key} denies it where it passes host endpoint {chosen.name} (applyOnForward)"
        tier = _early(policy.tier, moment, place)
        sides = [
            rules and Rules(rules=tuple(_on_the_way(rule, why) for rule in rules.rules), isolates=False)
            for rules in (policy.ingress, policy.egress if moment != "mangle" else None)
        ]
        yield replace(policy, tier=tier, subject=chosen.pods, ingress=sides[0], egress=sides[1])
        if moment == "filter":
            ends_of_tier = [
                Rules(rules=(doubtful(Verdict.DENY, why, "the end of its tier"),), isolates=False)
                if rules and rules.isolates
                else None
                for rules in (policy.ingress, policy.egress)
            ]
            yield replace(
                policy,
                tier=tier,
                subject=chosen.pods,
                rank=(math.inf, "~"),
                ingress=ends_of_tier[0],
                egress=ends_of_tier[1],
            )


def _early(tier: Tier, moment: Moment, place: int) -> Tier:
    order, name = _EARLY[moment]
    return Tier(order=order + place * _STEP, name=f"{tier.name} ({name})")


def _endpoint(item: Object, items: Sequence[Object], cluster: Cluster) -> HostEndpoint:
    node, name = text(item, "spec", "node"), ref_of(item).name
    expected = _expected(item)
    all_of_node = _block(address for one in cluster.nodes() if one.name == node for address in one.addresses)
    sure, perhaps = expected, subtract(all_of_node, expected)
    if text(item, "spec", "interfaceName") == "*":
        others = [one for one in items if one is not item and text(one, "spec", "node") == node]
        named = union(part for one in others for part in _expected(one))
        sure = subtract(union((*all_of_node, *expected)), named)
        perhaps = ()
        if not all(map(_expected, others)):
            sure, perhaps = (), sure
    why = f"which packets of {node} pass its host endpoint {name} is not known"
    pods = _block(
        address
        for pod in cluster.pods()
        if pod.node == node and not pod.host_network
        for address in pod.addresses
    )
    return HostEndpoint(
        name=name,
        node=node,
        party=Party(kind="pod", name=name, labels=labels(item, "metadata", "labels")),
        nets=expected,
        own=Some((All((HOSTS, InBlock(sure))), Undecided(All((HOSTS, InBlock(perhaps))), why))),
        pods=All((PODS, InBlock(pods))) if pods else Nobody(),
        profiles=texts(item, "spec", "profiles"),
    )


def _expected(item: Object) -> Intervals:
    return _block(parse_address(one) for one in texts(item, "spec", "expectedIPs"))


def _block(addresses: Iterator[Address | None]) -> Intervals:
    known = (address_at(address) for address in addresses if address is not None)
    return union((at, at) for at in known)


def _profiles(one: HostEndpoint) -> Iterator[Rule]:
    for name in one.profiles:
        if name == _ALLOWS:
            yield Rule(verdict=Verdict.ACCEPT, where=f"profile {name}")
        else:
            why = f"the profile {name} of host endpoint {one.name} is not collected"
            yield doubtful(Verdict.ACCEPT, why, f"profile {name}")


def _as_a_node_sees(rule: Rule) -> Rule:
    if rule.peers == EVERYBODY:
        return rule
    apart: Term = All((Not(PODS), rule.peers))
    return replace(rule, peers=Some((apart, Undecided(PODS, _TRANSLATED))))


def _on_the_way(rule: Rule, why: str) -> Rule:
    if rule.verdict is Verdict.DENY:
        return replace(rule, doubt=rule.doubt or why)
    return replace(rule, verdict=Verdict.NEXT)

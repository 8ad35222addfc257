"""The order of kinds: which policies a cluster has, which select a pod, and what they say of one flow.

Tiers are asked one after the other; the first that decides ends it, and what none decides is accepted:

    admin       AdminNetworkPolicy and ClusterNetworkPolicy of the tier Admin, by priority
    …           Calico's tiers, by their order
    default     NetworkPolicy, CiliumNetworkPolicy, Calico's policies of the tier default
    baseline    ClusterNetworkPolicy of the tier Baseline, BaselineAdminNetworkPolicy

The sender's egress and the receiver's ingress must both accept. Replies belong to a connection that was
judged when it began: they are not judged again.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.policy.admin import (
    admin_network_policy,
    baseline_admin_network_policy,
    cluster_network_policy,
)
from kubectl_skoop.cluster.policy.calico import calico_policies
from kubectl_skoop.cluster.policy.cilium import cilium_policies
from kubectl_skoop.cluster.policy.kinds import KINDS
from kubectl_skoop.cluster.policy.networkpolicy import network_policy
from kubectl_skoop.cluster.policy.rule import Policy, PolicyProblem
from kubectl_skoop.cluster.policy.term import select
from kubectl_skoop.cluster.policy.universe import Universe
from kubectl_skoop.cluster.policy.written import Reader, written_in
from kubectl_skoop.cluster.raw import Object, ref_of
from kubectl_skoop.model.missing import NotCollected

Dialect = Literal["", "calico", "cilium"]
"""Whose reading of NetworkPolicy counts where readings differ; empty: that of the API's documentation."""

_PLAIN: Mapping[str, Callable[[Object], tuple[Policy, Reader]]] = {
    "AdminNetworkPolicy": admin_network_policy,
    "BaselineAdminNetworkPolicy": baseline_admin_network_policy,
    "ClusterNetworkPolicy": cluster_network_policy,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySet:
    """All policies of a cluster, compiled."""

    policies: tuple[Policy, ...] = ()
    problems: tuple[PolicyProblem, ...] = ()
    missing: tuple[NotCollected, ...] = ()
    """Kinds of policy that could not be read."""
    dialect: Dialect = ""
    _by_namespace: dict[str, list[Policy]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for policy in self.policies:
            self._by_namespace.setdefault(policy.namespace, []).append(policy)

    def candidates(self, namespace: str) -> Sequence[Policy]:
        """Those that may select something in a namespace."""
        own = self._by_namespace.get(namespace, []) if namespace else []
        return [*own, *self._by_namespace.get("", [])]

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(policy.kind for policy in self.policies)


def policy_set(
    cluster: Cluster, dialect: Dialect | None = None, namespaces: Collection[str] | None = None
) -> PolicySet:
    """`dialect`: None: concluded from what the cluster runs.

    `namespaces`: in which policies are to be judged; None: in all.
    """
    spoken = detect_dialect(cluster) if dialect is None else dialect
    policies: list[Policy] = []
    problems: list[PolicyProblem] = []
    for item in written_in(cluster, "NetworkPolicy", namespaces):
        policy, reader = network_policy(item, blocks_match_pods=spoken != "cilium")
        policies.append(policy)
        problems += reader.problems
    for kind, compile_policy in _PLAIN.items():
        for item in written_in(cluster, kind, namespaces):
            policy, reader = compile_policy(item)
            policies.append(policy)
            problems += reader.problems
    for compiled in (calico_policies(cluster, namespaces), cilium_policies(cluster, namespaces)):
        policies += compiled.policies
        problems += compiled.problems
    known = {ref_of(item).name for item in cluster.objects("Namespace")}
    if namespaces is None:
        namespaces = {pod.namespace for pod in cluster.pods()} | {policy.namespace for policy in policies}
    problems += [
        PolicyProblem(
            policy="", where=f"namespace {name}", reason="it is not among the objects: its labels are unknown"
        )
        for name in sorted({*namespaces} - known - {""})
    ]
    found = {kind: cluster.source.objects(kind) for kind in KINDS}
    return PolicySet(
        policies=tuple(policies),
        problems=tuple(problems),
        missing=tuple(
            answer
            for answer in found.values()
            if isinstance(answer, NotCollected) and answer.state != "not collected"
        ),
        dialect=spoken,
    )


def has_policies(cluster: Cluster) -> bool:
    return any(cluster.objects(kind) for kind in KINDS)


def detect_dialect(cluster: Cluster) -> Dialect:
    """By the agent that runs, else by the policies that there are."""
    if cluster.detect_daemonset("cilium") is not None:
        return "cilium"
    if cluster.detect_daemonset("calico-node", "canal") is not None:
        return "calico"
    if cluster.objects("CiliumNetworkPolicy") or cluster.objects("CiliumClusterwideNetworkPolicy"):
        return "cilium"
    if cluster.objects("CalicoNetworkPolicy") or cluster.objects("CalicoGlobalNetworkPolicy"):
        return "calico"
    return ""


def selecting(policies: Sequence[Policy], universe: Universe, at: int) -> list[Policy]:
    """Those that select a party. One of which nobody can tell takes part as a policy that may do anything."""
    found: list[Policy] = []
    for policy in policies:
        picked = select(policy.subject, universe)
        if picked.yes.bits >> at & 1:
            found.append(policy)
        elif picked.maybe.bits >> at & 1:
            found.append(doubted(policy, picked.reason))
    return found


def doubted(policy: Policy, reason: str) -> Policy:
    """The policy, if it selects at all."""
    why = f"{policy.key} may select the pod or not: {reason}"
    ingress, egress = (
        rules
        and replace(
            rules, doubt=why, rules=tuple(replace(rule, doubt=rule.doubt or why) for rule in rules.rules)
        )
        for rules in (policy.ingress, policy.egress)
    )
    return replace(policy, ingress=ingress, egress=egress)

"""Policies that nobody enforces: they select pods, and nothing comes of it."""

from collections.abc import Iterable, Mapping

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.policy.evaluate import PolicySet, selecting
from kubectl_skoop.cluster.policy.universe import Party, Universe
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion

_NETWORK_POLICY = frozenset({"NetworkPolicy"})
_ADMIN = frozenset({"AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy"})
_CALICO = frozenset({"networkpolicies.projectcalico.org", "globalnetworkpolicies.projectcalico.org"})
_CILIUM = frozenset({"CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"})
AGENTS: Mapping[str, frozenset[str]] = {
    "antrea-agent": _NETWORK_POLICY | _ADMIN,
    "aws-node": _NETWORK_POLICY | _ADMIN,
    "azure-npm": _NETWORK_POLICY,
    "calico-node": _NETWORK_POLICY | _ADMIN | _CALICO,
    "canal": _NETWORK_POLICY | _ADMIN | _CALICO,
    "cilium": _NETWORK_POLICY | _ADMIN | _CILIUM,
    "kindnet": _NETWORK_POLICY,
    "kube-network-policies": _NETWORK_POLICY | _ADMIN,
    "kube-router": _NETWORK_POLICY,
    "ovnkube-node": _NETWORK_POLICY | _ADMIN,
    "terway-eniip": _NETWORK_POLICY | _CILIUM,
    "weave-net": _NETWORK_POLICY,
}
"""DaemonSets that enforce policies, by name, whatever plugin makes the network: with the kinds they can read.

What a version or a setting turns off is not seen here: a kind that is named may still have no effect.
"""


def enforced_by_agents(cluster: Cluster) -> frozenset[str]:
    """The kinds that some agent of the cluster enforces, beside its network plugin."""
    found: frozenset[str] = frozenset()
    for name, kinds in AGENTS.items():
        if cluster.detect_daemonset(name) is not None:
            found |= kinds
    return found


def without_effect(
    policies: PolicySet, parties: Iterable[Party], enforced: frozenset[str], plugin: str
) -> tuple[Suspicion, ...]:
    """For pods (source and destination): a finding for each policy that selects one and that nobody enforces.

    `enforced`: `Plugin.enforces` and `enforced_by_agents`; `plugin`: its name, for the text.
    """
    found: dict[str, Suspicion] = {}
    for party in parties:
        universe = Universe([party])
        for policy in selecting(policies.candidates(party.namespace), universe, 0):
            if policy.kind in enforced or policy.key in found:
                continue
            found[policy.key] = Suspicion(
                code="policy.no-effect",
                level=Level.WARNING,
                where=Where(place=Place("pod", party.name)),
                message=f"{policy.key} has no effect here: {plugin} does not enforce {policy.kind}",
                evidence=(f"it selects pod {party.name}", f"enforced here: {_listed(enforced)}"),
                remedy="run an agent that enforces it (kube-network-policies …), or another plugin",
            )
    return tuple(found.values())


def invalid(policies: PolicySet) -> tuple[Suspicion, ...]:
    """A finding for each part of a policy that cannot be read, and for each namespace that has no object."""
    return tuple(
        Suspicion(
            code="policy.invalid",
            level=Level.WARNING,
            where=Where(),
            message=f"{problem.policy or 'policies'}: {problem.where}: {problem.reason}",
            evidence=(),
            remedy="mend the policy; until then what it may decide is unknown",
        )
        for problem in policies.problems
    )


def _listed(kinds: frozenset[str]) -> str:
    return ", ".join(sorted(kinds)) or "no kind of policy"

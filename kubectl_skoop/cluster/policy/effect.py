"""Policies that nobody enforces: they select pods, and nothing comes of it."""

from collections.abc import Iterable, Mapping

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.policy.reach import Reach
from kubectl_skoop.cluster.policy.rule import PolicyProblem
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion

MAX_NAMED = 5
"""Pods that a finding names."""
_NETWORK_POLICY = frozenset({"NetworkPolicy"})
_ADMIN = frozenset({"AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy"})
_CALICO = frozenset(
    {
        "networkpolicies.projectcalico.org",
        "globalnetworkpolicies.projectcalico.org",
        "hostendpoints.projectcalico.org",
    }
)
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

k3s enforces by itself. What a version or a setting turns off is not seen here: a kind that is named may
still have no effect.
"""


def enforced_by_agents(cluster: Cluster) -> frozenset[str]:
    """The kinds that some agent of the cluster enforces, beside its network plugin."""
    found: frozenset[str] = frozenset()
    for name, kinds in AGENTS.items():
        if cluster.detect_daemonset(name) is not None:
            found |= kinds
    if any("+k3s" in node.kubelet for node in cluster.nodes()):
        found |= _NETWORK_POLICY
    return found


def without_effect(
    found: Iterable[Reach], enforced: frozenset[str], plugin: str, *, certain: bool = True
) -> tuple[Suspicion, ...]:
    """A finding for each policy that selects something and that nobody enforces.

    `enforced`: `Plugin.enforces` and `enforced_by_agents`; `plugin`: its name. `certain`: False:
    the plugin or the agents are not known, so that something else may enforce it.
    """
    return tuple(
        _without_effect(reach, enforced, plugin, certain)
        for reach in found
        if reach.policy.kind not in enforced and (reach.selected or reach.maybe)
    )


def _without_effect(reach: Reach, enforced: frozenset[str], plugin: str, certain: bool) -> Suspicion:
    policy = reach.policy
    selected = [(one.party.kind, name) for one in (*reach.selected, *reach.maybe) for name in one.members]
    kind, first = selected[0]
    names = ", ".join(name for _, name in selected[:MAX_NAMED]) + (" …" if len(selected) > MAX_NAMED else "")
    does = (
        f"has no effect here: {plugin} does not enforce"
        if certain
        else "may have no effect here: nothing that is known enforces"
    )
    place = Place("node" if kind == "node" else "pod", first) if len(selected) == 1 else None
    return Suspicion(
        code="policy.no-effect",
        level=Level.WARNING if certain else Level.INFO,
        where=Where(place=place),
        message=f"{policy.key} {does} {policy.kind}",
        evidence=(f"it selects {names}", f"enforced here: {_listed(enforced)}"),
        remedy="run an agent that enforces it (kube-network-policies …), or another plugin",
    )


def invalid(problems: Iterable[PolicyProblem]) -> tuple[Suspicion, ...]:
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
        for problem in problems
    )


def _listed(kinds: frozenset[str]) -> str:
    return ", ".join(sorted(kinds)) or "no kind of policy"

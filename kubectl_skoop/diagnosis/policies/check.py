"""The policies of a whole cluster: which have no effect, and what an agent's rules have of them."""

from collections.abc import Sequence

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.policy.effect import invalid, without_effect
from kubectl_skoop.cluster.policy.evaluate import PolicySet, has_policies, policy_set
from kubectl_skoop.cluster.policy.reach import reaches
from kubectl_skoop.diagnosis.extension.registry import Setup
from kubectl_skoop.diagnosis.policies import calico, kube_router
from kubectl_skoop.diagnosis.policies.agents import CALICO, KUBE_ROUTER
from kubectl_skoop.diagnosis.policies.intent import enforced_kinds, is_certain, plugin_name
from kubectl_skoop.diagnosis.result import Fact
from kubectl_skoop.model.listed import listed
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.netstack.namespace import NetworkNamespace

_WITH_FELIX = (CALICO.name, "canal")


class EveryPolicy:
    """What is gathered while nodes are compared, one after another.

    Nothing in a cluster without policies and without an agent whose rules are compared.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        cluster = setup.ctx.cluster
        has_router = _runs(cluster, (KUBE_ROUTER.name,), KUBE_ROUTER.kinds)
        has_calico = _runs(cluster, _WITH_FELIX, CALICO.kinds)
        known = has_router or has_calico or has_policies(cluster)
        self._policies = policy_set(cluster) if known else PolicySet()
        self._of_router = kube_router.meaning(cluster, self._policies) if has_router else None
        self._of_calico = calico.meaning(cluster, self._policies) if has_calico else None
        self._found: list[Suspicion] = []
        self._not_read: dict[str, list[str]] = {}

    def compare(self, name: str) -> None:
        """The rules of kube-router and of Calico on a node that was read."""
        if self._of_router is None and self._of_calico is None:
            return
        ns = self._setup.ctx.namespace(Place("node", name))
        if isinstance(ns, NetworkNamespace) and not _unread(ns):
            self._found += kube_router.compare(ns, self._of_router or ())
            compared = calico.compare(ns, self._of_calico or ())
            self._found += compared.findings
            for what, pods in compared.not_read.items():
                self._not_read.setdefault(what, []).extend(pods)

    def facts(self) -> tuple[Fact, ...]:
        """What was not compared, after all nodes."""
        return tuple(
            Fact(name="policies not compared", value=listed(pods), source=f"not understood: {what}")
            for what, pods in self._not_read.items()
        )

    def findings(self) -> tuple[Suspicion, ...]:
        """After all nodes."""
        setup, policies, enforced = self._setup, self._policies, enforced_kinds(self._setup)
        idle = [policy for policy in policies.policies if policy.kind not in enforced]
        found = reaches(setup.ctx.cluster, policies, idle) if idle else []
        return (
            *without_effect(found, enforced, plugin_name(setup), certain=is_certain(setup)),
            *self._found,
            *invalid(policies.problems),
        )


def every_policy(setup: Setup) -> tuple[Suspicion, ...]:
    """With the rules of all nodes."""
    policies = EveryPolicy(setup)
    for name in setup.ctx.source.nodes():
        policies.compare(name)
    return policies.findings()


def _runs(cluster: Cluster, agents: Sequence[str], kinds: Sequence[str]) -> bool:
    """One of the agents, and what its rules come from was collected."""
    found = cluster.detect_daemonset(*agents) is not None
    return found and not any(isinstance(cluster.source.objects(kind), NotCollected) for kind in kinds)


def _unread(ns: NetworkNamespace) -> bool:
    """`check` lists what could not be read."""
    return any(name in ns.gaps for name in ("netfilter", "ipset", "iptables-legacy", "iptables-nft"))

"""The policies of a whole cluster: which have no effect, and what an agent's rules have of them."""

from kubectl_skoop.cluster.policy.effect import invalid, without_effect
from kubectl_skoop.cluster.policy.evaluate import PolicySet, has_policies, policy_set
from kubectl_skoop.cluster.policy.reach import reaches
from kubectl_skoop.diagnosis.extension.registry import Setup
from kubectl_skoop.diagnosis.policies import kube_router
from kubectl_skoop.diagnosis.policies.agents import KUBE_ROUTER
from kubectl_skoop.diagnosis.policies.intent import enforced_kinds, is_certain, plugin_name
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.netstack.namespace import NetworkNamespace


class EveryPolicy:
    """What is gathered while nodes are compared, one after another.

    Nothing in a cluster without policies and without kube-router.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        cluster = setup.ctx.cluster
        has_agent = cluster.detect_daemonset(KUBE_ROUTER.name) is not None
        self._policies = policy_set(cluster) if has_agent or has_policies(cluster) else PolicySet()
        known = not isinstance(cluster.source.objects(kube_router.KIND), NotCollected)
        self._wanted = kube_router.meaning(cluster, self._policies) if has_agent and known else None
        self._found: list[Suspicion] = []

    def compare(self, name: str) -> None:
        """The rules of kube-router on a node that was read."""
        ns = self._setup.ctx.namespace(Place("node", name)) if self._wanted is not None else None
        if self._wanted is not None and isinstance(ns, NetworkNamespace) and not _unread(ns):
            self._found += kube_router.compare(ns, self._wanted)

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


def _unread(ns: NetworkNamespace) -> bool:
    """`check` lists what could not be read."""
    return any(name in ("netfilter", "ipset") or name.startswith("iptables") for name in ns.gaps)

"""Policies that nobody enforces, and those that cannot be read, as findings."""

from kubectl_skoop.cluster.objects import Object
from kubectl_skoop.cluster.policy.effect import enforced_by_agents, invalid, without_effect
from kubectl_skoop.cluster.policy.party import Class, Surroundings, pod_party
from kubectl_skoop.cluster.policy.reach import among
from kubectl_skoop.diagnosis.extension.registry import load_plugin
from tests.cluster.policy.world import World, namespace, pod, policy

PODS: list[Object] = [
    namespace("shop"),
    pod("shop/a", "10.0.0.1", {"app": "a"}),
    pod("shop/b", "10.0.0.2", {"app": "b"}),
]
TO_A = policy("NetworkPolicy", "shop/p", {"podSelector": {"matchLabels": {"app": "a"}}})
ADMIN = policy(
    "AdminNetworkPolicy",
    "p",
    {"priority": 1, "subject": {"namespaces": {}}},
    "policy.networking.k8s.io/v1alpha1",
)


def agent(name: str) -> Object:
    return {"kind": "DaemonSet", "metadata": {"name": name, "namespace": "kube-system"}}


def messages(
    world: World, pods: tuple[str, ...], enforces: frozenset[str] = frozenset(), *, certain: bool = True
) -> list[str]:
    around = Surroundings.of(world.cluster)
    own = [Class(party=pod_party(world.cluster.pod(name), around), members=[name]) for name in pods]
    found = among(own, world.policies.policies)
    enforced = enforces | enforced_by_agents(world.cluster)
    return [finding.message for finding in without_effect(found, enforced, "flannel", certain=certain)]


def test_flannel_alone_enforces_nothing() -> None:
    enforces = load_plugin("flannel").enforces
    assert messages(World([*PODS, TO_A]), ("shop/b", "shop/a"), enforces) == [
        "NetworkPolicy shop/p has no effect here: flannel does not enforce NetworkPolicy"
    ]


def test_where_the_cni_is_unknown_nothing_is_claimed() -> None:
    assert messages(World([*PODS, TO_A]), ("shop/a",), certain=False) == [
        "NetworkPolicy shop/p may have no effect here: nothing that is known enforces NetworkPolicy"
    ]


def test_policies_of_other_pods_are_not_named() -> None:
    assert messages(World([*PODS, TO_A]), ("shop/b",)) == []


def test_a_plugin_that_enforces_the_kind_is_no_finding() -> None:
    assert messages(World([*PODS, TO_A]), ("shop/a",), frozenset({"NetworkPolicy"})) == []


def test_k3s_enforces_by_itself() -> None:
    version = {"nodeInfo": {"kubeletVersion": "v1.30.4+k3s1"}}
    node: Object = {"kind": "Node", "metadata": {"name": "n1"}, "status": version}
    assert messages(World([*PODS, TO_A, node]), ("shop/a",)) == []


def test_an_agent_beside_the_plugin_counts_for_its_kinds() -> None:
    world = World([*PODS, TO_A, ADMIN, agent("kube-router")])
    assert messages(world, ("shop/a", "shop/b")) == [
        "AdminNetworkPolicy p has no effect here: flannel does not enforce AdminNetworkPolicy"
    ]


def test_what_cannot_be_read_is_a_finding() -> None:
    broken = policy("NetworkPolicy", "shop/q", {"podSelector": {}, "ingress": [{"ports": [{"port": 0}]}]})
    (finding,) = invalid(World([*PODS, broken]).policies.problems)
    assert finding.code == "policy.invalid"
    assert finding.message == "NetworkPolicy shop/q: spec.ingress[0]: port 0: 1 to 65535"

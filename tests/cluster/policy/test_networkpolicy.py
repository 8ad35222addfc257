"""NetworkPolicy where the conformance cases do not look: defaults, hosts, nodes, dual stack, readings."""

import pytest

from kubectl_skoop.cluster.connectivity import connectivity, workload
from kubectl_skoop.cluster.objects import Object
from kubectl_skoop.cluster.policy.ends import flows, verdict_of
from kubectl_skoop.cluster.policy.evaluate import Dialect
from kubectl_skoop.cluster.raw import mapping
from tests.cluster.policy.world import Fields, World, cluster, namespace, pod, policy

NODES: list[Object] = [
    {
        "kind": "Node",
        "metadata": {"name": f"n{at}"},
        "status": {"addresses": [{"type": "InternalIP", "address": f"192.168.0.{at}"}]},
    }
    for at in (1, 2)
]
A, B, H = "shop/a", "shop/b", "shop/h"
PODS: list[Object] = [
    namespace("shop"),
    *NODES,
    pod(A, "10.0.0.1", {"app": "a"}, [("http", 8080, "TCP"), ("http", 9090, "UDP")], nodeName="n1"),
    pod(B, "10.0.0.2", {"app": "b"}, [("http", 80, "TCP")], nodeName="n2"),
    pod(H, "192.168.0.1", {"app": "b"}, nodeName="n1", hostNetwork=True),
]


def np(**spec: object) -> Object:
    return policy("NetworkPolicy", "shop/p", {"podSelector": {}, **spec})


def verdict(
    written: Object | list[Object], source: str, destination: str, port: int = 80, protocol: str = "TCP"
) -> str:
    more = written if isinstance(written, list) else [written]
    found = cluster([*PODS, *more])
    asked = flows(found, World([*PODS, *more]).policies, source, destination, str(port), protocol.lower())
    return verdict_of(asked).value


FROM_ALL_PODS: Fields = {"from": [{"podSelector": {}}]}
FLOWS = {
    "a missing policyTypes denies ingress": (np(), B, A, 80, "TCP", "deny"),
    "and leaves egress alone": (np(), A, "8.8.8.8", 80, "TCP", "accept"),
    "egress rules bring the type Egress": (
        np(egress=[{"to": [{"podSelector": {}}]}]),
        A,
        "8.8.8.8",
        80,
        "TCP",
        "deny",
    ),
    "an empty list of egress rules does not": (np(egress=[]), A, "8.8.8.8", 80, "TCP", "accept"),
    "only Egress leaves ingress alone": (np(policyTypes=["Egress"]), "8.8.8.8", A, 80, "TCP", "accept"),
    "no ports means ICMP, too": (np(ingress=[FROM_ALL_PODS]), B, A, 0, "ICMP", "accept"),
    "ports do not mean ICMP": (np(ingress=[{"ports": [{"protocol": "TCP"}]}]), B, A, 0, "ICMP", "deny"),
    "a port without protocol is TCP": (np(ingress=[{"ports": [{"port": 80}]}]), B, A, 80, "UDP", "deny"),
    "a named port on ingress is the pod's own": (
        np(ingress=[{"ports": [{"port": "http"}]}]),
        B,
        A,
        8080,
        "TCP",
        "accept",
    ),
    "the other pod's number is not": (np(ingress=[{"ports": [{"port": "http"}]}]), B, A, 80, "TCP", "deny"),
    "a name counts for its protocol only": (
        np(ingress=[{"ports": [{"port": "http"}]}]),
        B,
        A,
        9090,
        "UDP",
        "deny",
    ),
    "a named port on egress is the receiver's": (
        np(policyTypes=["Egress"], egress=[{"ports": [{"port": "http"}]}]),
        A,
        B,
        80,
        "TCP",
        "accept",
    ),
    "and never matches outside": (
        np(policyTypes=["Egress"], egress=[{"ports": [{"port": "http"}]}]),
        A,
        "8.8.8.8",
        80,
        "TCP",
        "deny",
    ),
    "a pod reaches itself": (np(policyTypes=["Ingress", "Egress"]), A, A, 80, "TCP", "accept"),
    "its node reaches it": (np(), "node/n1", A, 80, "TCP", "accept"),
    "another node does not": (np(), "node/n2", A, 80, "TCP", "deny"),
    "it reaches its node": (np(policyTypes=["Egress"]), A, "node/n1", 80, "TCP", "accept"),
    "a pod of its node's host network reaches it": (np(), H, A, 80, "TCP", "accept"),
    "such a pod of another node does not, whatever its labels": (
        np(ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "b"}}}]}]),
        H,
        B,
        80,
        "TCP",
        "deny",
    ),
    "a block with the node's address lets it in": (
        np(ingress=[{"from": [{"ipBlock": {"cidr": "192.168.0.0/24"}}]}]),
        H,
        B,
        80,
        "TCP",
        "accept",
    ),
    "policies do not select a pod of the host's network": (
        np(policyTypes=["Ingress", "Egress"]),
        "8.8.8.8",
        H,
        80,
        "TCP",
        "accept",
    ),
    "an address outside": (
        np(ingress=[{"from": [{"ipBlock": {"cidr": "8.0.0.0/8"}}]}]),
        "8.8.8.8",
        A,
        80,
        "TCP",
        "accept",
    ),
    "an excepted address": (
        np(ingress=[{"from": [{"ipBlock": {"cidr": "8.0.0.0/8", "except": ["8.8.0.0/16"]}}]}]),
        "8.8.8.8",
        A,
        80,
        "TCP",
        "deny",
    ),
    "IPv6 is in no block of IPv4": (
        np(ingress=[{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]),
        "2001:db8::1",
        A,
        80,
        "TCP",
        "deny",
    ),
    "the address of a pod stands for the pod": (
        np(ingress=[FROM_ALL_PODS]),
        "10.0.0.2",
        A,
        80,
        "TCP",
        "accept",
    ),
}


@pytest.mark.parametrize(
    ("written", "source", "destination", "port", "protocol", "expected"), FLOWS.values(), ids=FLOWS
)
def test_flows(
    written: Object, source: str, destination: str, port: int, protocol: str, expected: str
) -> None:
    assert verdict(written, source, destination, port, protocol) == expected


@pytest.mark.parametrize(("dialect", "expected"), [("", "accept"), ("calico", "accept"), ("cilium", "deny")])
def test_whether_a_block_means_pods_is_a_matter_of_reading(dialect: Dialect, expected: str) -> None:
    block = np(ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}])
    assert World([*PODS, block], dialect).verdict(B, A) == expected


def test_the_decision_names_the_rule_and_all_that_select() -> None:
    other = policy("NetworkPolicy", "shop/q", {"podSelector": {"matchLabels": {"app": "a"}}})
    answer = World([*PODS, np(ingress=[{}, FROM_ALL_PODS]), other]).answer(B, A)
    assert (answer.ingress.policy, answer.ingress.rule) == ("NetworkPolicy shop/p", "spec.ingress[0]")
    assert answer.ingress.selecting == ("NetworkPolicy shop/p", "NetworkPolicy shop/q")
    denied = World([*PODS, np(), other]).answer(B, A)
    assert denied.decisive.because == "no rule of NetworkPolicy shop/p, NetworkPolicy shop/q lets it through"


def test_pods_that_no_policy_tells_apart_are_one_class() -> None:
    many = [pod(f"shop/w{at}", f"10.0.1.{at}", {"app": "b", "hash": f"{at}"}) for at in range(50)]
    world = World([*PODS, *many, np(ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "a"}}}]}])])
    found = connectivity(world.cluster, world.policies)
    assert sorted(len(one.members) for one in found.classes if one.party.kind == "pod") == [1, 51]


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        ({"kind": "StatefulSet", "name": "db"}, "sts/shop/db"),
        ({"kind": "Job", "name": "db"}, "job/shop/db"),
        ({"kind": "Node", "name": "n1"}, "pod/shop/p"),
        ({"name": "db"}, "pod/shop/p"),
    ],
)
def test_the_owner_that_a_pod_is_named_after(owner: Fields, name: str) -> None:
    item = pod("shop/p", "10.0.0.9")
    owned: Object = {**item, "metadata": {**mapping(item, "metadata"), "ownerReferences": [owner]}}
    world = World([owned])
    assert [workload(one) for one in world.cluster.pods()] == [name]


def test_a_block_that_divides_them_makes_two() -> None:
    world = World([*PODS, np(ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.2/32"}}]}])])
    found = connectivity(world.cluster, world.policies)
    assert [one.members for one in found.classes if one.party.kind == "pod"] == [[A], [B]]

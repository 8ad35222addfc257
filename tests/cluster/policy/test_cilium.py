"""Cilium's policies on layers 3 and 4, and what of them is unknown."""

import pytest

from kubectl_skoop.cluster.objects import Object
from tests.cluster.policy.world import Fields, World, namespace, pod, policy

A, B, C = "shop/a", "shop/b", "mail/c"
PODS: list[Object] = [
    namespace("shop", team="red"),
    namespace("mail", team="blue"),
    {
        "kind": "Node",
        "metadata": {"name": "n1", "labels": {"zone": "east"}},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.168.0.1"}]},
    },
    pod(A, "10.0.0.1", {"app": "a"}, [("http", 8080, "TCP")], nodeName="n1"),
    pod(B, "10.0.0.2", {"app": "b"}, nodeName="n2", serviceAccountName="viewer"),
    pod(C, "10.0.0.3", {"app": "b"}, nodeName="n3"),
    pod("mail/h", "192.168.0.1", {"app": "b"}, nodeName="n1", hostNetwork=True),
    {
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop", "labels": {"tier": "front"}},
        "spec": {"selector": {"app": "b"}},
    },
    {
        "kind": "Service",
        "metadata": {"name": "post", "namespace": "mail", "labels": {"tier": "front"}},
        "spec": {"selector": {"app": "b"}},
    },
    {
        "kind": "CiliumCIDRGroup",
        "metadata": {"name": "partners", "labels": {"kind": "partner"}},
        "spec": {"externalCIDRs": ["8.8.0.0/16"]},
    },
    {"kind": "Service", "metadata": {"name": "far", "namespace": "shop"}, "spec": {}},
    {
        "kind": "EndpointSlice",
        "metadata": {
            "name": "far-1",
            "namespace": "shop",
            "labels": {"kubernetes.io/service-name": "far"},
        },
        "endpoints": [{"addresses": ["8.8.8.8"]}],
    },
]
OUT = "8.8.8.8"
TO_A: Fields = {"endpointSelector": {"matchLabels": {"app": "a"}}}


def cnp(name: str = "shop/p", **spec: object) -> Object:
    return policy("CiliumNetworkPolicy", name, {**TO_A, **spec}, "cilium.io/v2")


def ccnp(name: str = "p", **spec: object) -> Object:
    return policy("CiliumClusterwideNetworkPolicy", name, {**TO_A, **spec}, "cilium.io/v2")


def labels(**own: str) -> Fields:
    return {"matchLabels": own}


def by(key: str, value: str) -> Fields:
    return {"matchLabels": {key: value}}


def on(*ports: Fields, **more: object) -> list[Fields]:
    return [{"ports": list(ports), **more}]


P80: Fields = {"port": "80", "protocol": "TCP"}
IN_B: Fields = {"fromEndpoints": [labels(app="b")]}
FRONT: Fields = {"toServices": [{"k8sServiceSelector": {"selector": labels(tier="front")}}]}
FRONT_OF_SHOP: Fields = {
    "toServices": [{"k8sServiceSelector": {"selector": labels(tier="front"), "namespace": "shop"}}]
}
PARTNERS: Fields = {"cidrGroupSelector": labels(kind="partner")}
K8S = policy("NetworkPolicy", "shop/k", {"podSelector": {}, "ingress": [{}]})

FLOWS: dict[str, tuple[list[Object], str, str, int, str, str]] = {
    "endpoints of the own namespace": ([cnp(ingress=[IN_B])], B, A, 80, "TCP", "accept"),
    "not those of another": ([cnp(ingress=[IN_B])], C, A, 80, "TCP", "deny"),
    "unless it is named": (
        [cnp(ingress=[{"fromEndpoints": [by("k8s:io.kubernetes.pod.namespace", "mail")]}])],
        C,
        A,
        80,
        "TCP",
        "accept",
    ),
    "or told by its labels": (
        [cnp(ingress=[{"fromEndpoints": [by("k8s:io.cilium.k8s.namespace.labels.team", "blue")]}])],
        C,
        A,
        80,
        "TCP",
        "accept",
    ),
    "clusterwide: every namespace": ([ccnp(ingress=[IN_B])], C, A, 80, "TCP", "accept"),
    "labels with a source": (
        [cnp(ingress=[{"fromEndpoints": [by("any:app", "b")]}])],
        B,
        A,
        80,
        "TCP",
        "accept",
    ),
    "a source that is not collected": (
        [cnp(ingress=[{"fromEndpoints": [by("container:app", "b")]}])],
        B,
        A,
        80,
        "TCP",
        "unknown",
    ),
    "a service account": (
        [cnp(ingress=[{"fromEndpoints": [by("io.cilium.k8s.policy.serviceaccount", "viewer")]}])],
        B,
        A,
        80,
        "TCP",
        "accept",
    ),
    "an empty selector is the namespace": ([cnp(ingress=[{"fromEndpoints": [{}]}])], C, A, 80, "TCP", "deny"),
    "an empty list is unknown": ([cnp(ingress=[{"fromEndpoints": []}])], B, A, 80, "TCP", "unknown"),
    "an empty rule isolates": ([cnp(ingress=[{}])], B, A, 80, "TCP", "deny"),
    "no rule does not": ([cnp(egress=[{}])], B, A, 80, "TCP", "accept"),
    "enableDefaultDeny turns it off": (
        [cnp(ingress=[{}], enableDefaultDeny={"ingress": False})],
        B,
        A,
        80,
        "TCP",
        "accept",
    ),
    "and on": ([cnp(enableDefaultDeny={"ingress": True})], B, A, 80, "TCP", "deny"),
    "ports without peers mean everybody": (
        [cnp(ingress=[{"toPorts": on(P80)}])],
        OUT,
        A,
        80,
        "TCP",
        "accept",
    ),
    "and nothing else": ([cnp(ingress=[{"toPorts": on(P80)}])], OUT, A, 81, "TCP", "deny"),
    "a range": ([cnp(ingress=[{"toPorts": on({"port": "80", "endPort": 90})}])], OUT, A, 85, "UDP", "accept"),
    "port 0 is every port": (
        [cnp(ingress=[{"toPorts": on({"port": "0", "protocol": "TCP"})}])],
        OUT,
        A,
        85,
        "TCP",
        "accept",
    ),
    "a named port": ([cnp(ingress=[{"toPorts": on({"port": "http"})}])], OUT, A, 8080, "TCP", "accept"),
    "ports do not mean ICMP": ([cnp(ingress=[{"toPorts": on({"port": "0"})}])], OUT, A, 0, "ICMP", "deny"),
    "an echo": (
        [cnp(ingress=[{"icmps": [{"fields": [{"type": 8, "family": "IPv4"}]}]}])],
        OUT,
        A,
        0,
        "ICMP",
        "accept",
    ),
    "another ICMP type": ([cnp(ingress=[{"icmps": [{"fields": [{"type": 3}]}]}])], OUT, A, 0, "ICMP", "deny"),
    "a deny rule outweighs": (
        [cnp(ingress=[IN_B], ingressDeny=[{"toPorts": on(P80)}])],
        B,
        A,
        80,
        "TCP",
        "deny",
    ),
    "that of another policy, too": (
        [cnp(ingress=[IN_B]), ccnp(ingressDeny=[{"fromEntities": ["all"]}])],
        B,
        A,
        80,
        "TCP",
        "deny",
    ),
    "and one beside a NetworkPolicy": (
        [K8S, ccnp(ingressDeny=[{"fromEntities": ["cluster"]}])],
        B,
        A,
        80,
        "TCP",
        "deny",
    ),
    "NetworkPolicies add up with them": ([K8S, cnp(ingress=[{}])], B, A, 80, "TCP", "accept"),
    "a deny rule alone isolates": ([cnp(ingressDeny=[{"fromEntities": ["world"]}])], B, A, 80, "TCP", "deny"),
    "world is outside": ([cnp(ingress=[{"fromEntities": ["world"]}])], OUT, A, 80, "TCP", "accept"),
    "pods are not": ([cnp(ingress=[{"fromEntities": ["world"]}])], B, A, 80, "TCP", "deny"),
    "cluster is not outside": ([cnp(ingress=[{"fromEntities": ["cluster"]}])], OUT, A, 80, "TCP", "deny"),
    "a CIDR means outside": ([cnp(ingress=[{"fromCIDR": ["0.0.0.0/0"]}])], OUT, A, 80, "TCP", "accept"),
    "and never pods": ([cnp(ingress=[{"fromCIDR": ["0.0.0.0/0"]}])], B, A, 80, "TCP", "deny"),
    "a set with an exception": (
        [cnp(ingress=[{"fromCIDRSet": [{"cidr": "8.0.0.0/8", "except": ["8.8.0.0/16"]}]}])],
        OUT,
        A,
        80,
        "TCP",
        "deny",
    ),
    "a pod of the host's network is a node": (
        [cnp(ingress=[{"fromEntities": ["remote-node"]}])],
        "mail/h",
        A,
        80,
        "TCP",
        "accept",
    ),
    "not an endpoint": ([ccnp(ingress=[IN_B])], "mail/h", A, 80, "TCP", "deny"),
    "nodes by label": (
        [ccnp(ingress=[{"fromNodes": [labels(zone="east")]}])],
        "mail/h",
        A,
        80,
        "TCP",
        "accept",
    ),
    "a service with a selector": (
        [cnp(egress=[{"toServices": [{"k8sService": {"serviceName": "web"}}]}])],
        A,
        B,
        80,
        "TCP",
        "accept",
    ),
    "of whichever namespace, if it names none": (
        [cnp(egress=[{"toServices": [{"k8sService": {"serviceName": "post"}}]}])],
        A,
        C,
        80,
        "TCP",
        "accept",
    ),
    "not of another than it names": (
        [cnp(egress=[{"toServices": [{"k8sService": {"serviceName": "web", "namespace": "shop"}}]}])],
        A,
        C,
        80,
        "TCP",
        "deny",
    ),
    "services by label": ([cnp(egress=[FRONT])], A, C, 80, "TCP", "accept"),
    "of one namespace": ([cnp(egress=[FRONT_OF_SHOP])], A, C, 80, "TCP", "deny"),
    "a group of CIDRs by name": (
        [cnp(egress=[{"toCIDRSet": [{"cidrGroupRef": "partners"}]}])],
        A,
        OUT,
        80,
        "TCP",
        "accept",
    ),
    "groups by label": ([cnp(egress=[{"toCIDRSet": [PARTNERS]}])], A, OUT, 80, "TCP", "accept"),
    "with exceptions": (
        [cnp(egress=[{"toCIDRSet": [{**PARTNERS, "except": ["8.8.8.0/24"]}]}])],
        A,
        OUT,
        80,
        "TCP",
        "deny",
    ),
    "a selector of groups that cannot be read": (
        [cnp(egress=[{"toCIDRSet": [{"cidrGroupSelector": {"matchLabels": 1}}]}])],
        A,
        OUT,
        80,
        "TCP",
        "unknown",
    ),
    "a service without": (
        [cnp(egress=[{"toServices": [{"k8sService": {"serviceName": "far"}}]}])],
        A,
        OUT,
        80,
        "TCP",
        "accept",
    ),
    "a service that is not there": (
        [cnp(egress=[{"toServices": [{"k8sService": {"serviceName": "x"}}]}])],
        A,
        OUT,
        80,
        "TCP",
        "unknown",
    ),
    "layer 7": (
        [cnp(ingress=[{"toPorts": on(P80, rules={"http": [{"method": "GET"}]})}])],
        B,
        A,
        80,
        "TCP",
        "unknown",
    ),
    "layer 7 on another port": (
        [cnp(ingress=[{"toPorts": on(P80, rules={"http": [{"method": "GET"}]})}])],
        B,
        A,
        81,
        "TCP",
        "deny",
    ),
    "layer 7 beside a rule that allows": (
        [cnp(ingress=[IN_B, {"toPorts": on(P80, rules={"http": [{}]})}])],
        B,
        A,
        80,
        "TCP",
        "accept",
    ),
    "FQDNs": ([cnp(egress=[{"toFQDNs": [{"matchName": "example.org"}]}])], A, OUT, 443, "TCP", "unknown"),
    "FQDNs are no pods": (
        [cnp(egress=[{"toFQDNs": [{"matchName": "example.org"}]}])],
        A,
        B,
        443,
        "TCP",
        "deny",
    ),
    "the API server without endpoints": (
        [cnp(egress=[{"toEntities": ["kube-apiserver"]}])],
        A,
        OUT,
        443,
        "TCP",
        "unknown",
    ),
    "an unknown entity": ([cnp(ingress=[{"fromEntities": ["moon"]}])], B, A, 80, "TCP", "unknown"),
    "an unknown field of a rule": ([cnp(ingress=[{"fromMoons": ["x"]}])], B, A, 80, "TCP", "unknown"),
    "a deny rule that is unknown": (
        [cnp(ingress=[IN_B], ingressDeny=[{"fromMoons": ["x"]}])],
        B,
        A,
        80,
        "TCP",
        "unknown",
    ),
    "specs": (
        [
            {
                **policy("CiliumNetworkPolicy", "shop/p", None, "cilium.io/v2"),
                "specs": [{**TO_A, "ingress": [IN_B]}],
            }
        ],
        C,
        A,
        80,
        "TCP",
        "deny",
    ),
    "neither spec nor specs": (
        [policy("CiliumNetworkPolicy", "shop/p", None, "cilium.io/v2")],
        B,
        A,
        80,
        "TCP",
        "unknown",
    ),
}


@pytest.mark.parametrize(
    ("written", "source", "destination", "port", "protocol", "expected"), FLOWS.values(), ids=FLOWS
)
def test_flows(
    written: list[Object], source: str, destination: str, port: int, protocol: str, expected: str
) -> None:
    world = World([*PODS, *written], "cilium")
    assert world.verdict(source, destination, port, protocol) == expected


def test_what_layer_7_says_is_not_kept() -> None:
    rules = {"http": [{"headers": ["X-Token: s3cr3t"]}]}
    assert "s3cr3t" not in str(cnp(ingress=[{"toPorts": on(P80, rules=rules)}]))

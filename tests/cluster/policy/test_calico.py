"""Calico's policies: order, tiers, sets, negations."""

import pytest

from kubectl_skoop.cluster.objects import Object
from kubectl_skoop.cluster.raw import mapping
from tests.cluster.policy.world import Fields, World, namespace, pod, policy

V3 = "projectcalico.org/v3"
A, B, C = "shop/a", "shop/b", "mail/c"
PODS: list[Object] = [
    namespace("shop", team="red"),
    namespace("mail", team="blue"),
    pod(A, "10.0.0.1", {"app": "a"}, nodeName="n1", serviceAccountName="payer"),
    pod(B, "10.0.0.2", {"app": "b", "tier": "front"}, nodeName="n2", serviceAccountName="viewer"),
    pod(C, "10.0.0.3", {"app": "b"}, nodeName="n3"),
]
OUT = "8.8.8.8"


def gnp(name: str = "p", **spec: object) -> Object:
    return policy("GlobalNetworkPolicy", name, spec, V3)


def np(name: str = "shop/p", **spec: object) -> Object:
    return policy("NetworkPolicy", name, spec, V3)


def tier(name: str, order: float | None, action: str = "Deny") -> Object:
    return policy("Tier", name, {"order": order, "defaultAction": action}, V3)


def allow(**more: object) -> Fields:
    return {"action": "Allow", **more}


def deny(**more: object) -> Fields:
    return {"action": "Deny", **more}


PASS: Fields = {"action": "Pass"}
K8S = policy("NetworkPolicy", "shop/k", {"podSelector": {}, "ingress": [{}]})
SOURCE_B: Fields = {"source": {"selector": "app == 'b'"}}

FLOWS: dict[str, tuple[list[Object], str, str, int, str, str]] = {
    "no policy: the profile allows": ([], B, A, 80, "TCP", "accept"),
    "selected without rules: denied": ([gnp(selector="app == 'a'")], B, A, 80, "TCP", "deny"),
    "an empty selector is all()": ([gnp()], B, C, 80, "TCP", "deny"),
    "only egress rules: egress only": ([gnp(egress=[deny()])], OUT, A, 80, "TCP", "accept"),
    "both kinds of rules: both": ([gnp(egress=[allow()], ingress=[deny()])], OUT, A, 80, "TCP", "deny"),
    "types outweigh rules": (
        [gnp(types=["Egress"], ingress=[deny()], egress=[allow()])],
        B,
        A,
        80,
        "TCP",
        "accept",
    ),
    "the lower order comes first": (
        [gnp("z", order=1, ingress=[deny()]), gnp("a", order=2, ingress=[allow()])],
        B,
        A,
        80,
        "TCP",
        "deny",
    ),
    "no order comes last": (
        [gnp("a", ingress=[deny()]), gnp("z", order=9999, ingress=[allow()])],
        B,
        A,
        80,
        "TCP",
        "accept",
    ),
    "at equal order the name decides": (
        [gnp("b", order=1, ingress=[deny()]), gnp("a", order=1, ingress=[allow()])],
        B,
        A,
        80,
        "TCP",
        "accept",
    ),
    "rules in their order": ([gnp(ingress=[deny(protocol="TCP"), allow()])], B, A, 80, "TCP", "deny"),
    "Log decides nothing": ([gnp(ingress=[{"action": "Log"}, allow()])], B, A, 80, "TCP", "accept"),
    "NetworkPolicies have order 1000": ([K8S, gnp(order=999, ingress=[deny()])], B, A, 80, "TCP", "deny"),
    "and come before what is behind it": (
        [K8S, gnp(order=1001, ingress=[deny()])],
        B,
        A,
        80,
        "TCP",
        "accept",
    ),
    "a tier before the default one": (
        [tier("sec", 100), gnp("sec.p", tier="sec", ingress=[deny()]), K8S],
        B,
        A,
        80,
        "TCP",
        "deny",
    ),
    "its end denies": (
        [tier("sec", 100), gnp("sec.p", tier="sec", ingress=[allow(protocol="UDP")]), K8S],
        B,
        A,
        80,
        "TCP",
        "deny",
    ),
    "unless its action is Pass": (
        [tier("sec", 100, "Pass"), gnp("sec.p", tier="sec", ingress=[allow(protocol="UDP")]), K8S],
        B,
        A,
        80,
        "TCP",
        "accept",
    ),
    "Pass leads to the next tier": (
        [tier("sec", 100), gnp("sec.p", tier="sec", ingress=[PASS]), gnp(ingress=[deny()])],
        B,
        A,
        80,
        "TCP",
        "deny",
    ),
    "Pass in the last tier leads to the profile": ([gnp(ingress=[PASS])], B, A, 80, "TCP", "accept"),
    "a tier that selects nobody is skipped": (
        [tier("sec", 100), gnp("sec.p", tier="sec", selector="app == 'x'")],
        B,
        A,
        80,
        "TCP",
        "accept",
    ),
    "tiers without an order come last": (
        [tier("late", None), gnp("late.p", tier="late", ingress=[deny()]), K8S],
        B,
        A,
        80,
        "TCP",
        "accept",
    ),
    "a namespaced policy selects its own": ([np(ingress=[deny()])], B, C, 80, "TCP", "accept"),
    "and its selectors, too": (
        [np(ingress=[allow(source={"selector": "app == 'b'"})])],
        C,
        A,
        80,
        "TCP",
        "deny",
    ),
    "unless they name namespaces": (
        [np(ingress=[allow(source={"selector": "app == 'b'", "namespaceSelector": "team == 'blue'"})])],
        C,
        A,
        80,
        "TCP",
        "accept",
    ),
    "a global selector means all namespaces": ([gnp(ingress=[allow(**SOURCE_B)])], C, A, 80, "TCP", "accept"),
    "a selector never means the outside": (
        [gnp(ingress=[allow(source={"selector": "!has(x)"})])],
        OUT,
        A,
        80,
        "TCP",
        "deny",
    ),
    "notSelector does": (
        [gnp(ingress=[allow(source={"notSelector": "app == 'b'"})])],
        OUT,
        A,
        80,
        "TCP",
        "accept",
    ),
    "and not who meets it": (
        [gnp(ingress=[allow(source={"notSelector": "app == 'b'"})])],
        B,
        A,
        80,
        "TCP",
        "deny",
    ),
    "nets mean pods, too": (
        [gnp(ingress=[allow(source={"nets": ["10.0.0.2/32"]})])],
        B,
        A,
        80,
        "TCP",
        "accept",
    ),
    "notNets": ([gnp(ingress=[allow(source={"notNets": ["10.0.0.2/32"]})])], B, A, 80, "TCP", "deny"),
    "a service account by name": (
        [gnp(ingress=[allow(source={"serviceAccounts": {"names": ["viewer"]}})])],
        B,
        A,
        80,
        "TCP",
        "accept",
    ),
    "another one": (
        [gnp(ingress=[allow(source={"serviceAccounts": {"names": ["viewer"]}})])],
        C,
        A,
        80,
        "TCP",
        "deny",
    ),
    "its labels are not known": (
        [gnp(ingress=[allow(source={"serviceAccounts": {"selector": "role == 'x'"}})])],
        B,
        A,
        80,
        "TCP",
        "unknown",
    ),
    "namespaceSelector of a global policy": (
        [gnp(namespaceSelector="team == 'blue'", ingress=[deny()])],
        B,
        A,
        80,
        "TCP",
        "accept",
    ),
    "a label of the namespace as a pod's": (
        [gnp(ingress=[allow(source={"selector": "pcns.team == 'red'"})])],
        B,
        A,
        80,
        "TCP",
        "accept",
    ),
    "the namespace as a pod's label": (
        [gnp(ingress=[allow(source={"selector": "projectcalico.org/namespace == 'mail'"})])],
        C,
        A,
        80,
        "TCP",
        "accept",
    ),
    "ports": (
        [gnp(ingress=[allow(protocol="TCP", destination={"ports": [80, "90:95"]})])],
        B,
        A,
        93,
        "TCP",
        "accept",
    ),
    "notPorts": (
        [gnp(ingress=[allow(protocol="TCP", destination={"notPorts": [80]})])],
        B,
        A,
        80,
        "TCP",
        "deny",
    ),
    "notProtocol": ([gnp(ingress=[allow(notProtocol="UDP")])], B, A, 80, "UDP", "deny"),
    "a protocol by number": ([gnp(ingress=[allow(protocol=132)])], B, A, 80, "SCTP", "accept"),
    "ICMP of another type": (
        [gnp(ingress=[allow(protocol="ICMP", icmp={"type": 3})])],
        B,
        A,
        0,
        "ICMP",
        "deny",
    ),
    "ICMP echo": ([gnp(ingress=[allow(protocol="ICMP", icmp={"type": 8})])], B, A, 0, "ICMP", "accept"),
    "ipVersion 6 does not mean IPv4": ([gnp(ingress=[allow(ipVersion=6)])], OUT, A, 80, "TCP", "deny"),
    "destination narrows whom an ingress rule is for": (
        [gnp(ingress=[deny(destination={"selector": "app == 'a'"}), allow()])],
        A,
        B,
        80,
        "TCP",
        "accept",
    ),
    "and denies those": (
        [gnp(ingress=[deny(destination={"selector": "app == 'a'"}), allow()])],
        B,
        A,
        80,
        "TCP",
        "deny",
    ),
    "HTTP is unknown": ([gnp(ingress=[allow(http={"methods": ["GET"]})])], B, A, 80, "TCP", "unknown"),
    "but not where the ports do not fit": (
        [gnp(ingress=[allow(http={"methods": ["GET"]}, protocol="TCP", destination={"ports": [80]})])],
        B,
        A,
        81,
        "TCP",
        "deny",
    ),
    "policies before address translation are for host endpoints": (
        [gnp(preDNAT=True, applyOnForward=True, ingress=[deny()])],
        B,
        A,
        80,
        "TCP",
        "accept",
    ),
    "an unknown tier is unknown": ([gnp(tier="none")], B, A, 80, "TCP", "unknown"),
    "a broken selector is unknown": ([gnp(selector="app = 'a'")], B, A, 80, "TCP", "unknown"),
    "the stored form of the same": (
        [policy("GlobalNetworkPolicy", "default.p", {"ingress": [deny()]}, "crd.projectcalico.org/v1")],
        B,
        A,
        80,
        "TCP",
        "deny",
    ),
}


@pytest.mark.parametrize(
    ("written", "source", "destination", "port", "protocol", "expected"), FLOWS.values(), ids=FLOWS
)
def test_flows(
    written: list[Object], source: str, destination: str, port: int, protocol: str, expected: str
) -> None:
    assert World([*PODS, *written]).verdict(source, destination, port, protocol) == expected


def test_sets_are_found_by_label_in_their_namespace() -> None:
    own = policy("NetworkSet", "shop/s", {"nets": ["8.8.8.0/24"]}, V3)
    wide = policy("GlobalNetworkSet", "g", {"nets": ["9.9.9.0/24"]}, V3)
    sets: list[Object] = [
        {**item, "metadata": {**mapping(item, "metadata"), "labels": {"kind": "partner"}}}
        for item in (own, wide)
    ]
    chosen = allow(source={"selector": "kind == 'partner'"})
    everywhere = World([*PODS, *sets, gnp(ingress=[chosen])])
    assert [everywhere.verdict(f"{at}.{at}.{at}.1", A) for at in (8, 9, 7)] == ["accept", "accept", "deny"]
    here = World([*PODS, *sets, np(ingress=[chosen])])
    assert [here.verdict(f"{at}.{at}.{at}.1", A) for at in (8, 9)] == ["accept", "deny"]
    globally = allow(source={"selector": "kind == 'partner'", "namespaceSelector": "global()"})
    outside = World([*PODS, *sets, np(ingress=[globally])])
    assert [outside.verdict(f"{at}.{at}.{at}.1", A) for at in (8, 9)] == ["deny", "accept"]

"""The administrator's policies, as the conformance tests of network-policy-api have them, in our own words.

Four houses with two pods each; g is the subject. Rules are asked in their order: what r, s and h may do
follows from which rule stands first. Each case holds for both directions, three protocols and both tiers.
"""

from itertools import product

import pytest

from kubectl_skoop.cluster.objects import Object
from tests.cluster.policy.world import Fields, World, namespace, pod, policy

API = "policy.networking.k8s.io"
HOUSES = ("g", "s", "h", "r")
PORTS = {"TCP": (80, 8080), "UDP": (53, 5353), "SCTP": (9003, 9005)}
"""Of each protocol the port that rules name, and another one."""
PODS: list[Object] = [
    *(namespace(house, house=house) for house in HOUSES),
    *(
        pod(
            f"{house}/{at}",
            f"10.0.{number}.{at + 1}",
            {"house": house},
            [("web", 80, "TCP")],
            nodeName=f"{house}{at}",
        )
        for number, house in enumerate(HOUSES)
        for at in (0, 1)
    ),
]
Named = tuple[str, str, bool]
"""Action, house, whether for the named port only."""
ACCEPT_R, DENY_R, PASS_R = ("Accept", "r", False), ("Deny", "r", False), ("Pass", "r", False)
DENY_S, PASS_S, ACCEPT_S = ("Deny", "s", True), ("Pass", "s", True), ("Accept", "s", True)
ACCEPT_H, DENY_H = ("Accept", "h", True), ("Deny", "h", False)

ORDERS: dict[str, tuple[tuple[Named, ...], dict[str, tuple[bool, bool]]]] = {
    "accept first": (
        (ACCEPT_R, DENY_R, PASS_R, DENY_S, PASS_S, ACCEPT_H, DENY_H),
        {"r": (True, True), "s": (False, True), "h": (True, False)},
    ),
    "deny first": (
        (DENY_R, ACCEPT_R, PASS_R, DENY_S, PASS_S, ACCEPT_H, DENY_H),
        {"r": (False, False), "s": (False, True), "h": (True, False)},
    ),
    "pass first": (
        (PASS_R, ACCEPT_R, DENY_R, PASS_S, DENY_S, ACCEPT_H, DENY_H),
        {"r": (True, True), "s": (True, True), "h": (True, False)},
    ),
    "deny before the port": (
        (DENY_R, PASS_S, DENY_S, DENY_H, ACCEPT_H),
        {"r": (False, False), "s": (True, True), "h": (False, False)},
    ),
}


def rule(named: Named, direction: str, protocol: str, older: bool) -> Fields:
    action, house, on_port = named
    peer: Fields = {"namespaces": {"matchLabels": {"kubernetes.io/metadata.name": house}}}
    found: Fields = {
        "action": "Allow" if older and action == "Accept" else action,
        "from" if direction == "ingress" else "to": [peer],
    }
    number = PORTS[protocol][0]
    if on_port and older:
        found["ports"] = [{"portNumber": {"protocol": protocol, "port": number}}]
    elif on_port:
        found["protocols"] = [{protocol.lower(): {"destinationPort": {"number": number}}}]
    return found


def subject(house: str = "g") -> Fields:
    return {"namespaces": {"matchLabels": {"house": house}}}


def cnp(name: str, rules: Fields, tier: str = "Admin", priority: int = 10) -> Object:
    spec: Fields = {"tier": tier, "priority": priority, "subject": subject(), **rules}
    return policy("ClusterNetworkPolicy", name, spec, f"{API}/v1alpha2")


def written(kind: str, tier: str, rules: list[Named], direction: str, protocol: str) -> Object:
    older = kind != "ClusterNetworkPolicy"
    found: Fields = {direction: [rule(one, direction, protocol, older) for one in rules]}
    if not older:
        return cnp("p", found, tier)
    more: Fields = {"priority": 10} if tier == "Admin" else {}
    return policy(kind, "default", {"subject": subject(), **more, **found}, f"{API}/v1alpha1")


KINDS = (
    ("ClusterNetworkPolicy", "Admin"),
    ("ClusterNetworkPolicy", "Baseline"),
    ("AdminNetworkPolicy", "Admin"),
    ("BaselineAdminNetworkPolicy", "Baseline"),
)


ASKED = [
    (kind, tier, order)
    for kind, tier in KINDS
    for order in ORDERS
    if (kind, order) != ("BaselineAdminNetworkPolicy", "pass first")
]


@pytest.mark.parametrize(("kind", "tier", "order"), ASKED, ids=[" ".join(case) for case in ASKED])
def test_order_of_rules(kind: str, tier: str, order: str) -> None:
    rules, expected = ORDERS[order]
    if kind == "BaselineAdminNetworkPolicy":
        rules = tuple(one for one in rules if one[0] != "Pass")
        expected = expected if order != "deny before the port" else {**expected, "s": (False, True)}
    for direction, protocol in product(("ingress", "egress"), PORTS):
        world = World([*PODS, written(kind, tier, list(rules), direction, protocol)])
        assert not world.policies.problems
        for house, answers in expected.items():
            for port, allowed in zip(PORTS[protocol], answers, strict=True):
                ends = (f"{house}/0", "g/1") if direction == "ingress" else ("g/1", f"{house}/0")
                verdict = world.verdict(*ends, port, protocol)
                assert verdict == ("accept" if allowed else "deny"), (direction, protocol, house, port)


@pytest.mark.parametrize(("own", "expected"), [(1, "accept"), (9, "deny")])
def test_the_lower_priority_number_is_asked_first(own: int, expected: str) -> None:
    accept = cnp("a", {"ingress": [rule(ACCEPT_S, "ingress", "TCP", False)]}, priority=own)
    deny = cnp("b", {"ingress": [rule(DENY_S, "ingress", "TCP", False)]}, priority=5)
    assert World([*PODS, accept, deny]).verdict("s/0", "g/0", 80) == expected


NP = policy(
    "NetworkPolicy",
    "g/np",
    {"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"house": "s"}}}]}]},
)
BASE_DENY = cnp("base", {"ingress": [rule(DENY_S, "ingress", "TCP", False)]}, "Baseline")


def first(named: Named, name: str = "p", priority: int = 10) -> Object:
    return cnp(name, {"ingress": [rule(named, "ingress", "TCP", False)]}, priority=priority)


CHAINS: dict[str, tuple[list[Object], str, str]] = {
    "admin outweighs a NetworkPolicy": (
        [first(DENY_S), NP],
        "s/0",
        "deny",
    ),
    "passed, the NetworkPolicy decides": (
        [first(PASS_S), NP],
        "s/0",
        "accept",
    ),
    "and denies by isolating": (
        [first(PASS_R), NP],
        "r/0",
        "deny",
    ),
    "a NetworkPolicy outweighs the baseline": ([NP, BASE_DENY], "s/0", "accept"),
    "passed without one, the baseline decides": (
        [first(PASS_S), BASE_DENY],
        "s/0",
        "deny",
    ),
    "Pass skips the rest of its tier": (
        [
            first(PASS_S, "p", priority=1),
            first(DENY_S, "q", priority=2),
        ],
        "s/0",
        "accept",
    ),
    "an empty list of rules touches nothing": ([cnp("p", {"ingress": []})], "s/0", "accept"),
}


@pytest.mark.parametrize(("policies", "source", "expected"), CHAINS.values(), ids=CHAINS)
def test_tiers_in_a_row(policies: list[Object], source: str, expected: str) -> None:
    assert World([*PODS, *policies]).verdict(source, "g/0", 80) == expected


def egress(peer: Fields, action: str = "Deny", **more: object) -> Object:
    return cnp("p", {"egress": [{"action": action, "to": [peer], **more}]})


def test_networks_mean_pods_and_the_outside() -> None:
    world = World([*PODS, egress({"networks": ["10.0.1.0/24", "8.8.0.0/16"]})])
    asked = ("s/0", "h/0", "8.8.8.8", "9.9.9.9")
    assert [world.verdict("g/0", to) for to in asked] == ["deny", "accept", "deny", "accept"]


def test_a_named_port_is_the_receivers() -> None:
    named = egress({"namespaces": {}}, protocols=[{"destinationNamedPort": "web"}])
    world = World([*PODS, named])
    assert [world.verdict("g/0", "s/0", port) for port in (80, 8080)] == ["deny", "accept"]


def test_domain_names_are_unknown_outside_and_no_pods() -> None:
    world = World([*PODS, egress({"domainNames": ["*.example.org"]}, "Accept"), BASE_DENY])
    assert (world.verdict("g/0", "s/0"), world.verdict("g/0", "8.8.8.8")) == ("accept", "accept")
    denied = cnp("q", {"egress": [{"action": "Deny", "to": [{"networks": ["0.0.0.0/0"]}]}]}, priority=20)
    world = World([*PODS, egress({"domainNames": ["*.example.org"]}, "Accept"), denied])
    assert (world.verdict("g/0", "s/0"), world.verdict("g/0", "8.8.8.8")) == ("deny", "unknown")

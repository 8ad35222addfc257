"""What is wrong with a policy is named with its place; what it may decide is unknown, the rest is judged."""

import pytest

from kubectl_skoop.cluster.objects import Object
from tests.cluster.policy.world import Fields, World, namespace, pod, policy

A, B, C = "shop/a", "shop/b", "shop/c"
PODS = [
    namespace("shop"),
    *(pod(name, f"10.0.0.{at}", {"app": name[-1]}, nodeName=f"n{at}") for at, name in enumerate((A, B, C))),
]
TO_A: Fields = {"podSelector": {"matchLabels": {"app": "a"}}}
PASSING: Fields = {
    "priority": 1,
    "subject": {"namespaces": {}},
    "ingress": [{"action": "Allow", "from": [{"namespaces": {"matchLabels": {"a b": "c"}}}]}],
}
"""Whom it allows nobody can tell."""


def ingress(*rules: object, **more: object) -> Object:
    return policy("NetworkPolicy", "shop/p", {**TO_A, "ingress": list(rules), **more})


def one_peer(peer: object) -> Object:
    return ingress({"from": [peer]})


def one_port(**port: object) -> Object:
    return ingress({"ports": [port]})


def by_expression(**expression: object) -> Object:
    return one_peer({"podSelector": {"matchExpressions": [expression]}})


RULES = {
    "unknown operator": (by_expression(key="app", operator="Is", values=["b"]), "unknown operator 'Is'"),
    "In without values": (by_expression(key="app", operator="In"), "needs values"),
    "Exists with values": (by_expression(key="app", operator="Exists", values=["b"]), "takes no values"),
    "no label key": (by_expression(key="a b", operator="Exists"), "'a b' is no label key"),
    "no label value": (one_peer({"podSelector": {"matchLabels": {"app": "b c"}}}), "no label value"),
    "a selector that is a list": (one_peer({"podSelector": ["app"]}), "must be a map"),
    "unknown field of a selector": (one_peer({"podSelector": {"matchField": {}}}), "unknown field"),
    "an empty peer": (one_peer({}), "a peer needs"),
    "a peer of a later version": (one_peer({"serviceSelector": {}}), "unknown field of a peer"),
    "a block with selectors": (one_peer({"ipBlock": {"cidr": "::/0"}, "podSelector": {}}), "no selectors"),
    "no CIDR": (one_peer({"ipBlock": {"cidr": "10.0.0.0/33"}}), "'10.0.0.0/33' is no CIDR"),
    "no CIDR in except": (one_peer({"ipBlock": {"cidr": "::/0", "except": ["x"]}}), "'x' is no CIDR"),
    "a peer that is a text": (one_peer("everybody"), "must be a map"),
    "port 0": (one_port(port=0), "port 0: 1 to 65535"),
    "port 65536": (one_port(port=65536), "port 65536: 1 to 65535"),
    "a port that is true": (one_port(port=True), "port True"),
    "the end before the start": (one_port(port=80, endPort=79), "ports 80-79"),
    "endPort alone": (one_port(endPort=80), "endPort needs a port"),
    "endPort with a name": (one_port(port="http", endPort=80), "named port 'http'"),
    "unknown protocol": (one_port(protocol="ICMP", port=8), "unknown protocol 'ICMP'"),
    "a rule that is a text": (ingress("all"), "an entry of rules must be a map"),
    "unknown field of a rule": (ingress({"form": []}), "unknown field of a rule: form"),
    "rules that are a map": (
        policy("NetworkPolicy", "shop/p", {**TO_A, "ingress": {"from": []}}),
        "rules must be a list",
    ),
}


@pytest.mark.parametrize(("written", "reason"), RULES.values(), ids=RULES)
def test_a_broken_rule_is_unknown_and_named(written: Object, reason: str) -> None:
    world = World([*PODS, written])
    (problem,) = world.policies.problems
    assert reason in problem.reason
    assert problem.policy == "NetworkPolicy shop/p"
    assert problem.where.startswith("spec.ingress")
    answer = world.answer(B, A)
    assert (answer.verdict.value, answer.decisive.policy) == ("unknown", "NetworkPolicy shop/p")
    assert reason in answer.decisive.because
    assert world.verdict(B, C) == "accept"


def test_another_policy_that_accepts_outweighs_a_broken_one() -> None:
    broken = ingress({"from": [{}]})
    fine = policy(
        "NetworkPolicy",
        "shop/fine",
        {**TO_A, "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "b"}}}]}]},
    )
    world = World([*PODS, broken, fine])
    assert (world.verdict(B, A), world.verdict(C, A)) == ("accept", "unknown")


def test_a_policy_of_an_unknown_version_is_not_what_accepts() -> None:
    """It may select the pod, or not: what passes either way, passes by another's rule, or by none."""
    later = policy("NetworkPolicy", "shop/p", TO_A, "networking.k8s.io/v2")
    open_to_all = policy("NetworkPolicy", "shop/fine", {**TO_A, "ingress": [{}]})
    answer = World([*PODS, open_to_all, later]).answer(B, A)
    assert (answer.ingress.verdict.value, answer.ingress.policy) == ("accept", "NetworkPolicy shop/fine")
    assert answer.ingress.because == "NetworkPolicy shop/fine accepts it in spec.ingress[0]"
    admin = policy("AdminNetworkPolicy", "p", PASSING, "policy.networking.k8s.io/v1alpha1")
    answer = World([*PODS, admin]).answer(B, A)
    assert (answer.ingress.verdict.value, answer.ingress.policy) == ("accept", "")
    assert answer.ingress.because == "no policy that selects it denies it"


def test_the_whole_rules_beside_a_broken_one_are_judged() -> None:
    world = World([*PODS, ingress({"ports": [{"port": 0}]}, {"from": [{"podSelector": {}}]})])
    assert world.verdict(B, A) == "accept"
    assert world.verdict("8.8.8.8", A) == "unknown"


HEADS = {
    "unknown version": (
        policy("NetworkPolicy", "shop/p", TO_A, "networking.k8s.io/v2"),
        "unknown version v2",
    ),
    "no spec": (policy("NetworkPolicy", "shop/p", None), "spec must be a map"),
    "unknown field of the spec": (policy("NetworkPolicy", "shop/p", {**TO_A, "action": "Deny"}), "action"),
    "an invalid selector": (
        policy("NetworkPolicy", "shop/p", {"podSelector": {"matchLabels": []}}),
        "matchLabels must be a map",
    ),
    "an unknown type": (ingress(policyTypes=["Forward"]), "unknown type 'Forward'"),
}


@pytest.mark.parametrize(("written", "reason"), HEADS.values(), ids=HEADS)
def test_a_policy_that_cannot_be_read_makes_its_pods_unknown(written: Object, reason: str) -> None:
    world = World([*PODS, namespace("other"), pod("other/d", "10.0.1.1", nodeName="n9"), written])
    (problem,) = world.policies.problems
    assert reason in problem.reason
    assert world.verdict(B, A) == "unknown"
    assert world.verdict(A, "other/d") in ("unknown", "accept")
    assert world.verdict("8.8.8.8", "other/d") == "accept"


def test_a_namespace_without_an_object_has_unknown_labels() -> None:
    by_label: Fields = {"namespaceSelector": {"matchLabels": {"team": "red"}}}
    by_name: Fields = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "lost"}}}
    world = World([*PODS, pod("lost/d", "10.0.1.1", nodeName="n9"), one_peer(by_label)])
    assert [problem.where for problem in world.policies.problems] == ["namespace lost"]
    assert world.verdict("lost/d", A) == "unknown"
    assert world.verdict(B, A) == "deny"
    assert World([*PODS, pod("lost/d", "10.0.1.1"), one_peer(by_name)]).verdict("lost/d", A) == "accept"


API = "policy.networking.k8s.io/v1alpha2"
SUBJECT: Fields = {"namespaces": {}}
ALL: Fields = {"namespaces": {}}


def admin(**more: object) -> Object:
    spec: Fields = {"tier": "Admin", "priority": 5, "subject": SUBJECT, **more}
    return policy("ClusterNetworkPolicy", "p", spec, API)


def rule(**more: object) -> Fields:
    return {"action": "Deny", "from": [ALL], **more}


ADMIN = {
    "unknown tier": (admin(tier="Middle"), "spec", "unknown tier 'Middle'"),
    "priority out of range": (admin(priority=1001), "spec", "0 to 1000"),
    "no priority": (admin(priority=None), "spec", "priority None"),
    "two kinds of subject": (
        admin(subject={"namespaces": {}, "pods": {}}, ingress=[rule()]),
        "spec.subject",
        "exactly one",
    ),
    "unknown action": (admin(ingress=[rule(action="Log")]), "spec.ingress[0]", "unknown action 'Log'"),
    "no peers": (admin(ingress=[rule(**{"from": []})]), "spec.ingress[0]", "needs an entry"),
    "an empty peer": (admin(ingress=[rule(**{"from": [{}]})]), "spec.ingress[0]", "exactly one"),
    "a peer for egress": (
        admin(ingress=[rule(**{"from": [{"networks": ["::/0"]}]})]),
        "spec.ingress[0]",
        "networks",
    ),
    "two protocols in one entry": (
        admin(ingress=[rule(protocols=[{"tcp": {}, "udp": {}}])]),
        "spec.ingress[0]",
        "exactly one",
    ),
    "unknown version": (
        policy("ClusterNetworkPolicy", "p", {"tier": "Admin"}, "policy.networking.k8s.io/v1"),
        "spec",
        "unknown version v1",
    ),
}


@pytest.mark.parametrize(("written", "where", "reason"), ADMIN.values(), ids=ADMIN)
def test_a_broken_policy_of_the_administrator(written: Object, where: str, reason: str) -> None:
    world = World([*PODS, written])
    (problem,) = world.policies.problems
    assert (problem.where, reason in problem.reason) == (where, True), problem
    assert world.verdict(B, A) == "unknown"


def test_two_policies_of_one_priority_that_disagree_are_unknown() -> None:
    deny = admin(ingress=[rule()])
    accept = policy(
        "ClusterNetworkPolicy",
        "q",
        {"tier": "Admin", "priority": 5, "subject": SUBJECT, "ingress": [rule(action="Accept")]},
        API,
    )
    world = World([*PODS, deny, accept])
    assert world.verdict(B, A) == "unknown"
    assert "same priority" in world.answer(B, A).decisive.because
    assert (
        World([*PODS, deny, policy("ClusterNetworkPolicy", "q", deny["spec"], API)]).verdict(B, A) == "deny"
    )

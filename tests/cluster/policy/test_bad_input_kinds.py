"""The same mistakes in every kind of policy: each is named, and makes unknown only what it may decide."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import pytest

from kubectl_skoop.cluster.objects import Object
from tests.cluster.policy.world import World, namespace, pod, policy

A, B, C = "shop/a", "shop/b", "other/c"
PODS = [
    namespace("shop"),
    namespace("other"),
    *(pod(name, f"10.0.0.{at}", {"app": name[-1]}, nodeName=f"n{at}") for at, name in enumerate((A, B, C))),
]
ADMIN_V1, ADMIN_V2 = "policy.networking.k8s.io/v1alpha1", "policy.networking.k8s.io/v1alpha2"
CALICO, CILIUM = "projectcalico.org/v3", "cilium.io/v2"
APP: Any = {"matchLabels": {"app": "b"}}
FROM_B: Any = {"pods": {"namespaceSelector": {}, "podSelector": APP}}
V1_RULE: Any = {
    "action": "Deny",
    "from": [FROM_B],
    "ports": [{"portNumber": {"protocol": "TCP", "port": 80}}],
}
V2_RULE: Any = {
    "action": "Deny",
    "from": [FROM_B],
    "protocols": [{"tcp": {"destinationPort": {"number": 80}}}],
}
CALICO_RULE: Any = {
    "action": "Allow",
    "protocol": "TCP",
    "source": {"selector": "app == 'b'"},
    "destination": {"ports": [80]},
}
CILIUM_RULE: Any = {
    "fromEndpoints": [APP],
    "toPorts": [{"ports": [{"port": "80", "protocol": "TCP"}]}],
}
SHOP_PODS: Any = {
    "pods": {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}},
        "podSelector": {"matchLabels": {"app": "a"}},
    }
}

KINDS: Mapping[str, Callable[[], tuple[str, str, str, Any]]] = {
    "NetworkPolicy": lambda: (
        "NetworkPolicy",
        "shop/p",
        "networking.k8s.io/v1",
        {
            "podSelector": {"matchLabels": {"app": "a"}},
            "ingress": [{"from": [{"podSelector": APP}], "ports": [{"port": 80}]}],
        },
    ),
    "AdminNetworkPolicy": lambda: (
        "AdminNetworkPolicy",
        "p",
        ADMIN_V1,
        {"priority": 5, "subject": SHOP_PODS, "ingress": [V1_RULE]},
    ),
    "BaselineAdminNetworkPolicy": lambda: (
        "BaselineAdminNetworkPolicy",
        "default",
        ADMIN_V1,
        {"subject": SHOP_PODS, "ingress": [V1_RULE]},
    ),
    "ClusterNetworkPolicy": lambda: (
        "ClusterNetworkPolicy",
        "p",
        ADMIN_V2,
        {"tier": "Admin", "priority": 5, "subject": SHOP_PODS, "ingress": [V2_RULE]},
    ),
    "Calico NetworkPolicy": lambda: (
        "NetworkPolicy",
        "shop/p",
        CALICO,
        {"selector": "app == 'a'", "types": ["Ingress"], "ingress": [CALICO_RULE]},
    ),
    "GlobalNetworkPolicy": lambda: (
        "GlobalNetworkPolicy",
        "p",
        CALICO,
        {"selector": "app == 'a'", "types": ["Ingress"], "ingress": [CALICO_RULE]},
    ),
    "CiliumNetworkPolicy": lambda: (
        "CiliumNetworkPolicy",
        "shop/p",
        CILIUM,
        {"endpointSelector": {"matchLabels": {"app": "a"}}, "ingress": [CILIUM_RULE]},
    ),
    "CiliumClusterwideNetworkPolicy": lambda: (
        "CiliumClusterwideNetworkPolicy",
        "p",
        CILIUM,
        {"endpointSelector": {"matchLabels": {"app": "a"}}, "ingress": [CILIUM_RULE]},
    ),
}


def put(spec: Any, path: str, value: Any) -> None:
    """`value` at `a.0.b` of the spec."""
    *before, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    for part in before:
        spec = spec[part]
    spec[last] = value


EXPRESSION = {"matchExpressions": [{"key": "app", "operator": "Is", "values": ["b"]}]}
SELECTOR_OF: Mapping[str, str] = {
    "NetworkPolicy": "podSelector",
    **dict.fromkeys(
        ("AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy"),
        "subject.pods.podSelector",
    ),
    **dict.fromkeys(("Calico NetworkPolicy", "GlobalNetworkPolicy"), "selector"),
    **dict.fromkeys(("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"), "endpointSelector"),
}
PEER_OF: Mapping[str, str] = {
    "NetworkPolicy": "ingress.0.from.0.podSelector",
    **dict.fromkeys(
        ("AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy"),
        "ingress.0.from.0.pods.podSelector",
    ),
    **dict.fromkeys(("Calico NetworkPolicy", "GlobalNetworkPolicy"), "ingress.0.source.selector"),
    **dict.fromkeys(("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"), "ingress.0.fromEndpoints.0"),
}
PORT_OF: Mapping[str, str] = {
    "NetworkPolicy": "ingress.0.ports.0.port",
    **dict.fromkeys(
        ("AdminNetworkPolicy", "BaselineAdminNetworkPolicy"), "ingress.0.ports.0.portNumber.port"
    ),
    "ClusterNetworkPolicy": "ingress.0.protocols.0.tcp.destinationPort.number",
    **dict.fromkeys(("Calico NetworkPolicy", "GlobalNetworkPolicy"), "ingress.0.destination.ports.0"),
    **dict.fromkeys(
        ("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"), "ingress.0.toPorts.0.ports.0.port"
    ),
}


def broken(kind: str, path: str, value: Any) -> Object:
    name, key, api, spec = deepcopy(KINDS[kind]())
    put(spec, path, value)
    return policy(name, key, spec, api)


def is_calico(kind: str) -> bool:
    return PEER_OF[kind].endswith("source.selector")


def told(world: World, reason: str, rest: str = A) -> None:
    """The mistake alone is a problem; what the policy may decide is unknown, and the rest is judged.

    `rest`: a pod whose flow to the other namespace the policy cannot concern; empty: there is none.
    """
    (problem,) = world.policies.problems
    assert reason in problem.reason, problem
    assert world.verdict(B, A) == "unknown"
    assert reason in world.answer(B, A).decisive.because
    if rest:
        assert world.verdict(rest, C) == "accept"


def beyond(kind: str) -> str:
    """Of a policy that cannot be read as a whole: an address that sends to the other namespace."""
    return "8.8.8.8" if "/" in KINDS[kind]()[1] else ""


@pytest.mark.parametrize("kind", KINDS)
def test_the_policy_without_a_mistake_is_judged(kind: str) -> None:
    name, key, api, spec = KINDS[kind]()
    world = World([*PODS, policy(name, key, spec, api)])
    assert not world.policies.problems
    assert world.verdict(B, A) == ("deny" if api.startswith("policy.") else "accept")


@pytest.mark.parametrize("kind", KINDS)
def test_an_invalid_selector_of_the_pods(kind: str) -> None:
    value, reason = (
        ("app = 'a'", "selector") if is_calico(kind) else ({"matchLabels": ["a"]}, "must be a map")
    )
    told(World([*PODS, broken(kind, SELECTOR_OF[kind], value)]), reason, beyond(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_an_invalid_selector_of_a_peer(kind: str) -> None:
    value, reason = (
        ("app = 'b'", "selector") if is_calico(kind) else ({"matchLabels": ["b"]}, "must be a map")
    )
    told(World([*PODS, broken(kind, PEER_OF[kind], value)]), reason)


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_operator(kind: str) -> None:
    value, reason = ("app is 'b'", "selector") if is_calico(kind) else (EXPRESSION, "unknown operator 'Is'")
    told(World([*PODS, broken(kind, PEER_OF[kind], value)]), reason)


@pytest.mark.parametrize("number", [-1, 65536, 700000])
@pytest.mark.parametrize("kind", KINDS)
def test_a_port_out_of_range(kind: str, number: int) -> None:
    value = str(number) if kind.startswith("Cilium") else number
    told(World([*PODS, broken(kind, PORT_OF[kind], value)]), str(number))


NAME_OF = {
    "NetworkPolicy": PORT_OF["NetworkPolicy"],
    **{kind: path for kind, path in PORT_OF.items() if is_calico(kind) or kind.startswith("Cilium")},
}


@pytest.mark.parametrize("name", ["-1", "a--b", "http-", "a-name-of-16-chars", ""])
@pytest.mark.parametrize("kind", NAME_OF)
def test_no_name_of_a_port(kind: str, name: str) -> None:
    if name or not kind.startswith("Cilium"):
        told(World([*PODS, broken(kind, NAME_OF[kind], name)]), "no name of a port")


def test_a_number_in_quotes() -> None:
    """The API server refuses it; in a manifest it would be a name that no port has."""
    told(World([*PODS, broken("NetworkPolicy", PORT_OF["NetworkPolicy"], "80")]), "without quotes")


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_version(kind: str) -> None:
    name, key, api, spec = KINDS[kind]()
    world = World([*PODS, policy(name, key, spec, f"{api.partition('/')[0]}/v7")])
    told(world, "unknown version v7", beyond(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_a_namespace_that_is_not_among_the_objects(kind: str) -> None:
    """Its name is known, its other labels are not; everybody else is judged."""
    name, key, api, spec = KINDS[kind]()
    lost = pod("lost/d", "10.0.1.1", {"app": "b"}, nodeName="n9")
    world = World([*PODS, lost, policy(name, key, spec, api)])
    (problem,) = world.policies.problems
    assert (problem.where, problem.policy) == ("namespace lost", "")
    assert world.verdict(B, A) == World([*PODS, policy(name, key, spec, api)]).verdict(B, A)
    assert world.verdict("lost/d", A) in ("accept", "deny")


def tier(name: str, **spec: object) -> Object:
    return policy("Tier", name, spec, CALICO)


def in_tier(name: str, action: str, tier_name: str) -> Object:
    return policy(
        "GlobalNetworkPolicy",
        name,
        {"tier": tier_name, "selector": "app == 'a'", "types": ["Ingress"], "ingress": [{"action": action}]},
        CALICO,
    )


@pytest.mark.parametrize(
    ("objects", "reason"),
    [
        pytest.param([], "there is no tier 'first'", id="it is not there"),
        pytest.param([tier("first", order="one")], "order 'one' is no number", id="no order"),
        pytest.param([tier("first", order=float("nan"))], "order nan is no number", id="no number"),
        pytest.param(
            [tier("first", order=1, defaultAction="Log")], "unknown defaultAction 'Log'", id="no such end"
        ),
    ],
)
def test_a_tier_that_cannot_be_read(objects: list[Object], reason: str) -> None:
    told(World([*PODS, *objects, in_tier("p", "Deny", "first")]), reason, "")


def test_tiers_of_one_order_are_asked_by_name() -> None:
    """Nothing but orders and names is written of tiers, so they cannot lead in a circle."""
    same = [tier("one", order=5), tier("two", order=5)]
    policies = [in_tier("p", "Allow", "two"), in_tier("q", "Deny", "one")]
    assert World([*PODS, *same, *policies]).verdict(B, A) == "deny"


def test_a_tier_that_comes_twice_is_one() -> None:
    twice = [tier("one", order=5), tier("one", order=5)]
    assert World([*PODS, *twice, in_tier("p", "Deny", "one")]).verdict(B, A) == "deny"

"""Policies of administrators beside those of namespaces, and what kube-network-policies reads otherwise."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tests.cluster.policy.conformance_cluster import LABEL_A, LABEL_C, NS_Y
from tests.cluster.policy.world import Fields
from tests.e2e.policies.agent import network_policy
from tests.e2e.policies.sets import ALL_PODS, FIRST_NODE

SEED, DRAWN = 20_261_129, 10
_API = "policy.networking.k8s.io/v1alpha1"
_EVERYBODY: Fields = {"namespaces": {}}
_ALLOW, _DENY, _PASS = "Allow", "Deny", "Pass"


def _space(name: str) -> Fields:
    return {"namespaces": {"matchLabels": {"ns": name}}}


def _pods(namespace: Fields, labels: Fields) -> Fields:
    return {"pods": {"namespaceSelector": namespace, "podSelector": labels}}


def _port(protocol: str, number: int) -> Fields:
    return {"portNumber": {"protocol": protocol, "port": number}}


def _range(protocol: str, start: int, end: int) -> Fields:
    return {"portRange": {"protocol": protocol, "start": start, "end": end}}


def _rule(direction: str, action: str, *peers: Fields, ports: Sequence[Fields] = ()) -> Fields:
    rule: Fields = {"action": action, "from" if direction == "ingress" else "to": list(peers)}
    return {**rule, **({"ports": list(ports)} if ports else {})}


def _admin(name: str, priority: int, subject: Fields, **rules: Sequence[Fields]) -> Fields:
    spec = {"priority": priority, "subject": subject, **{way: list(found) for way, found in rules.items()}}
    return {"apiVersion": _API, "kind": "AdminNetworkPolicy", "metadata": {"name": name}, "spec": spec}


def _baseline(subject: Fields, **rules: Sequence[Fields]) -> Fields:
    spec = {"subject": subject, **{way: list(found) for way, found in rules.items()}}
    metadata = {"name": "default"}
    return {"apiVersion": _API, "kind": "BaselineAdminNetworkPolicy", "metadata": metadata, "spec": spec}


_ISOLATED: Fields = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}

OWN: Mapping[str, Sequence[Fields]] = {
    "an administrator denies what a policy allows": (
        _admin("deny", 10, _space("x"), ingress=[_rule("ingress", _DENY, _space("y"))]),
        network_policy("x/open", {"podSelector": {}, "ingress": [{}]}),
    ),
    "an administrator allows what a policy denies": (
        _admin(
            "allow",
            10,
            _space("x"),
            ingress=[_rule("ingress", _ALLOW, _space("z"), ports=[_port("TCP", 80)])],
        ),
        network_policy("x/shut", {"podSelector": {}, "policyTypes": ["Ingress"]}),
    ),
    "what is passed is for the policies of the namespace": (
        _admin("pass", 5, _space("y"), ingress=[_rule("ingress", _PASS, _space("x"))]),
        _admin("deny", 10, _space("y"), ingress=[_rule("ingress", _DENY, _EVERYBODY)]),
        network_policy("y/some", {"podSelector": LABEL_A, "ingress": [{"ports": [{"port": 81}]}]}),
    ),
    "the lower number comes first": (
        _admin("late", 20, _space("z"), egress=[_rule("egress", _DENY, _EVERYBODY)]),
        _admin(
            "early",
            10,
            _space("z"),
            egress=[_rule("egress", _ALLOW, _space("x"), ports=[_range("UDP", 80, 81)])],
        ),
    ),
    "the first rule of a policy decides": (
        _admin(
            "ordered",
            7,
            _pods({}, LABEL_A),
            ingress=[
                _rule("ingress", _ALLOW, _pods(NS_Y, LABEL_C)),
                _rule("ingress", _DENY, _space("y")),
            ],
        ),
    ),
    "out to networks": (
        _admin(
            "networks",
            9,
            _space("x"),
            egress=[
                _rule("egress", _DENY, {"networks": [FIRST_NODE]}, ports=[_port("TCP", 81)]),
                _rule("egress", _ALLOW, {"networks": [ALL_PODS]}),
            ],
        ),
    ),
    "the baseline holds where no policy does": (
        _baseline(
            _EVERYBODY,
            ingress=[_rule("ingress", _ALLOW, _space("x")), _rule("ingress", _DENY, _EVERYBODY)],
        ),
        network_policy("y/own", {**_ISOLATED, "ingress": [{}], "egress": [{}]}),
    ),
    "the baseline of what leaves": (
        _baseline(_space("z"), egress=[_rule("egress", _DENY, _pods({}, LABEL_A), _space("y"))]),
    ),
}


def drawn() -> dict[str, Sequence[Fields]]:
    """Sets of one or two policies of a namespace, two of the administrator, and perhaps the baseline.

    Names of ports and nodes as peers are left out, and policies of one direction: see DIFFERENCES.
    """
    return {f"drawn {number}": tuple(_draw(random.Random(SEED + number))) for number in range(DRAWN)}


def _draw(chance: random.Random) -> list[Fields]:
    def peer() -> Fields:
        labels: Fields = {"matchLabels": {"pod": chance.choice("abc")}}
        one: Fields = {"matchLabels": {"ns": chance.choice("xyz")}}
        spaces = chance.choice(({}, one))
        return _pods(spaces, labels) if chance.random() < 0.5 else {"namespaces": spaces}

    def ports() -> list[Fields]:
        protocol, number = chance.choice(("TCP", "UDP")), chance.choice((80, 81))
        return chance.choice(([], [], [_port(protocol, number)], [_range(protocol, 81, 90)]))

    def rules(actions: Sequence[str]) -> dict[str, list[Fields]]:
        return {
            way: [_rule(way, chance.choice(actions), peer(), ports=ports()) for _ in range(3)]
            for way in ("ingress", "egress")
        }

    admin = [
        _admin(name, priority, peer(), **rules((_ALLOW, _DENY, _PASS)))
        for name, priority in (("first", 10), ("second", 20))
    ]
    baseline = [_baseline(peer(), **rules((_ALLOW, _DENY)))] if chance.random() < 0.7 else []
    own = []
    for space in chance.sample("xyz", chance.choice((1, 2))):
        labels = chance.choice(({}, LABEL_A, LABEL_C))
        own.append(
            network_policy(
                f"{space}/own",
                {
                    "podSelector": labels,
                    "policyTypes": ["Ingress", "Egress"],
                    "ingress": [{"from": [{"podSelector": LABEL_A}], "ports": [{"port": 80}]}],
                    "egress": [{"to": [{"namespaceSelector": NS_Y}]}],
                },
            )
        )
    return [*admin, *baseline, *own]


SETS: Mapping[str, Sequence[Fields]] = {**OWN, **drawn()}


@dataclass(frozen=True, slots=True)
class Difference:
    """A flow that it treats otherwise than the API says; docs/policies.md has them in words."""

    policies: Sequence[Fields]
    source: str
    destination: str
    meant: Literal["accept", "deny"]
    port: int = 80
    stopped: Sequence[tuple[str, str]] = ()
    """Flows that are stopped once the agent has read the policies."""


DIFFERENCES: Mapping[str, Difference] = {
    "a pod that is isolated both ways may not reach itself by a service": Difference(
        (network_policy("y/nothing", _ISOLATED),), "y-b", "svc.y-b", "accept", 8080
    ),
    "a name of a port in a policy of an administrator means every port": Difference(
        (
            _admin(
                "names",
                10,
                _space("y"),
                ingress=[_rule("ingress", _DENY, _EVERYBODY, ports=[{"namedPort": "serve-81-tcp"}])],
            ),
        ),
        "x-a",
        "y-a",
        "accept",
    ),
    "nodes as peers mean the pods that run there": Difference(
        (
            _admin(
                "nodes",
                10,
                _space("x"),
                egress=[_rule("egress", _DENY, {"nodes": {"matchExpressions": []}})],
            ),
        ),
        "x-a",
        "y-a",
        "accept",
    ),
    "nodes as peers do not mean the nodes": Difference(
        (
            _admin(
                "nodes",
                10,
                _space("x"),
                egress=[_rule("egress", _DENY, {"nodes": {"matchExpressions": []}})],
            ),
        ),
        "x-a",
        "node2",
        "deny",
        stopped=(("x-a", "y-a"),),
    ),
    "a policy of one direction ends the baseline of both": Difference(
        (
            _baseline(_space("x"), egress=[_rule("egress", _DENY, _EVERYBODY)]),
            network_policy("x/in", {"podSelector": LABEL_A, "policyTypes": ["Ingress"]}),
        ),
        "x-a",
        "y-a",
        "deny",
        stopped=(("x-b", "y-a"), ("y-a", "x-a")),
    ),
}

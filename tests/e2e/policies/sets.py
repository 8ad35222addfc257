"""Sets of NetworkPolicies, `namespace/name` → spec, and what kube-router makes of some of them."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tests.cluster.policy.conformance import base, cases
from tests.cluster.policy.conformance_cluster import LABEL_A, LABEL_C, NS_Y, Case
from tests.cluster.policy.world import Fields
from tests.e2e.underlay import POD_NETWORK, pod_range

PolicySet = Mapping[str, Fields]
SEED, DRAWN = 7, 8
FIRST_NODE, ALL_PODS = str(pod_range(1)), str(POD_NETWORK)
_LOWER_HALF = "10.244.1.0/30"
"""Of the first node's pods."""


def _ingress(*rules: Fields, to: Fields | None = None) -> Fields:
    return {"podSelector": to or {}, "policyTypes": ["Ingress"], "ingress": list(rules)}


def _egress(*rules: Fields, of: Fields | None = None) -> Fields:
    return {"podSelector": of or {}, "policyTypes": ["Egress"], "egress": list(rules)}


def _block(cidr: str, *but: str) -> Fields:
    return {"ipBlock": {"cidr": cidr, **({"except": list(but)} if but else {})}}


OWN: Mapping[str, PolicySet] = {
    "no policy": {},
    "nothing passes": {
        f"{space}/nothing": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} for space in "xyz"
    },
    "a node's pods by their block": {"x/block": _ingress({"from": [_block(FIRST_NODE)]})},
    "a block with a hole": {"y/hole": _ingress({"from": [_block(ALL_PODS, _LOWER_HALF)]})},
    "everybody but pods": {"z/outside": _ingress({"from": [_block("0.0.0.0/0", ALL_PODS)]})},
    "out to a block, one port": {
        "x/out": _egress({"to": [_block(FIRST_NODE)], "ports": [{"protocol": "TCP", "port": 80}]})
    },
    "out to a block with a hole": {"z/out": _egress({"to": [_block(ALL_PODS, _LOWER_HALF)]})},
    "a range of ports": {
        "y/range": _ingress({"ports": [{"protocol": "UDP", "port": 81, "endPort": 90}, {"port": 80}]})
    },
    "names of ports": {
        "x/names": _ingress(
            {"ports": [{"port": "serve-81-tcp"}, {"protocol": "UDP", "port": "serve-80-udp"}]}
        )
    },
    "out to names of ports of pods": {
        "x/names": _egress(
            {"to": [{"namespaceSelector": NS_Y}], "ports": [{"port": "serve-80-tcp"}, {"port": 81}]}
        )
    },
    "policies add up": {
        "x/one": _ingress({"from": [{"podSelector": LABEL_A}]}),
        "x/two": _ingress({"from": [{"namespaceSelector": NS_Y}], "ports": [{"port": 81}]}, to=LABEL_C),
    },
    "out to the backend of a service": {
        "z/out": _egress({"to": [{"namespaceSelector": NS_Y, "podSelector": {"matchLabels": {"pod": "b"}}}]})
    },
    "expressions": {
        "y/some": _ingress(
            {
                "from": [
                    {
                        "namespaceSelector": {
                            "matchExpressions": [{"key": "ns", "operator": "NotIn", "values": ["z"]}]
                        },
                        "podSelector": {"matchExpressions": [{"key": "pod", "operator": "Exists"}]},
                    }
                ]
            }
        )
    },
}


def conformance() -> dict[str, PolicySet]:
    """Some of the conformance generator's, drawn with a fixed seed; SCTP is not asked here.

    Those with a name that no port has are left out: see DIFFERENCES.
    """
    plain = {name: found for name, found in map(_last, cases()) if found is not None}
    return {name: plain[name] for name in random.Random(SEED).sample(sorted(plain), DRAWN)}


def _last(case: Case) -> tuple[str, PolicySet | None]:
    """The policies after all steps; None: the case changes pods or namespaces, or is about SCTP."""
    name, steps = case
    policies: dict[str, Fields | None] = {}
    for step in steps:
        if step.pods or step.namespaces:
            return name, None
        policies |= step.policies
    kept = {key: spec for key, spec in policies.items() if spec is not None}
    return name, None if "SCTP" in str(kept) or "a name that" in name else kept


SETS: Mapping[str, PolicySet] = {**OWN, **conformance()}


@dataclass(frozen=True, slots=True)
class Difference:
    """A flow that kube-router treats otherwise than the API says; docs/policies.md has them in words."""

    policies: PolicySet
    source: str
    destination: str
    meant: Literal["accept", "deny"]
    port: int = 80


DIFFERENCES: Mapping[str, Difference] = {
    "a pod may not reach its own node": Difference({"x/out": _egress(of=LABEL_A)}, "x-a", "node1", "accept"),
    "a pod that is isolated both ways may not reach itself by a service": Difference(
        {"y/nothing": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}},
        "y-b",
        "svc.y-b",
        "accept",
        8080,
    ),
    "what a policy lets in it lets out between the pods that it selects": Difference(
        {"x/both": base(podSelector={}, ingress=[{}], egress=[])}, "x-a", "x-b", "deny"
    ),
    "the hole of one block is a hole in all blocks of the rule": Difference(
        {"y/in": _ingress({"from": [_block("0.0.0.0/0"), _block(ALL_PODS, FIRST_NODE)]})},
        "x-a",
        "y-a",
        "accept",
    ),
    "a name of a port without peers means a number, wherever it leads": Difference(
        {"x/out": _egress({"ports": [{"port": "serve-80-tcp"}]})}, "x-a", "node2", "deny"
    ),
    "a name that no port has means all ports, where there are pods as peers": Difference(
        {"y/in": _ingress({"from": [{"namespaceSelector": {}}], "ports": [{"port": "nobody"}]})},
        "x-a",
        "y-a",
        "deny",
    ),
}

"""Conformance cases: those that Kubernetes' own end-to-end tests have."""

from collections.abc import Iterator

from tests.cluster.policy.conformance_cluster import (
    DNS,
    IN_BC,
    LABEL_A,
    NAMED_81,
    NS_X,
    NS_Y,
    PORTS,
    Case,
    Change,
)
from tests.cluster.policy.world import Fields


def _ingress(selector: Fields, *rules: Fields) -> Fields:
    return {"podSelector": selector, "policyTypes": ["Ingress"], "ingress": list(rules)}


def upstream() -> Iterator[Case]:
    yield "all ingress is denied", [Change(policies={"x/deny-ingress": _ingress({})})]
    both: Fields = {
        "podSelector": {},
        "policyTypes": ["Egress", "Ingress"],
        "ingress": [],
        "egress": [DNS],
    }
    yield "all but DNS is denied", [Change(policies={"x/deny-all-allow-dns": both})]
    not_x: Fields = {"matchExpressions": [{"key": "ns", "operator": "NotIn", "values": ["x"]}]}
    yield (
        "pods b and c of every namespace but one",
        [
            Change(
                policies={
                    "x/others": _ingress(
                        LABEL_A, {"from": [{"namespaceSelector": not_x, "podSelector": IN_BC}]}
                    )
                }
            )
        ],
    )
    on_port = {
        port: _ingress(
            LABEL_A,
            {"from": [{"namespaceSelector": NS_Y}], "ports": [{"port": port, "protocol": "TCP"}]},
        )
        for port in PORTS
    }
    yield (
        "a second policy adds a port",
        [
            Change(policies={"x/on-81": on_port[81]}),
            Change(),
            Change(policies={"x/on-80": on_port[80]}),
        ],
    )
    yield "everything is allowed", [Change(policies={"x/allow-all": _ingress({}, {})}), Change()]
    yield "one named port", [Change(policies={"x/allow-all": NAMED_81}), Change()]
    yield (
        "from everything to nothing",
        [
            Change(policies={"x/changed": _ingress({}, {})}),
            Change(policies={"x/changed": _ingress({})}),
        ],
    )
    updated: Fields = {"namespaceSelector": {"matchLabels": {"ns2": "updated"}}}
    yield (
        "a namespace that gets its label later",
        [
            Change(policies={"x/later": _ingress(LABEL_A, {"from": [updated]})}),
            Change(namespaces={"y": {"ns": "y", "ns2": "updated"}}),
        ],
    )
    labelled: Fields = {"podSelector": {"matchLabels": {"pod": "b", "pod2": "updated"}}}
    yield (
        "a pod that gets its label later",
        [
            Change(policies={"x/later": _ingress(LABEL_A, {"from": [labelled]})}),
            Change(pods={"x/b": {"pod": "b", "pod2": "updated"}}),
        ],
    )
    yield (
        "a pod that becomes selected later",
        [
            Change(policies={"x/isolated": _ingress({"matchLabels": {"target": "isolated"}})}),
            Change(pods={"x/a": {"target": "isolated"}}),
        ],
    )
    together: Fields = {
        "podSelector": LABEL_A,
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [{"podSelector": {"matchLabels": {"pod": "b"}}}]}],
        "egress": [{"ports": [{"port": 80}, {"protocol": "UDP", "port": 53}]}],
    }
    yield "ingress and egress in one policy", [Change(policies={"x/both": together}), Change()]
    to_y: Fields = {
        "podSelector": LABEL_A,
        "policyTypes": ["Egress"],
        "egress": [
            {"to": [{"namespaceSelector": NS_Y, "podSelector": LABEL_A}]},
            {"ports": [{"protocol": "UDP", "port": 53}]},
        ],
    }
    from_x: Fields = {"from": [{"namespaceSelector": NS_X, "podSelector": LABEL_A}]}
    yield (
        "denied by the sender what the receiver allows",
        [
            Change(
                policies={
                    "x/to-y-a": to_y,
                    "y/on-a": _ingress(LABEL_A, from_x),
                    "y/on-b": _ingress({"matchLabels": {"pod": "b"}}, from_x),
                }
            )
        ],
    )
    closed: Fields = {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [],
        "egress": [],
    }
    yield (
        "a policy that is deleted has no effect any more",
        [Change(policies={"x/deny-all": closed}), Change(policies={"x/deny-all": None})],
    )

"""What differs between two sets of policies, with the outside."""

from collections.abc import Sequence

import pytest

from kubectl_skoop.cluster.connectivity import connectivity
from kubectl_skoop.cluster.connectivity_diff import Change, difference
from kubectl_skoop.cluster.objects import Object
from kubectl_skoop.cluster.policy.address import blocks_text
from kubectl_skoop.cluster.policy.port import ports_text
from tests.cluster.policy.world import Fields, World, namespace, pod, policy

PODS = [
    namespace("shop"),
    pod("shop/a", "10.244.0.1", {"app": "a"}, nodeName="n1"),
    pod("shop/b", "10.244.0.2", {"app": "b"}, nodeName="n2"),
]
INSIDE: Fields = {"namespaceSelector": {}}
TCP_80: Fields = {"port": 80}


def ingress(*rules: Fields) -> list[Object]:
    spec = {"podSelector": {"matchLabels": {"app": "a"}}, "policyTypes": ["Ingress"], "ingress": list(rules)}
    return [policy("NetworkPolicy", "shop/in", spec)]


def egress(*rules: Fields) -> list[Object]:
    spec = {"podSelector": {"matchLabels": {"app": "a"}}, "policyTypes": ["Egress"], "egress": list(rules)}
    return [policy("NetworkPolicy", "shop/out", spec)]


def block(cidr: str, *but: str) -> Fields:
    return {"ipBlock": {"cidr": cidr, "except": list(but)}}


def told(change: Change) -> str:
    where = f" {', '.join(blocks_text(change.addresses))}" if change.addresses else ""
    doubt = " ?" if change.unknown else ""
    before, after = ports_text(change.before), ports_text(change.after)
    return f"{change.source} > {change.destination}{where}: {before}, {after}{doubt}"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(ingress({"from": [INSIDE]}), ingress({"from": [INSIDE]}), [], id="nothing"),
        pytest.param(
            ingress({"from": [INSIDE], "ports": [TCP_80]}),
            ingress({"ports": [TCP_80]}),
            ["outside > pod/shop/a any: none, TCP 80"],
            id="it becomes open to the outside alone",
        ),
        pytest.param(
            ingress({"from": [INSIDE, block("192.0.2.0/24")]}),
            ingress({"from": [INSIDE, block("192.0.2.0/24", "192.0.2.128/25")]}),
            ["outside > pod/shop/a 192.0.2.128/25: all, none"],
            id="a part of a block is closed",
        ),
        pytest.param(
            egress({"to": [INSIDE]}, {"to": [block("192.0.2.0/24")], "ports": [TCP_80]}),
            egress({"to": [INSIDE]}, {"to": [block("192.0.2.0/24")], "ports": [{"port": 443}]}),
            ["pod/shop/a > outside 192.0.2.0/24: TCP 80, TCP 443"],
            id="another port to the outside",
        ),
        pytest.param(
            ingress({"from": [INSIDE]}),
            ingress({"from": [INSIDE]}, {"ports": [{"port": "80"}]}),
            ["outside > pod/shop/a any: none, none ?"],
            id="a rule that cannot be read may open it",
        ),
        pytest.param(
            ingress({"from": [INSIDE]}),
            ingress(),
            ["pod/shop/b > pod/shop/a: all, none"],
            id="between pods",
        ),
    ],
)
def test_changes(before: Sequence[Object], after: Sequence[Object], expected: list[str]) -> None:
    first, second = (World([*PODS, *policies]) for policies in (before, after))
    found = difference(
        connectivity(first.cluster, first.policies), connectivity(second.cluster, second.policies)
    )
    assert [told(change) for change in found.changes] == expected
    back = difference(
        connectivity(second.cluster, second.policies), connectivity(first.cluster, first.policies)
    )
    assert [(one.after, one.before, one.addresses) for one in back.changes] == [
        (one.before, one.after, one.addresses) for one in found.changes
    ]

"""Objects that contradict themselves or cannot be read: a plugin leaves wishes out, and never fails."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kubectl_skoop.api import Context, Expectation, Passing, Suspicion
from kubectl_skoop.diagnosis.registry import set_up
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.testing.cni import agents
from kubectl_skoop.testing.objects import cluster_objects
from kubectl_skoop.testing.topology import ALL_MODES, VPC_MODES, Mode, standard
from tests.diagnosis.test_plugins_bridge import BRIDGE, n1

Objects = list[dict[str, Any]]
Damage = Callable[[dict[str, Any]], None]


def of_kind(kind: str, change: Damage) -> Damage:
    def damage(item: dict[str, Any]) -> None:
        if item["kind"] == kind:
            change(item)

    return damage


def spec(**values: object) -> Damage:
    return lambda item: item["spec"].update(values)


def annotations(value: str) -> Damage:
    def change(item: dict[str, Any]) -> None:
        told = item["metadata"].get("annotations", {})
        told.update(dict.fromkeys(told, value))

    return change


DAMAGES: dict[str, Damage] = {
    "no podCIDR": of_kind("Node", lambda item: item["spec"].clear()),
    "a podCIDR that is none": of_kind(
        "Node", spec(podCIDR="10.244.1.0/240", podCIDRs=["x", "10.244.1.0/240"])
    ),
    "one podCIDR for all nodes": of_kind("Node", spec(podCIDR="10.244.1.0/24", podCIDRs=["10.244.1.0/24"])),
    "a podCIDR of one address": of_kind("Node", spec(podCIDR="10.244.1.0/32", podCIDRs=["10.244.1.0/32"])),
    "a podCIDR of the other family": of_kind("Node", spec(podCIDR="fd00::/64", podCIDRs=["fd00::/64"])),
    "empty annotations": of_kind("Node", annotations("")),
    "annotations that are no values": of_kind("Node", annotations("[]")),
    "annotations of the other family": of_kind("Node", annotations("fd00::1")),
    "a node without an address": of_kind("Node", lambda item: item["status"].update(addresses=[])),
    "a pool that is none": of_kind("IPPool", spec(cidr="10.244.0.0/99")),
    "a pool of IPv6": of_kind("IPPool", spec(cidr="fd00::/48")),
    "a pool with blocks that are none": of_kind("IPPool", spec(blockSize=99)),
    "a pool with an unknown mode": of_kind("IPPool", spec(vxlanMode="Sometimes", ipipMode=7)),
    "a configuration that is none": of_kind(
        "ConfigMap", lambda item: item.update(data={"net-conf.json": "{"})
    ),
    "a configuration of numbers": of_kind("ConfigMap", lambda item: item.update(data={"net-conf.json": "7"})),
}


NAMES: dict[Mode, str] = {
    "bridge": "bridge",
    "ptp": "bridge",
    "aws-vpc-cni": "aws-vpc-cni",
    "terway-eniip": "terway",
    "terway-vpc": "terway",
}
"""Of plugins that the objects here do not tell."""


def everything(ctx: Context) -> Iterator[Expectation | Suspicion]:
    """What the plugin wants at each place, and for a packet to each pod."""
    plugin = set_up(ctx).plugin
    for node in ctx.cluster.nodes():
        action = plugin.create_node(node)
        yield from action.always()
        for pod in ctx.cluster.pods():
            packet = Packet(src=pod.addresses[0], dst=pod.addresses[0], protocol=Protocol.TCP, dport=80)
            yield from action.wishes(Passing(upstream=None, arrived=packet, left=(packet,)))
    for pod in ctx.cluster.pods():
        yield from plugin.create_pod(pod).always()


@pytest.mark.parametrize("mode", [*ALL_MODES, *VPC_MODES])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_no_plugin_fails(make_context: Any, mode: Mode, damage: Damage) -> None:
    objects: Objects = [*cluster_objects(mode, standard()), *agents(mode, 2)]
    for item in objects:
        damage(item)
    name = NAMES.get(mode, "")
    ctx = make_context(objects, n1(BRIDGE, gateway_on=3), options=Options(network_plugin=name))
    failed = [one for one in everything(ctx) if isinstance(one, Suspicion) and one.code == "plugin.failed"]
    assert failed == []

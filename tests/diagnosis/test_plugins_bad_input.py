"""Objects that contradict themselves or cannot be read: a plugin leaves wishes out, and never fails."""

import json
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from kubectl_skoop.api import Context, Expectation, Level, OptionError, Passing, Suspicion
from kubectl_skoop.diagnosis import address_plan
from kubectl_skoop.diagnosis.extension.registry import set_up
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.model.place import Endpoint
from kubectl_skoop.testing.cni import agents
from kubectl_skoop.testing.objects import cluster_objects
from kubectl_skoop.testing.topology import ALL_MODES, GUEST_MODES, VPC_MODES, Mode, standard
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


def net_conf(**values: object) -> Damage:
    """Of flannel."""
    return lambda item: item.update(data={"net-conf.json": json.dumps(values)})


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
    "a backend that is none": of_kind("ConfigMap", net_conf(Backend=7)),
    "a backend of an unknown type": of_kind("ConfigMap", net_conf(Backend={"Type": "ipsec"})),
    "a backend of an unknown type of text": of_kind("ConfigMap", net_conf(Backend={"Type": ["vxlan"]})),
    "settings of a backend that are texts": of_kind(
        "ConfigMap",
        net_conf(Backend={"Type": "vxlan", "VNI": "1", "Port": {}, "MTU": None, "DirectRouting": "yes"}),
    ),
    "a mode of wireguard that is none": of_kind(
        "ConfigMap", net_conf(Backend={"Type": "wireguard", "Mode": "both"})
    ),
    "networks that are none": of_kind("ConfigMap", net_conf(Network="10.244.0.0", IPv6Network=6)),
    "no IP version at all": of_kind("ConfigMap", net_conf(EnableIPv4=False, EnableIPv6=False)),
}


def in_node(name: str, **values: object) -> Damage:
    def change(item: dict[str, Any]) -> None:
        if item["metadata"]["name"] == name:
            item["spec"].update(values)

    return of_kind("Node", change)


def cidr(name: str, *written: str) -> Damage:
    return in_node(name, podCIDR=written[0], podCIDRs=list(written))


PLANS: dict[str, tuple[Damage, str, str]] = {
    "one podCIDR for two nodes": (
        cidr("n2", "10.244.1.0/24"),
        "address-plan.pod-cidr",
        "node n1 and node n2 have the same podCIDR 10.244.1.0/24",
    ),
    "a podCIDR inside another one": (
        cidr("n2", "10.244.1.64/26"),
        "address-plan.pod-cidr",
        "podCIDRs overlap",
    ),
    "a podCIDR around all others": (cidr("n2", "10.240.0.0/12"), "address-plan.pod-cidr", "podCIDRs overlap"),
    "one of IPv6 overlaps": (
        of_kind("Node", lambda item: item["spec"]["podCIDRs"].append("fd00:244::/64")),
        "address-plan.pod-cidr",
        "fd00:244::/64",
    ),
    "a podCIDR with the services' addresses": (
        cidr("n2", "10.96.0.0/24"),
        "address-plan.service",
        "podCIDR 10.96.0.0/24 of node n2",
    ),
    "a podCIDR with a node's address": (
        cidr("n2", "10.0.0.0/24"),
        "address-plan.node",
        "podCIDR 10.0.0.0/24 of node n2",
    ),
    "a podCIDR that is none": (
        cidr("n2", "10.244.2.0/240"),
        "address-plan.unreadable",
        "the podCIDR of node n2 is no network: 10.244.2.0/240",
    ),
    "a pool that is none": (
        of_kind("IPPool", spec(cidr="10.244.0.0/99")),
        "address-plan.unreadable",
        "the IPPool default-ipv4-ippool is no network",
    ),
    "a pool with bits behind its length": (
        of_kind("IPPool", spec(cidr="10.244.0.1/16")),
        "address-plan.unreadable",
        "is no network",
    ),
    "a pool with blocks larger than it": (
        of_kind("IPPool", spec(blockSize=12)),
        "address-plan.unreadable",
        "cannot be cut into blocks of /12",
    ),
}
"""What is found where the networks of the objects contradict each other."""


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


@pytest.mark.parametrize("mode", [*ALL_MODES, *VPC_MODES, *GUEST_MODES])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_no_plugin_fails(make_context: Any, mode: Mode, damage: Damage) -> None:
    objects: Objects = [*cluster_objects(mode, standard()), *agents(mode, 2)]
    for item in objects:
        damage(item)
    name = NAMES.get(mode, "")
    ctx = make_context(objects, n1(BRIDGE, gateway_on=3), options=Options(network_plugin=name))
    failed = [one for one in everything(ctx) if isinstance(one, Suspicion) and one.code == "plugin.failed"]
    assert failed == []


CONTRADICTIONS: dict[str, tuple[dict[str, str], str]] = {
    "a VNI and a backend without": (
        {"flannel-backend-type": "host-gw", "flannel-vni": "5"},
        "--flannel-vni is for vxlan, which --flannel-backend-type host-gw contradicts",
    ),
    "direct routing and a backend without": (
        {"flannel-backend-type": "udp", "flannel-direct-routing": "off"},
        "--flannel-direct-routing is for vxlan, ipip, which --flannel-backend-type udp contradicts",
    ),
    "a mode of another backend": (
        {"flannel-backend-type": "vxlan", "flannel-wireguard-mode": "auto"},
        "--flannel-wireguard-mode is for wireguard, which --flannel-backend-type vxlan contradicts",
    ),
    "a port and a backend without": (
        {"flannel-backend-type": "ipip", "flannel-port": "8472"},
        "--flannel-port is for vxlan, wireguard, udp, which --flannel-backend-type ipip contradicts",
    ),
    "a bridge and a CNI plugin without": (
        {"bridge-type": "ptp", "bridge-name": "cni0"},
        "--bridge-type ptp and --bridge-name contradict each other: ptp has no bridge",
    ),
    "hairpin and a CNI plugin without a bridge": (
        {"bridge-type": "ptp", "bridge-hairpin": "off"},
        "--bridge-type ptp and --bridge-hairpin contradict each other: ptp has no bridge",
    ),
    "a mode of Terway and pods that it does not connect so": (
        {"terway-mode": "vpc", "terway-pods": "ipvlan"},
        "--terway-mode vpc and --terway-pods ipvlan contradict each other: it connects pods by veth",
    ),
}
"""Options that a user gives together, and what is said."""


@pytest.mark.parametrize(("typed", "said"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_options_that_contradict_each_other_are_one_line(
    make_context: Any, typed: dict[str, str], said: str
) -> None:
    with pytest.raises(OptionError) as raised:
        set_up(make_context(options=Options(plugin=typed)))
    assert str(raised.value) == said


@pytest.mark.parametrize(("damage", "code", "text"), PLANS.values(), ids=PLANS)
def test_networks_that_contradict_each_other_are_found(
    make_context: Any, damage: Damage, code: str, text: str
) -> None:
    objects = cluster_objects("calico", standard())
    for item in objects:
        damage(item)
    cluster = make_context(objects).cluster
    found = list(address_plan.findings(cluster))
    assert {one.code for one in found} == {code}
    assert any(text in one.message for one in found)
    assert all(one.level == Level.WARNING and one.remedy and one.evidence for one in found)


def test_two_pools_for_one_address_are_found(make_context: Any) -> None:
    objects = cluster_objects("calico", standard())
    pool = next(item for item in objects if item["kind"] == "IPPool")
    own = {**pool, "metadata": {"name": "own"}, "spec": {"cidr": "10.244.1.0/24"}}
    cluster = make_context([*objects, own]).cluster
    (found,) = address_plan.findings(cluster)
    assert (found.code, found.message) == (
        "address-plan.pool",
        "IPPool default-ipv4-ippool and IPPool own have addresses in common: IPPools overlap",
    )
    inside, beside = (Endpoint("pod", "default/a", ip_address(f"10.{at}.1.2")) for at in (244, 245))
    assert [one.code for one in address_plan.about(cluster, [inside])] == ["address-plan.pool"]
    assert list(address_plan.about(cluster, [beside])) == []


@pytest.mark.parametrize("mode", [*ALL_MODES, *VPC_MODES])
def test_nothing_is_found_in_a_healthy_cluster(make_context: Any, mode: Mode) -> None:
    assert list(address_plan.findings(make_context(cluster_objects(mode, standard())).cluster)) == []

"""What Terway wants by its modes, and what it leaves to the kernel's word."""

from dataclasses import replace
from ipaddress import IPv4Address as IP
from ipaddress import IPv4Network
from typing import Any

import pytest

from kubectl_skoop.api import Device, Expectation, NetworkNamespace, Place
from kubectl_skoop.diagnosis.extension.detected import detected
from kubectl_skoop.diagnosis.extension.registry import set_up
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.netstack.device import InterfaceAddress
from kubectl_skoop.netstack.routing.types import Nexthop, PolicyRule, Route
from kubectl_skoop.testing.objects import cluster_objects, daemon_set
from kubectl_skoop.testing.topology import standard
from kubectl_skoop.testing.vpc import VpcNode

ADDRESS, ROUTER = IP("10.244.1.10"), IP("10.244.1.1")
FROM_A = "2048: from 10.244.1.2 lookup 1003"


def objects(name: str = "terway-eniip") -> list[dict[str, Any]]:
    made = cluster_objects("terway-eniip", standard(node=VpcNode))
    return [*made, daemon_set(name, "kube-system", 2, {"name": "terway"})]


def state(kind: str = "veth") -> dict[str, NetworkNamespace]:
    """n1, whose address is on both of its interfaces, and pod a."""
    everywhere = IPv4Network("0.0.0.0/0")
    node = NetworkNamespace(
        id="n1/4:1",
        place=Place("node", "n1"),
        node="n1",
        devices={
            2: Device(index=2, name="eth0", mac="02:00:00:00:00:01"),
            3: Device(index=3, name="eth1", mac="02:00:00:00:01:01"),
        },
        addresses=(
            InterfaceAddress(device=2, address=ADDRESS, prefix=24),
            InterfaceAddress(device=3, address=ADDRESS, prefix=32),
        ),
        routes=(Route(destination=everywhere, nexthops=(Nexthop(device=2, gateway=ROUTER),)),),
        rules=(PolicyRule(priority=2048, family=4, source=IPv4Network("10.244.1.3"), table=1003),),
    )
    pod = NetworkNamespace(
        id="n1/4:2",
        place=Place("pod", "default/a"),
        node="n1",
        devices={2: Device(index=2, name="eth0", kind=kind, mac="0a:00:00:00:00:01", mtu=1500)},
    )
    return {"node/n1": node, "pod/default/a": pod}


def wants(ctx: Any) -> list[str]:
    found = set_up(ctx).plugin.create_node(ctx.cluster.node("n1")).always()
    return [wish.want for wish in found if isinstance(wish, Expectation)]


def test_a_pod_sends_by_the_table_of_the_only_other_interface(make_context: Any) -> None:
    found = wants(make_context(objects(), state()))
    assert found == [
        "net.ipv4.ip_forward = 1",
        "eth0 mtu at least 1500 arp on up with a carrier",
        "net.ipv4.conf.eth0.forwarding = 1",
        "net.ipv4.conf.eth0.rp_filter = 0 or 2",
        "eth1 mtu at least 1500 arp on up with a carrier",
        "net.ipv4.conf.eth1.forwarding = 1",
        "default via 10.244.1.1 dev eth1 table 1003 onlink",
        "caliacd53aa4120 veth mtu 1500 arp on up with a carrier",
        "net.ipv4.conf.caliacd53aa4120.forwarding = 1",
        "10.244.1.2/32 dev caliacd53aa4120 scope link",
        "512: from all to 10.244.1.2 lookup main",
        FROM_A,
    ]


def test_with_vpc_routes_there_are_no_rules(make_context: Any) -> None:
    found = wants(make_context(objects("terway"), state()))
    assert "10.244.1.2/32 dev caliacd53aa4120 scope link" in found
    assert not [want for want in found if "lookup" in want or "table" in want]


@pytest.mark.parametrize(
    ("kind", "shown", "veth"),
    [
        ("ipvlan", "ipvlan of 1", False),
        ("vlan", "VLANs of a trunk of 1", False),
        ("", "interfaces of their own of 1", True),
        ("veth", "veths of 1", True),
    ],
)
def test_how_pods_are_connected_is_seen(make_context: Any, kind: str, shown: str, veth: bool) -> None:
    ctx = make_context(objects(), state(kind))
    assert any("caliacd53aa4120" in want for want in wants(ctx)) == veth
    assert {one.name: one.value for one in detected(ctx)}["terway: pods"] == shown


def test_the_mode_can_be_said(make_context: Any) -> None:
    ctx = make_context(objects(), state(), options=Options(plugin={"terway-mode": "vpc"}))
    found = {one.name: one for one in detected(ctx)}
    assert (found["terway: mode"].value, found["terway: mode"].source) == ("vpc", "--terway-mode")


CONNECTED = {"": "veth", "veth": "veth", "ipvlan": "ipvlan", "vlan": "vlan"}


@pytest.mark.parametrize(("given", "kind"), CONNECTED.items(), ids=CONNECTED)
def test_how_pods_are_connected_can_be_said(make_context: Any, given: str, kind: str) -> None:
    """Though eth0 of the pod is a veth."""
    ctx = make_context(objects(), state(), options=Options(plugin={"terway-pods": given}))
    pod = set_up(ctx).plugin.create_pod(ctx.cluster.pod("default/a"))
    wanted = [one.want for one in pod.always() if isinstance(one, Expectation)]
    assert any("169.254.1.1" in want for want in wanted) == (kind == "veth")
    assert any(want.startswith(f"eth0 {kind} ") for want in wanted) == (kind != "veth")
    assert (FROM_A in wants(ctx)) == (kind == "veth")
    found = {one.name: one for one in detected(ctx)}["terway: pods"]
    assert (found.option, found.source == "--terway-pods") == ("terway-pods", bool(given))


def test_a_pod_without_eth0_is_taken_for_what_was_said(make_context: Any) -> None:
    without = {key: replace(ns, devices={} if "pod" in key else ns.devices) for key, ns in state().items()}
    said = {"terway-pods": "ipvlan"}
    usual, told = (
        wants(make_context(objects(), without, options=Options(plugin=plugin))) for plugin in ({}, said)
    )
    assert FROM_A in usual
    assert FROM_A not in told
    eni = Options(plugin={"terway-mode": "eni", "terway-pods": "eni"})
    assert "10.244.1.2/32 dev caliacd53aa4120 scope link" in wants(
        make_context(objects(), without, options=eni)
    )

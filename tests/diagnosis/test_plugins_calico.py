"""Calico's wishes from objects alone, and from a node's devices."""

from dataclasses import replace
from ipaddress import IPv4Address as IP
from typing import Any

import pytest

from kubectl_skoop.api import Device, Expectation, NetworkNamespace, Passing, Place
from kubectl_skoop.diagnosis.extension.detected import detected
from kubectl_skoop.diagnosis.extension.registry import set_up
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.netstack.device import InterfaceAddress
from kubectl_skoop.plugins.calico.family import V4
from kubectl_skoop.testing.objects import cluster_objects
from kubectl_skoop.testing.topology import standard

Objects = list[dict[str, Any]]
TO_PEER = "10.244.2.0/26 via 10.0.0.2"


def cluster(**pool: object) -> Objects:
    objects = cluster_objects("calico", standard())
    for item in objects:
        if item["kind"] == "IPPool":
            item["spec"] |= pool
    return objects


def affinity(node: str, cidr: str) -> dict[str, Any]:
    return {
        "apiVersion": "crd.projectcalico.org/v1",
        "kind": "BlockAffinity",
        "metadata": {"name": f"{node}-{cidr}"},
        "spec": {"node": node, "cidr": cidr, "state": "confirmed"},
    }


def state() -> dict[str, NetworkNamespace]:
    """n1 with its NIC and pod a."""
    node = NetworkNamespace(
        id="n1/4:1",
        place=Place("node", "n1"),
        node="n1",
        devices={2: Device(index=2, name="ens5", mac="02:00:00:00:00:01")},
        addresses=(InterfaceAddress(device=2, address=IP("10.0.0.1"), prefix=24),),
    )
    pod = NetworkNamespace(
        id="n1/4:2",
        place=Place("pod", "default/a"),
        node="n1",
        devices={2: Device(index=2, name="eth0", kind="veth", mac="0a:00:00:00:00:01", mtu=1440)},
    )
    return {"node/n1": node, "pod/default/a": pod}


def action_of(make_context: Any, objects: Objects, **more: Any) -> Any:
    ctx = make_context(objects, **more)
    return set_up(ctx).plugin.create_node(ctx.cluster.node("n1"))


def wants(found: Any) -> list[str]:
    return [wish.want for wish in found if isinstance(wish, Expectation)]


def to(action: Any, destination: str) -> list[str]:
    packet = Packet(src=IP("10.0.0.1"), dst=IP(destination), protocol=Protocol.TCP, dport=80)
    return wants(action.wishes(Passing(upstream=None, arrived=packet, left=(packet,))))


def test_a_node_wants_the_devices_routes_and_settings_of_its_pods(make_context: Any) -> None:
    found = wants(action_of(make_context, cluster(), namespaces=state()).always())
    assert found == [
        "net.ipv4.ip_forward = 1",
        "ens5 mtu at least 1440 arp on up with a carrier",
        "net.ipv4.conf.ens5.forwarding = 1",
        "default",
        "caliacd53aa4120 veth mtu 1440 address ee:ee:ee:ee:ee:ee arp on up with a carrier",
        "net.ipv4.conf.caliacd53aa4120.proxy_arp = 1",
        "net.ipv4.conf.caliacd53aa4120.forwarding = 1",
        "10.244.1.2/32 dev caliacd53aa4120 scope link",
        "blackhole 10.244.1.0/26",
    ]


def test_the_device_is_named_after_namespace_and_pod_with_the_prefix_of_felix(make_context: Any) -> None:
    options = Options(plugin={"calico-interface-prefix": "eni"})
    found = wants(action_of(make_context, cluster(), namespaces=state(), options=options).always())
    assert "10.244.1.2/32 dev eniacd53aa4120 scope link" in found


OVERRIDDEN = {
    "BGP": ("bgp-mesh", "off", "between all nodes", "not between all nodes"),
    "rules": ("insert-mode", "append", "in front of those of others", "behind those of others"),
    "data plane": ("data-plane", "ebpf", "iptables", "eBPF"),
    "WireGuard": ("wireguard", "both", "off", "IPv4, IPv6"),
}


@pytest.mark.parametrize(("option", "given", "usual", "expected"), OVERRIDDEN.values(), ids=OVERRIDDEN)
def test_what_the_environment_of_calico_node_may_say_can_be_said(
    make_context: Any, option: str, given: str, usual: str, expected: str
) -> None:
    name = f"calico-{option}"
    for plugin, value in (({}, usual), ({name: given}, expected)):
        ctx = make_context(cluster(), state(), options=Options(plugin=plugin))
        (found,) = (one for one in detected(ctx) if one.option == name)
        assert found.value == value
        assert (found.source == f"--{name}") == bool(plugin)


def test_of_the_data_plane_the_option_counts_before_a_device_of_the_node(make_context: Any) -> None:
    key, ns = next((key, ns) for key, ns in state().items() if ns.place.kind == "node")
    device = Device(index=9, name="bpfin.cali", kind="veth", mac="0a:00:00:00:00:09")
    shown = {key: replace(ns, devices={**ns.devices, 9: device})}
    for plugin, plane in (({}, "eBPF"), ({"calico-data-plane": "iptables"}, "iptables")):
        ctx = make_context(cluster(), shown, options=Options(plugin=plugin))
        assert {one.name: one.value for one in detected(ctx)}["calico: data plane"] == plane


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        pytest.param({}, [TO_PEER], id="no tunnel"),
        pytest.param(
            {"ipipMode": "CrossSubnet"}, [TO_PEER], id="a tunnel across subnets only, peer on the link"
        ),
        pytest.param({"vxlanMode": "CrossSubnet"}, [TO_PEER], id="the same with VXLAN"),
        pytest.param({"ipipMode": "Always"}, ["10.244.2.0/26 via 10.0.0.2 dev tunl0 onlink"], id="IPIP"),
        pytest.param({"vxlanMode": "Always"}, [], id="VXLAN: no node tells its tunnel's address"),
        pytest.param({"blockSize": 28}, ["10.244.2.0/28 via 10.0.0.2"], id="smaller blocks"),
        pytest.param({"cidr": "10.9.0.0/16"}, [], id="no pool has the address"),
        pytest.param({"cidr": "fd00::/48"}, [], id="a pool of IPv6"),
    ],
)
def test_the_block_of_a_peer_is_reached_by_the_peer(
    make_context: Any, pool: dict[str, object], expected: list[str]
) -> None:
    assert to(action_of(make_context, cluster(**pool)), "10.244.2.2") == expected


def test_the_most_specific_pool_counts(make_context: Any) -> None:
    objects = cluster(ipipMode="Always")
    pool = next(item for item in objects if item["kind"] == "IPPool")
    own = {**pool, "metadata": {"name": "own"}, "spec": {"cidr": "10.244.2.0/24", "blockSize": 26}}
    assert to(action_of(make_context, [*objects, own]), "10.244.2.2") == [TO_PEER]


@pytest.mark.parametrize(
    ("mode", "peer", "tunnel"),
    [
        pytest.param("Always", "10.0.0.2/24", True, id="always"),
        pytest.param("CrossSubnet", "10.0.0.2/24", False, id="across subnets only, the peer on the link"),
        pytest.param("CrossSubnet", "10.7.0.2/24", True, id="across subnets, the peer behind a router"),
    ],
)
def test_vxlan(make_context: Any, mode: str, peer: str, tunnel: bool) -> None:
    objects = cluster_objects("calico-vxlan", standard())
    for item in objects:
        if item["kind"] == "IPPool":
            item["spec"]["vxlanMode"] = mode
        elif item["kind"] == "Node" and item["metadata"]["name"] == "n2":
            item["metadata"]["annotations"][V4.address] = peer
    through = [
        "10.244.2.0/26 via 10.244.2.32 dev vxlan.calico onlink",
        "10.244.2.32 dev vxlan.calico lladdr 0e:00:00:00:00:02 PERMANENT",
        f"0e:00:00:00:00:02 dev vxlan.calico dst {peer.partition('/')[0]} self permanent",
    ]
    assert to(action_of(make_context, objects), "10.244.2.2") == (through if tunnel else [TO_PEER])


def test_the_device_is_wanted_if_the_state_tells_it(make_context: Any) -> None:
    assert to(action_of(make_context, cluster(), namespaces=state()), "10.244.2.2") == [
        "10.0.0.0/24 dev ens5",
        "10.244.2.0/26 via 10.0.0.2 dev ens5",
    ]


@pytest.mark.parametrize(
    ("affinities", "expected"),
    [
        pytest.param([affinity("n2", "10.244.2.0/26")], [TO_PEER], id="the peer's block"),
        pytest.param(
            [affinity("n1", "10.244.2.0/26")],
            ["10.244.2.2/32 via 10.0.0.2"],
            id="the address is borrowed from another's block",
        ),
    ],
)
def test_affinities_tell_whose_a_block_is(
    make_context: Any, affinities: Objects, expected: list[str]
) -> None:
    assert to(action_of(make_context, [*cluster(), *affinities]), "10.244.2.2") == expected


def test_a_block_with_pods_of_two_nodes_is_nobody_s_without_affinities(make_context: Any) -> None:
    objects = cluster()
    pod = next(item for item in objects if item["kind"] == "Pod" and item["metadata"]["name"] == "a2")
    pod["status"] |= {"podIP": "10.244.2.60", "podIPs": [{"ip": "10.244.2.60"}]}
    assert to(action_of(make_context, objects), "10.244.2.2") == []


def test_behind_a_router_the_way_is_left_to_the_kernel_s_word(make_context: Any) -> None:
    objects = cluster()
    node = next(item for item in objects if item["kind"] == "Node" and item["metadata"]["name"] == "n2")
    node["metadata"]["annotations"][V4.address] = "10.7.0.2/24"
    assert to(action_of(make_context, objects), "10.244.2.2") == []


def test_a_pod_wants_the_link_local_gateway(make_context: Any) -> None:
    ctx = make_context(cluster())
    pod = set_up(ctx).plugin.create_pod(ctx.cluster.pod("default/a"))
    assert wants(pod.always()) == [
        "eth0 arp on up with a carrier",
        "lo up",
        "eth0 inet 10.244.1.2/32",
        "default via 169.254.1.1 dev eth0",
        "169.254.1.1 dev eth0 lladdr ee:ee:ee:ee:ee:ee",
    ]

"""flannel's wishes from objects alone, and from a node's devices."""

import json
from ipaddress import IPv4Address as IP
from ipaddress import IPv6Address as IP6
from typing import Any

import pytest

from kubectl_skoop.api import (
    Device,
    Expectation,
    Level,
    NetworkNamespace,
    OptionError,
    Passing,
    Place,
    Suspicion,
)
from kubectl_skoop.diagnosis.extension.detected import detected
from kubectl_skoop.diagnosis.extension.registry import set_up
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.netstack.device import InterfaceAddress
from kubectl_skoop.plugins.calico import Calico
from kubectl_skoop.plugins.canal import Canal
from kubectl_skoop.plugins.flannel.settings import BACKEND_DATA, BACKEND_TYPE, PUBLIC_IP, V6
from kubectl_skoop.testing.objects import cluster_objects
from kubectl_skoop.testing.topology import Mode, standard

Objects = list[dict[str, Any]]


def cluster(mode: Mode = "flannel-vxlan", **net_conf: object) -> Objects:
    objects = cluster_objects(mode, standard())
    for item in objects:
        if item["metadata"]["name"] == "kube-flannel-cfg" and net_conf:
            item["data"]["net-conf.json"] = json.dumps({"Network": "10.244.0.0/16", "Backend": net_conf})
    return objects


def node_of(objects: Objects, name: str) -> dict[str, Any]:
    return next(item for item in objects if item["kind"] == "Node" and item["metadata"]["name"] == name)


def state(mtu: int = 1500, prefix: int = 24) -> dict[str, NetworkNamespace]:
    """n1 with its NIC."""
    place = Place("node", "n1")
    address = InterfaceAddress(device=2, address=IP("10.0.0.1"), prefix=prefix)
    devices = {2: Device(index=2, name="ens5", mtu=mtu)}
    return {
        "node/n1": NetworkNamespace(
            id="n1/4:1", place=place, node="n1", devices=devices, addresses=(address,)
        )
    }


def wishes(make_context: Any, objects: Objects, destination: str = "10.244.2.2", **more: Any) -> list[Any]:
    """Of n1, for a packet from pod a."""
    ctx = make_context(objects, **more)
    action = set_up(ctx).plugin.create_node(ctx.cluster.node("n1"))
    packet = Packet(src=IP("10.244.1.2"), dst=IP(destination), protocol=Protocol.TCP, dport=80)
    return list(action.wishes(Passing(upstream=None, arrived=packet, left=(packet,))))


def always(make_context: Any, objects: Objects, **more: Any) -> list[str]:
    """Of n1, whatever the packet."""
    ctx = make_context(objects, **more)
    return wants(list(set_up(ctx).plugin.create_node(ctx.cluster.node("n1")).always()))


def wants(found: list[Any]) -> list[str]:
    return [wish.want for wish in found if isinstance(wish, Expectation)]


def codes(found: list[Any]) -> list[str]:
    return [finding.code for finding in found if isinstance(finding, Suspicion)]


VXLAN = [
    "10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink",
    "10.244.2.0 dev flannel.1 lladdr 0e:00:00:00:00:02 PERMANENT",
    "0e:00:00:00:00:02 dev flannel.1 dst 10.0.0.2 self permanent",
]


def test_vxlan_wants_route_neighbour_and_remote_of_the_peer(make_context: Any) -> None:
    assert wants(wishes(make_context, cluster())) == VXLAN


def test_host_gw_wants_a_route_by_the_peers_address(make_context: Any) -> None:
    assert wants(wishes(make_context, cluster("flannel-host-gw"))) == ["10.244.2.0/24 via 10.0.0.2"]


def test_host_gw_names_the_device_if_the_state_tells_it(make_context: Any) -> None:
    assert wants(wishes(make_context, cluster("flannel-host-gw"), namespaces=state())) == [
        "10.0.0.0/24 dev ens5",
        "10.244.2.0/24 via 10.0.0.2 dev ens5",
    ]


def test_alloc_programs_nothing_and_leaves_the_routes_to_the_network(make_context: Any) -> None:
    """Its annotation of the backend is empty: the ConfigMap says it."""
    objects = cluster("flannel-alloc")
    assert wishes(make_context, objects) == []
    assert set_up(make_context(objects)).network.plugin.pods_in_underlay
    assert not set_up(make_context(cluster("flannel-host-gw"))).network.plugin.pods_in_underlay


def test_ipip_wants_a_route_through_its_device_to_the_peers_address(make_context: Any) -> None:
    assert wants(wishes(make_context, cluster("flannel-ipip"))) == [
        "10.244.2.0/24 via 10.0.0.2 dev flannel.ipip onlink"
    ]


def test_ipip_wants_its_device_with_the_nodes_address(make_context: Any) -> None:
    found = always(make_context, cluster("flannel-ipip"), namespaces=state())
    assert "flannel.ipip ipip local 10.0.0.1 up" in found
    assert "flannel.ipip inet 10.244.1.0/32" in found


def test_udp_wants_one_route_for_all_pods_into_its_device(make_context: Any) -> None:
    """flanneld itself takes it where nothing is said; the rest is in its memory."""
    objects = cluster("flannel-alloc")
    config = next(item for item in objects if item["metadata"]["name"] == "kube-flannel-cfg")
    config["data"]["net-conf.json"] = '{"Network": "10.244.0.0/16"}'
    assert wants(wishes(make_context, objects)) == ["10.244.0.0/16 dev flannel0"]
    assert "flannel0 tun up with a carrier" in always(make_context, objects)


def test_nodes_with_two_backends_are_the_finding(make_context: Any) -> None:
    objects = cluster()
    node_of(objects, "n2")["metadata"]["annotations"][BACKEND_TYPE] = "host-gw"
    (found,) = wishes(make_context, objects)
    assert found.code == "flannel.backend.differs"
    assert "host-gw" in found.message


def test_a_public_ip_that_the_node_does_not_have_is_a_remark(make_context: Any) -> None:
    objects = cluster()
    node_of(objects, "n1")["metadata"]["annotations"][PUBLIC_IP] = "192.0.2.7"
    ctx = make_context(objects, namespaces=state())
    (found,) = (
        one
        for one in set_up(ctx).plugin.create_node(ctx.cluster.node("n1")).always()
        if isinstance(one, Suspicion)
    )
    assert (found.code, found.level) == ("flannel.public-ip.foreign", Level.INFO)


def test_the_case_of_keys_does_not_matter_to_flanneld(make_context: Any) -> None:
    found = wants(wishes(make_context, cluster(type="vxlan", vni=4096)))
    assert found[0] == "10.244.2.0/24 via 10.244.2.0 dev flannel.4096 onlink"


def test_without_the_annotation_the_cluster_s_backend_holds(make_context: Any) -> None:
    objects = cluster()
    del node_of(objects, "n2")["metadata"]["annotations"][BACKEND_TYPE]
    assert wants(wishes(make_context, objects)) == VXLAN


@pytest.mark.parametrize(
    ("direct", "prefix", "tunnel"),
    [
        pytest.param(True, 24, False, id="DirectRouting on one link: no tunnel"),
        pytest.param(True, 32, True, id="DirectRouting, but not on one link"),
        pytest.param(False, 24, True, id="no DirectRouting"),
    ],
)
def test_direct_routing_is_for_peers_on_the_link(
    make_context: Any, direct: bool, prefix: int, tunnel: bool
) -> None:
    objects = cluster(Type="vxlan", DirectRouting=direct)
    found = wants(wishes(make_context, objects, namespaces=state(prefix=prefix)))
    assert ("10.244.2.0/24 via 10.0.0.2 dev ens5" in found) != tunnel
    assert (VXLAN[0] in found) == tunnel


def test_another_vni_is_another_device(make_context: Any) -> None:
    found = wants(wishes(make_context, cluster(Type="vxlan", VNI=4096)))
    assert found[0] == "10.244.2.0/24 via 10.244.2.0 dev flannel.4096 onlink"


def test_the_tunnel_s_own_addresses_belong_to_the_peer(make_context: Any) -> None:
    """What a node sends to pods comes from the address of its tunnel device: the answer goes there."""
    assert wants(wishes(make_context, cluster(), destination="10.244.2.0")) == VXLAN


def test_an_outside_address_needs_nothing_of_flannel(make_context: Any) -> None:
    assert wishes(make_context, cluster(), destination="192.0.2.1") == []


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        pytest.param(PUBLIC_IP, None, id="no public-ip"),
        pytest.param(PUBLIC_IP, "none", id="no address"),
        pytest.param(BACKEND_DATA, None, id="no backend-data"),
        pytest.param(BACKEND_DATA, "null", id="backend-data of another backend"),
    ],
)
def test_an_annotation_that_is_missing_is_the_finding(
    make_context: Any, annotation: str, value: str | None
) -> None:
    objects = cluster()
    annotations = node_of(objects, "n2")["metadata"]["annotations"]
    annotations.pop(annotation)
    if value is not None:
        annotations[annotation] = value
    (code,) = codes(wishes(make_context, objects))
    assert code == "flannel.annotation.missing"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param({"net-conf.json": "{"}, "it is no JSON object", id="cut off"),
        pytest.param({"net-conf.json": "7"}, "it is no JSON object", id="a number"),
        pytest.param(
            {"net-conf.json": '{"Network": "10.244.0.0/160", "Backend": {"Type": "vxlan"}}'},
            "10.244.0.0/160 is no network",
            id="a network that is none",
        ),
    ],
)
def test_a_configuration_that_flanneld_cannot_read_is_a_finding(
    make_context: Any, data: dict[str, str], problem: str
) -> None:
    objects = cluster()
    next(item for item in objects if item["metadata"]["name"] == "kube-flannel-cfg")["data"] = data
    ctx = make_context(objects)
    told = [
        one.message
        for one in set_up(ctx).plugin.create_node(ctx.cluster.node("n1")).always()
        if isinstance(one, Suspicion) and one.code == "flannel.configuration.unreadable"
    ]
    assert told == [
        f"flanneld does not start with net-conf.json of ConfigMap kube-flannel/kube-flannel-cfg: {problem}"
    ]


def test_a_node_without_pod_network_is_the_finding(make_context: Any) -> None:
    objects = cluster()
    node_of(objects, "n2")["spec"] = {}
    assert codes(wishes(make_context, objects)) == ["flannel.pod-cidr.missing"]


def test_with_canal_pods_are_calico_s(make_context: Any) -> None:
    objects = cluster_objects("canal", standard())
    ctx = make_context(objects)
    pod = set_up(ctx).plugin.create_pod(ctx.cluster.pod("default/a"))
    assert "default via 169.254.1.1 dev eth0" in wants(list(pod.always()))
    assert wants(wishes(make_context, objects)) == VXLAN


@pytest.mark.parametrize(
    ("agent", "plugin", "gateway", "bgp"),
    [
        ("canal", "", "169.254.1.1", "off: canal"),
        ("renamed", "canal", "169.254.1.1", "off: canal"),
        ("canal", "calico", "169.254.1.1", "between all nodes"),
        ("canal", "flannel", "10.244.1.1", None),
    ],
)
def test_that_it_is_canal_can_be_overridden(
    make_context: Any, agent: str, plugin: str, gateway: str, bgp: str | None
) -> None:
    objects = cluster_objects("canal", standard())
    for item in objects:
        if item["kind"] == "DaemonSet" and item["metadata"]["name"] == "canal":
            item["metadata"]["name"] = agent
    ctx = make_context(objects, options=Options(network_plugin=plugin))
    pod = set_up(ctx).plugin.create_pod(ctx.cluster.pod("default/a"))
    assert f"default via {gateway} dev eth0" in wants(list(pod.always()))
    assert {one.name: one.value for one in detected(ctx)}.get("calico: BGP") == bgp


def test_k3s_has_it_built_in_and_says_so_by_annotations_alone(make_context: Any) -> None:
    objects = [
        item
        for item in cluster()
        if item["kind"] != "DaemonSet" and item["metadata"]["name"] != "kube-flannel-cfg"
    ]
    fact = set_up(make_context(objects)).facts[0]
    assert (fact.value, fact.source) == ("flannel", f"annotation {BACKEND_TYPE} of node n1")
    assert wants(wishes(make_context, objects)) == VXLAN
    assert wants(wishes(make_context, objects, destination="10.244.2.0")) == VXLAN


def test_canal_enforces_what_calico_does() -> None:
    assert Canal.enforces == Calico.enforces


def test_what_both_of_canal_s_plugins_want_is_said_once(make_context: Any) -> None:
    ctx = make_context(cluster_objects("canal", standard()))
    node = set_up(ctx).plugin.create_node(ctx.cluster.node("n1"))
    wanted = [wish.want for wish in node.always() if isinstance(wish, Expectation)]
    assert wanted.count("net.ipv4.ip_forward = 1") == 1


def test_a_pod_wants_its_address_and_the_bridge_as_gateway(make_context: Any) -> None:
    ctx = make_context(cluster(), options=Options(plugin={"flannel-pod-mtu": "1400"}))
    pod = set_up(ctx).plugin.create_pod(ctx.cluster.pod("default/a"))
    assert wants(list(pod.always())) == [
        "eth0 mtu at most 1400 arp on up with a carrier",
        "lo up",
        "eth0 inet 10.244.1.2/24",
        "default via 10.244.1.1 dev eth0",
    ]


def test_a_host_network_pod_wants_nothing(make_context: Any) -> None:
    objects = cluster()
    pod = next(item for item in objects if item["kind"] == "Pod" and item["metadata"]["name"] == "a")
    pod["spec"]["hostNetwork"] = True
    ctx = make_context(objects)
    assert list(set_up(ctx).plugin.create_pod(ctx.cluster.pod("default/a")).always()) == []


def test_both_families_have_their_own_tunnel(make_context: Any) -> None:
    objects = cluster()
    annotations = node_of(objects, "n2")["metadata"]["annotations"]
    annotations[V6.public_ip] = "fd00:10::2"
    annotations[V6.backend_data] = '{"VNI":1,"VtepMAC":"0e:00:00:00:06:02"}'
    node_of(objects, "n2")["spec"]["podCIDRs"].append("fd00:244:2::/64")
    pod = next(item for item in objects if item["kind"] == "Pod" and item["metadata"]["name"] == "b")
    pod["status"]["podIPs"].append({"ip": "fd00:244:2::2"})
    ctx = make_context(objects)
    action = set_up(ctx).plugin.create_node(ctx.cluster.node("n1"))
    packet = Packet(src=IP6("fd00:244:1::2"), dst=IP6("fd00:244:2::2"), protocol=Protocol.TCP, dport=80)
    assert wants(list(action.wishes(Passing(upstream=None, arrived=packet, left=(packet,))))) == [
        "fd00:244:2::/64 via fd00:244:2:: dev flannel-v6.1 onlink",
        "fd00:244:2:: dev flannel-v6.1 lladdr 0e:00:00:00:06:02 PERMANENT",
        "0e:00:00:00:06:02 dev flannel-v6.1 dst fd00:10::2 self permanent",
    ]


def test_a_podcidr_of_ipv6_alone_is_no_flannel_with_ipv6(make_context: Any) -> None:
    """The controller manager gives podCIDRs of both families, whatever flanneld is told."""
    objects = cluster()
    node_of(objects, "n1")["spec"]["podCIDRs"].append("fd00:244:1::/64")
    ctx = make_context(objects)
    found = wants(list(set_up(ctx).plugin.create_node(ctx.cluster.node("n1")).always()))
    assert not [want for want in found if "fd00" in want or "v6" in want or "ipv6" in want]


def test_what_the_configmap_says_is_overridden(make_context: Any) -> None:
    typed = {"flannel-vni": "7", "flannel-port": "4789", "flannel-direct-routing": "on"}
    ctx = make_context(cluster(), options=Options(plugin=typed), namespaces=state())
    plugin = set_up(ctx).plugin
    told = {each.name: (each.value, each.source) for each in set_up(ctx).network.plugin.settings()}
    assert told["flannel: VNI"] == ("7", "--flannel-vni")
    assert told["flannel: port of vxlan"] == ("UDP 4789", "--flannel-port")
    assert told["flannel: direct routing"] == ("on", "--flannel-direct-routing")
    found = wants(list(plugin.create_node(ctx.cluster.node("n1")).always()))
    assert any(want.startswith("flannel.7 vxlan id 7 dstport 4789") for want in found)


@pytest.mark.parametrize(
    "typed",
    [{"flannel-vni": "16777216"}, {"flannel-port": "65536"}, {"flannel-network": "10.244.0.0/16,x"}],
)
def test_an_option_out_of_range_is_refused(make_context: Any, typed: dict[str, str]) -> None:
    with pytest.raises(OptionError):
        set_up(make_context(cluster(), options=Options(plugin=typed)))

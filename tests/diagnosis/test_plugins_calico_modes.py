"""What Calico's other objects and annotations change: Felix's settings, BGP, blocks, natOutgoing, IPv6."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from kubectl_skoop.api import Device, Passing, Suspicion
from kubectl_skoop.diagnosis.extension.registry import set_up
from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.netstack.devices.wireguard_types import Wireguard
from kubectl_skoop.netstack.ipset import IpSet
from kubectl_skoop.netstack.routing.types import PolicyRule
from kubectl_skoop.plugins.calico.family import V4, V6
from kubectl_skoop.testing.objects import cluster_objects
from kubectl_skoop.testing.topology import Mode, standard
from tests.diagnosis.test_plugins_calico import Objects, action_of, affinity, cluster, state, to, wants

GROUP = "crd.projectcalico.org/v1"
KEY = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
DIGEST = "72cd6e8422c407fb"


def custom(kind: str, name: str, **spec: object) -> dict[str, Any]:
    return {"apiVersion": GROUP, "kind": kind, "metadata": {"name": name}, "spec": spec}


def annotated(objects: Objects, node: str, **annotations: str | None) -> Objects:
    """With annotations of a node changed; None: without it. Names without `projectcalico.org/`."""
    for item in objects:
        if (item["kind"], item["metadata"]["name"]) == ("Node", node):
            told = item["metadata"]["annotations"]
            for name, value in annotations.items():
                told.pop(f"projectcalico.org/{name}", None)
                if value is not None:
                    told[f"projectcalico.org/{name}"] = value
    return objects


def found_of(action: Any, destination: str, source: str = "10.244.1.2") -> list[Any]:
    dst = ip_address(destination)
    packet = Packet(src=ip_address(source), dst=dst, protocol=Protocol.TCP, dport=80)
    return list(action.wishes(Passing(upstream=None, arrived=packet, left=(packet,))))


def codes(found: Any) -> list[str]:
    return [one.code for one in found if isinstance(one, Suspicion)]


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        pytest.param({}, "id 5000 dstport 4790", id="of all nodes"),
        pytest.param({"vxlanVNI": 6000}, "id 6000 dstport 4790", id="one of them only for this node"),
    ],
)
def test_settings_of_felix(make_context: Any, own: dict[str, object], expected: str) -> None:
    objects = [
        *cluster_objects("calico-vxlan", standard()),
        custom("FelixConfiguration", "default", vxlanVNI=5000, vxlanPort=4790),
        custom("FelixConfiguration", "node.n2", vxlanVNI=7000),
        custom("FelixConfiguration", "node.n1", **own),
    ]
    found = wants(action_of(make_context, objects).always())
    assert [want for want in found if want.startswith(f"vxlan.calico vxlan {expected}")]


def test_the_prefix_of_devices_is_felix_s(make_context: Any) -> None:
    objects = [*cluster(), custom("FelixConfiguration", "default", interfacePrefix="eni,tap")]
    found = wants(action_of(make_context, objects, namespaces=state()).always())
    assert "10.244.1.2/32 dev eniacd53aa4120 scope link" in found


MESH_OFF = custom("BGPConfiguration", "default", nodeToNodeMeshEnabled=False)
TO_REFLECTORS = custom("BGPPeer", "rr", nodeSelector="all()", peerSelector="has(rr)")


def reflected() -> Objects:
    """n3 is a route reflector."""
    objects = annotated(cluster_objects("calico", standard(3)), "n3", RouteReflectorClusterID="244.0.0.1")
    for item in objects:
        if (item["kind"], item["metadata"]["name"]) == ("Node", "n3"):
            item["metadata"]["labels"]["rr"] = ""
    return objects


@pytest.mark.parametrize(
    ("objects", "because"),
    [
        pytest.param(cluster(), "from node n2", id="a mesh"),
        pytest.param([*cluster(), MESH_OFF], "no BGP session leads from node n2", id="no mesh, no peers"),
        pytest.param(
            [*cluster(), MESH_OFF, custom("BGPPeer", "p", node="n1", peerIP="10.0.0.2")],
            "from node n2",
            id="a peer by its address",
        ),
        pytest.param(
            [*cluster(), MESH_OFF, custom("BGPPeer", "p", node="n2", peerIP="10.0.0.1")],
            "from node n2",
            id="the same from the other end",
        ),
        pytest.param([*reflected(), MESH_OFF, TO_REFLECTORS], "route reflector n3", id="a route reflector"),
        pytest.param([*reflected(), MESH_OFF], "BGPPeers: none", id="a reflector that nobody asks"),
        pytest.param([*cluster(), MESH_OFF, TO_REFLECTORS], "no BGP session", id="no node is a reflector"),
    ],
)
def test_who_tells_a_node_of_blocks(make_context: Any, objects: Objects, because: str) -> None:
    _, wish = found_of(action_of(make_context, objects, namespaces=state()), "10.244.2.2")
    assert wish.want == "10.244.2.0/26 via 10.0.0.2 dev ens5"
    assert because in wish.because


def test_what_a_router_tells_is_left_to_the_kernel_s_word(make_context: Any) -> None:
    objects = [*cluster(), MESH_OFF, custom("BGPPeer", "tor", peerIP="10.0.0.254", asNumber=65000)]
    assert found_of(action_of(make_context, objects), "10.244.2.2") == []


def test_a_peer_with_a_selector_that_is_none_is_found(make_context: Any) -> None:
    objects = [*cluster(), custom("BGPPeer", "bad", nodeSelector="rack = 1")]
    found = list(action_of(make_context, objects).always())
    assert codes(found) == ["calico.bgp-peer.unreadable"]


CLAIMS: dict[str, tuple[Objects, list[str]]] = {
    "each its own": ([affinity("n1", "10.244.1.0/26"), affinity("n2", "10.244.2.0/26")], []),
    "one for two nodes": (
        [affinity("n1", "10.244.1.0/26"), affinity("n2", "10.244.1.0/26")],
        ["10.244.1.0/26"],
    ),
    "one inside another": (
        [affinity("n1", "10.244.0.0/24"), affinity("n2", "10.244.0.64/26")],
        ["10.244.0.64/26"],
    ),
    "one that is none": ([affinity("n1", "10.244.1.0/26"), affinity("n2", "10.244.1.0/99")], []),
    "one that is given up": (
        [
            affinity("n1", "10.244.1.0/26"),
            custom("BlockAffinity", "x", node="n2", cidr="10.244.1.0/26", state="pendingDeletion"),
        ],
        [],
    ),
    "both families": ([affinity("n1", "10.244.1.0/26"), affinity("n2", "::af4:100/122")], []),
}


@pytest.mark.parametrize(("affinities", "others"), CLAIMS.values(), ids=CLAIMS)
def test_blocks_that_two_nodes_claim(make_context: Any, affinities: Objects, others: list[str]) -> None:
    found = list(action_of(make_context, [*cluster(), *affinities]).always())
    assert codes(found) == ["calico.block.differs"] * len(others)
    told = [one.message for one in found if isinstance(one, Suspicion)]
    assert all(other in message for other, message in zip(others, told, strict=True))


def test_a_borrowed_address_has_a_route_of_its_own_through_the_tunnel(make_context: Any) -> None:
    objects = [*cluster_objects("calico-vxlan", standard()), affinity("n1", "10.244.2.0/26")]
    assert "10.244.2.2/32 via 10.244.2.32 dev vxlan.calico onlink" in to(
        action_of(make_context, objects), "10.244.2.2"
    )


MISSING: dict[str, tuple[Mode, str, Callable[[Any], list[Any]]]] = {
    "of a vxlan": ("calico-vxlan", "IPv4VXLANTunnelAddr", lambda action: list(action.always())),
    "of tunl0": ("calico-ipip", "IPv4IPIPTunnelAddr", lambda action: list(action.always())),
}


@pytest.mark.parametrize(("mode", "annotation", "ask"), MISSING.values(), ids=MISSING)
def test_a_node_that_does_not_tell_the_address_of_its_tunnel(
    make_context: Any, mode: Mode, annotation: str, ask: Callable[[Any], list[Any]]
) -> None:
    objects = annotated(cluster_objects(mode, standard()), "n1", **{annotation: None})
    found = ask(action_of(make_context, objects))
    assert codes(found) == ["calico.annotation.missing"]


@pytest.mark.parametrize("mode", ["calico", "calico-vxlan", "calico-ipip"])
@pytest.mark.parametrize("name", ["n1", "n2"])
def test_a_node_that_does_not_tell_its_address(make_context: Any, mode: Mode, name: str) -> None:
    """Of either end; with a datastore of Calico's own no node tells it, and none is missed."""
    objects = annotated(cluster_objects(mode, standard()), name, IPv4Address=None)
    (found,) = found_of(action_of(make_context, objects), "10.244.2.2")
    assert (found.code, str(found.where.place)) == ("calico.annotation.missing", f"node/{name}")
    for each in ("n1", "n2"):
        objects = annotated(objects, each, IPv4Address=None)
    assert found_of(action_of(make_context, objects), "10.244.2.2") == []


def test_a_peer_that_does_not_tell_its_mac_has_the_one_that_felix_makes_of_its_name(
    make_context: Any,
) -> None:
    """No state of the peer is asked for."""
    objects = annotated(cluster_objects("calico-vxlan", standard()), "n2", VXLANTunnelMACAddr=None)
    wanted = wants(found_of(action_of(make_context, objects), "10.244.2.2"))
    assert "10.244.2.32 dev vxlan.calico lladdr 66:40:24:34:76:fc PERMANENT" in wanted


def test_a_peer_that_does_not_tell_the_address_of_its_tunnel(make_context: Any) -> None:
    objects = annotated(cluster_objects("calico-vxlan", standard()), "n2", IPv4VXLANTunnelAddr="x")
    (found,) = found_of(action_of(make_context, objects), "10.244.2.2")
    assert (found.code, str(found.where.place)) == ("calico.annotation.missing", "node/n2")
    assert "is no address: x" in found.message


@pytest.mark.parametrize(
    ("pool", "destination", "expected"),
    [
        pytest.param({}, "192.0.2.7", [], id="translated"),
        pytest.param(
            {"natOutgoing": False}, "192.0.2.7", ["calico.nat-outgoing.missing"], id="not translated"
        ),
        pytest.param({"natOutgoing": False}, "10.244.7.7", [], id="inside the pool"),
    ],
)
def test_nat_outgoing(
    make_context: Any, pool: dict[str, object], destination: str, expected: list[str]
) -> None:
    assert codes(found_of(action_of(make_context, cluster(**pool)), destination)) == expected


def test_pools_are_in_the_sets_that_the_rule_asks(make_context: Any) -> None:
    namespaces = state()
    names = ("cali40masq-ipam-pools", "cali40all-ipam-pools")
    sets = {name: IpSet(name=name, type="hash:net", entries=("10.9.0.0/16",)) for name in names}
    namespaces["node/n1"] = ns = replace(namespaces["node/n1"], ipsets=sets)
    deviating = []
    for wish in action_of(make_context, cluster(), namespaces=namespaces).always():
        if not isinstance(wish, Suspicion) and wish.table == "set":
            deviation, mended = wish.compare(ns), wish.mend(ns)
            assert deviation is not None
            assert mended is not None
            assert wish.compare(mended) is None
            deviating.append((deviation.command, deviation.found))
    assert deviating == [(f"ipset add {name} 10.244.0.0/16", (f"add {name} 10.9.0.0/16",)) for name in names]


def test_wireguard(make_context: Any) -> None:
    objects = [*cluster(), custom("FelixConfiguration", "default", wireguardEnabled=True)]
    for name, address in (("n1", "10.244.1.33"), ("n2", "10.244.2.33")):
        annotated(objects, name, IPv4WireguardInterfaceAddr=address, WireguardPublicKey=KEY)
    namespaces = state()
    device = Device(index=9, name=V4.wireguard, kind="wireguard", wireguard=Wireguard(DIGEST, 51820, 0x80000))
    ns = namespaces["node/n1"]
    rule = PolicyRule(priority=99, family=4, table=7, invert=True, mark=0x80000, mask=0x80000)
    namespaces["node/n1"] = replace(ns, devices={**ns.devices, 9: device}, rules=(rule,))
    action = action_of(make_context, objects, namespaces=namespaces)
    found = [want for want in wants(action.always()) if "wireguard" in want or "fwmark" in want]
    assert found == [
        "wireguard.cali wireguard up",
        "wireguard.cali inet 10.244.1.33/32",
        "net.ipv4.conf.wireguard/cali.forwarding = 1",
        "99: not from all fwmark 0x80000/0x80000 lookup 7",
    ]
    through = to(action, "10.244.2.2")
    assert "10.244.2.0/26 dev wireguard.cali table 7" in through
    assert f"peer {DIGEST} endpoint 10.0.0.2:51820 allowed ips 10.244.2.0/26" in through


@pytest.mark.parametrize(
    ("annotations", "told"),
    [
        pytest.param({"WireguardPublicKey": None}, [], id="the peer has no key: packets go as they are"),
        pytest.param({"WireguardPublicKey": "x"}, ["10.244.2.0/26 dev wireguard.cali table 1"], id="no key"),
    ],
)
def test_peers_of_wireguard_without_a_key(
    make_context: Any, annotations: dict[str, str | None], told: list[str]
) -> None:
    objects = [*cluster(), custom("FelixConfiguration", "default", wireguardEnabled=True)]
    annotated(annotated(objects, "n1", WireguardPublicKey=KEY), "n2", **annotations)
    assert to(action_of(make_context, objects), "10.244.2.2") == [*told, "10.244.2.0/26 via 10.0.0.2"]


def test_a_node_that_should_encrypt_and_tells_no_key(make_context: Any) -> None:
    objects = [*cluster(), custom("FelixConfiguration", "default", wireguardEnabled=True)]
    assert codes(action_of(make_context, objects).always()) == ["calico.annotation.missing"]


def test_ebpf_mode_shows_by_its_device(make_context: Any) -> None:
    namespaces = state()
    ns = namespaces["node/n1"]
    inside = Device(index=9, name="bpfin.cali", kind="veth")
    namespaces["node/n1"] = replace(ns, devices={**ns.devices, 9: inside})
    found = wants(action_of(make_context, cluster(), namespaces=namespaces).always())
    assert "net.ipv4.conf.all.rp_filter = 0" in found
    assert "ens5 with a program at ingress with a program at egress" in found


def dual_stack() -> Objects:
    objects = cluster()
    for number in (1, 2):
        annotated(objects, f"n{number}", IPv6Address=f"fd00:10::{number}/64")
    for item in objects:
        if item["kind"] == "Pod":
            node, slot = item["status"]["podIP"].split(".")[2:]
            item["status"]["podIPs"].append({"ip": f"fd00:244:{node}::{slot}"})
    return [*objects, custom("IPPool", "six", cidr="fd00:244::/32", blockSize=122)]


def test_ipv6(make_context: Any) -> None:
    objects = dual_stack()
    ctx = make_context(objects, namespaces=state())
    plugin = set_up(ctx).plugin
    pod = wants(plugin.create_pod(ctx.cluster.pod("default/a")).always())
    node = wants(plugin.create_node(ctx.cluster.node("n1")).always())
    assert f"default via {V6.gateway} dev eth0" in pod
    assert f"{V6.gateway} dev eth0 lladdr ee:ee:ee:ee:ee:ee" in pod
    assert "net.ipv6.conf.all.forwarding = 1" in node
    assert "fd00:244:1::2/128 dev caliacd53aa4120" in node
    assert "blackhole fd00:244:1::/122" in node
    told = wants(found_of(plugin.create_node(ctx.cluster.node("n1")), "fd00:244:2::2", "fd00:244:1::2"))
    assert told == ["fd00:244:2::/122 via fd00:10::2"]


@pytest.mark.parametrize(
    "pool",
    [
        pytest.param({"cidr": "fd00:244::/48", "blockSize": 64}, id="blocks that are too large to count"),
        pytest.param({"cidr": "10.0.0.0/8", "blockSize": 8}, id="one block for everybody"),
        pytest.param({"cidr": "10.244.0.0/30", "blockSize": 26}, id="blocks larger than the pool"),
        pytest.param({"cidr": ["10.244.0.0/16"]}, id="a cidr that is a list"),
        pytest.param({"cidr": "10.244.0.0/16", "blockSize": "26"}, id="a size that is a text"),
    ],
)
def test_a_pool_that_cannot_be_is_left_out(make_context: Any, pool: dict[str, object]) -> None:
    action = action_of(make_context, [*cluster(cidr="10.9.0.0/16"), custom("IPPool", "odd", **pool)])
    found = to(action, "10.244.2.2")
    readable = pool["cidr"] == "10.244.0.0/16"
    assert found == (["10.244.2.0/26 via 10.0.0.2"] if readable else [])


ODD = (
    custom("FelixConfiguration", "default", vxlanVNI="4096", wireguardEnabled="yes", interfacePrefix=7),
    custom("FelixConfiguration", "default", bpfDataIfacePattern="(", vxlanPort=-1),
    {"apiVersion": GROUP, "kind": "FelixConfiguration", "metadata": {"name": "default"}, "spec": []},
    custom("BGPConfiguration", "default", nodeToNodeMeshEnabled="no"),
    custom("BGPPeer", "odd", node=["n1"], peerIP=7, peerSelector=None),
    {"apiVersion": GROUP, "kind": "BGPPeer", "metadata": {"name": "odd"}, "spec": None},
    custom("BlockAffinity", "odd", node=7, cidr=None, deleted=True),
)


@pytest.mark.parametrize("odd", ODD)
def test_an_object_of_wrong_types_says_nothing(make_context: Any, odd: dict[str, Any]) -> None:
    told = to(action_of(make_context, [*cluster(), odd], namespaces=state()), "10.244.2.2")
    assert told == ["10.0.0.0/24 dev ens5", "10.244.2.0/26 via 10.0.0.2 dev ens5"]

"""How bridge, kindnet and kube-router are told from what nodes show, and what is left to the kernel."""

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from kubectl_skoop.api import Device, Expectation, NetworkNamespace, Passing, Place
from kubectl_skoop.diagnosis.extension.detected import detected
from kubectl_skoop.diagnosis.extension.registry import set_up
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.netstack.device import BridgePort, InterfaceAddress
from kubectl_skoop.netstack.routing.types import Nexthop, Route
from kubectl_skoop.testing.cni import agents
from kubectl_skoop.testing.objects import cluster_objects
from kubectl_skoop.testing.topology import Mode, standard

UPLINK = Device(index=2, name="eth0", kind="")
BRIDGE = Device(index=3, name="cni0", kind="bridge")
PORT = Device(index=4, name="veth1", kind="veth", master=3, port=BridgePort(hairpin=True))
VETH = Device(index=5, name="veth2", kind="veth")
TUNNEL = Device(index=6, name="tun-10-0-0-2", kind="ipip")
PEER_ROUTE = Route(
    destination=ip_network("10.244.2.0/24"), nexthops=(Nexthop(device=2, gateway=ip_address("10.0.0.2")),)
)


def n1(*devices: Device, gateway_on: int = 0, routes: tuple[Route, ...] = (), prefix: int = 24) -> Any:
    """n1 with these devices beside its uplink; one of them has the first address of its podCIDR."""
    addresses = [InterfaceAddress(device=2, address=ip_address("10.0.0.1"), prefix=prefix)]
    if gateway_on:
        addresses.append(InterfaceAddress(device=gateway_on, address=ip_address("10.244.1.1"), prefix=24))
    return {
        "node/n1": NetworkNamespace(
            id="n1/4:1",
            place=Place("node", "n1"),
            node="n1",
            devices={device.index: device for device in (UPLINK, *devices)},
            addresses=tuple(addresses),
            routes=routes,
        )
    }


POD_A = {
    "pod/default/a": NetworkNamespace(
        id="n1/4:2", place=Place("pod", "default/a"), node="n1", devices={2: Device(index=2, name="eth0")}
    )
}


def objects(mode: Mode = "bridge") -> list[Any]:
    return [*cluster_objects(mode, standard()), *agents(mode, 2)]


def wants(
    make_context: Any,
    mode: Mode,
    state: Any,
    typed: dict[str, str] | None = None,
    *,
    to: str = "10.244.2.2",
) -> list[str]:
    """Of n1, always and for a packet from pod a to pod b, or to another address."""
    options = Options(network_plugin=mode.replace("ptp", "bridge"), plugin=typed or {})
    ctx = make_context(objects(mode), state, options=options)
    action = set_up(ctx).plugin.create_node(ctx.cluster.node("n1"))
    packet = Packet(src=ip_address("10.244.1.2"), dst=ip_address(to), protocol=Protocol.TCP)
    found = [*action.always(), *action.wishes(Passing(upstream=None, arrived=packet, left=(packet,)))]
    return [wish.want for wish in found if isinstance(wish, Expectation)]


@pytest.mark.parametrize(
    ("mode", "state", "plugin", "source"),
    [
        pytest.param(
            "bridge",
            n1(BRIDGE, gateway_on=3),
            "bridge",
            "cni0 on node/n1 has the first address of the podCIDR",
            id="a bridge that is the gateway",
        ),
        pytest.param(
            "bridge",
            n1(VETH, gateway_on=5),
            "bridge",
            "veth2 on node/n1 has the first address of the podCIDR",
            id="a veth that is the gateway",
        ),
        pytest.param(
            "bridge",
            n1(BRIDGE, Device(index=9, name="flannel.1", kind="vxlan"), gateway_on=3),
            "flannel",
            "flannel.1 on node/n1",
            id="flannel's own device says more than its bridge",
        ),
        pytest.param(
            "bridge", n1(BRIDGE), "any", "no plugin knows the CNI of this cluster", id="some other bridge"
        ),
        pytest.param(
            "kindnet", n1(VETH, gateway_on=5), "kindnet", "DaemonSet kube-system/kindnet", id="kindnet"
        ),
        pytest.param(
            "kube-router",
            n1(BRIDGE, gateway_on=3),
            "bridge",
            "cni0 on node/n1 has the first address of the podCIDR",
            id="a kube-router that does not route",
        ),
    ],
)
def test_what_nodes_show_tells_the_plugin(
    make_context: Any, mode: Mode, state: Any, plugin: str, source: str
) -> None:
    fact = set_up(make_context(objects(mode), state)).facts[0]
    assert (fact.value, fact.source) == (plugin, source)


ROUTE = "10.244.2.0/24 via 10.0.0.2 dev eth0"


@pytest.mark.parametrize(
    ("mode", "state", "typed", "wanted"),
    [
        pytest.param("bridge", n1(BRIDGE, gateway_on=3), {}, False, id="no node has such routes"),
        pytest.param("bridge", n1(BRIDGE, gateway_on=3, routes=(PEER_ROUTE,)), {}, True, id="a node has one"),
        pytest.param(
            "bridge",
            n1(BRIDGE, gateway_on=3),
            {"bridge-routes": "nodes"},
            True,
            id="told that nodes have them",
        ),
        pytest.param(
            "bridge",
            n1(BRIDGE, gateway_on=3, routes=(PEER_ROUTE,)),
            {"bridge-routes": "underlay"},
            False,
            id="told that the underlay has them",
        ),
        pytest.param("kindnet", n1(VETH, gateway_on=5), {}, True, id="kindnetd adds them"),
        pytest.param(
            "kindnet", n1(VETH, gateway_on=5), {"kindnet-routes": "underlay"}, False, id="kindnetd does not"
        ),
        pytest.param(
            "kube-router", n1(), {"kube-router-routes": "underlay"}, False, id="kube-router does not"
        ),
        pytest.param("kindnet", n1(VETH, gateway_on=5, prefix=32), {}, False, id="a peer behind a router"),
    ],
)
def test_routes_between_nodes(
    make_context: Any, mode: Mode, state: Any, typed: dict[str, str], wanted: bool
) -> None:
    assert (ROUTE in wants(make_context, mode, state, typed)) == wanted


VETH_OF_A = Device(index=2, name="eth0", kind="veth", mac="0a:00:00:00:00:01", link=4, link_netns="n1/4:1")
CONNECTED_A = {"pod/default/a": replace(POD_A["pod/default/a"], devices={2: VETH_OF_A})}
KUBE_BRIDGE = replace(BRIDGE, name="kube-bridge")


@pytest.mark.parametrize(
    ("mode", "bridge", "given", "usual", "said"),
    [
        ("bridge", BRIDGE, "off", True, False),
        ("bridge", BRIDGE, "on", False, True),
        ("kube-router", KUBE_BRIDGE, "off", True, False),
        ("kube-router", KUBE_BRIDGE, "on", False, True),
    ],
)
def test_hairpin_can_be_overridden(
    make_context: Any, mode: Mode, bridge: Device, given: str, usual: bool, said: bool
) -> None:
    """Else it is wanted of all ports if a port has it."""
    port = replace(PORT, port=BridgePort(hairpin=usual))
    state = n1(bridge, port, gateway_on=3) | CONNECTED_A
    for typed, wanted in (({}, usual), ({f"{mode}-hairpin": given}, said)):
        found = wants(make_context, mode, state, typed, to="10.244.1.2")
        assert any("hairpin on" in want for want in found) == wanted


def test_of_kindnet_s_pods_nothing_is_wanted_if_that_is_said(make_context: Any) -> None:
    state = n1(replace(PORT, master=0, port=None), gateway_on=4) | CONNECTED_A
    for typed, wanted in (({}, True), ({"kindnet-type": "other"}, False)):
        assert ("10.244.1.2/32 dev veth1" in wants(make_context, "kindnet", state, typed)) == wanted


OVERRIDDEN = [
    ("bridge", "pods", "bridge-type", "ptp"),
    ("bridge", "hairpin", "bridge-hairpin", "on"),
    ("bridge", "routes", "bridge-routes", "nodes"),
    ("kindnet", "pods", "kindnet-type", "ptp"),
    ("kindnet", "routes", "kindnet-routes", "underlay"),
    ("kube-router", "hairpin", "kube-router-hairpin", "on"),
    ("kube-router", "routes", "kube-router-routes", "nodes"),
]


@pytest.mark.parametrize(("mode", "name", "option", "given"), OVERRIDDEN)
def test_an_option_is_the_source_of_what_it_says(
    make_context: Any, mode: Mode, name: str, option: str, given: str
) -> None:
    for typed in ({}, {option: given}):
        options = Options(network_plugin=mode, plugin=typed)
        ctx = make_context(objects(mode), n1(BRIDGE, gateway_on=3), options=options)
        found = {one.name: one for one in detected(ctx)}[f"{mode}: {name}"]
        assert found.option == option
        assert (found.source == f"--{option}") == bool(typed)


def test_kube_router_s_routes_have_its_protocol(make_context: Any) -> None:
    assert f"{ROUTE} proto mrouted" in wants(make_context, "kube-router", n1())


def test_with_a_tunnel_of_kube_router_the_rule_of_its_table_is_wanted_and_routes_are_not(
    make_context: Any,
) -> None:
    found = wants(make_context, "kube-router", n1(TUNNEL) | POD_A)
    assert not [want for want in found if want.startswith("10.244.2.0/24")]
    assert "from 10.244.1.0/24 lookup 77" in found


def test_a_podcidr_that_cannot_be_read_is_left_out(make_context: Any) -> None:
    broken = objects()
    broken[0]["spec"]["podCIDRs"] = ["10.244.1.0/240"]
    ctx = make_context(broken, n1(BRIDGE, PORT), options=Options(network_plugin="bridge"))
    action = set_up(ctx).plugin.create_node(ctx.cluster.node("n1"))
    assert [wish.want for wish in action.always() if isinstance(wish, Expectation)]


def test_a_podcidr_of_a_family_that_no_pod_has_is_left_out(make_context: Any) -> None:
    both = objects()
    both[0]["spec"]["podCIDRs"].append("fd00:244:1::/64")
    ctx = make_context(both, n1(BRIDGE, gateway_on=3) | POD_A, options=Options(network_plugin="bridge"))
    action = set_up(ctx).plugin.create_node(ctx.cluster.node("n1"))
    found = [wish.want for wish in action.always() if isinstance(wish, Expectation)]
    assert "cni0 inet 10.244.1.1/24" in found
    assert not [want for want in found if "fd00" in want]

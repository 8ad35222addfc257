"""A node's way out: who is taken to be on the underlay, and answers, of both families."""

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from kubectl_skoop.cluster.cluster import Cluster, PlainObjects
from kubectl_skoop.diagnosis.extension.interface import InfraShim
from kubectl_skoop.diagnosis.walk.entrance import Entrance
from kubectl_skoop.diagnosis.walk.fan_out import fan_out
from kubectl_skoop.diagnosis.walk.flow import FlowResult, Runner, Setting, outcome
from kubectl_skoop.diagnosis.walk.outside import Outside
from kubectl_skoop.diagnosis.walk.outsider import outsider
from kubectl_skoop.diagnosis.walk.shim import Underlay
from kubectl_skoop.diagnosis.walk.world import World
from kubectl_skoop.model.packet import Address, Protocol
from kubectl_skoop.model.place import Endpoint, EndpointKind, Place
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.netstack.device import IFF_LOWER_UP, IFF_NOARP, IFF_UP, Device
from kubectl_skoop.netstack.devices.tunnel_types import IpTunnel
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours.neighbour_types import NUD_REACHABLE, Neighbour
from kubectl_skoop.netstack.routing.types import TABLE_MAIN, Nexthop, Route
from kubectl_skoop.testing.trap_lab import Collected
from tests.netstack.builders import End, host

HERE = Place("node", "n")
ADDRESS, GATEWAY, FAR = (
    {4: "10.0.0.1/24", 6: "fd00::1/64"},
    {4: "10.0.0.254", 6: "fe80::fe"},
    {4: "192.0.2.1", 6: "2001:db8::1"},
)
NEAR = {4: "10.0.0.77", 6: "fd00::77"}


def node(family: int) -> NetworkNamespace:
    made = host(
        "n", End(name="eth0", index=2, peer=("x", 2), address=ADDRESS[family]), gateway=GATEWAY[family]
    )
    uplink = replace(made.devices[2], link_netns="unmapped:1")
    return replace(made, place=HERE, devices={**made.devices, 2: uplink})


def ask(
    family: int,
    target: str,
    protocol: int,
    nodes: Mapping[str, str] | None = None,
    *,
    neighbours: tuple[Neighbour, ...] = (),
    no_service: str = "",
    pods: str = "",
    ns: NetworkNamespace | None = None,
) -> FlowResult:
    """`nodes`: whose address it is by the objects. `pods`: beginning of the pods' addresses."""
    ns = replace(ns or node(family), neighbours=neighbours)
    own = ADDRESS[family].split("/")[0]
    known = {**({} if pods and own.startswith(pods) else {own: "n"}), **(nodes or {})}

    def kind_of(address: Address) -> EndpointKind:
        if str(address) in known:
            return "node"
        return "pod" if pods and str(address).startswith(pods) else "external"

    runner = Runner(
        World(Collected([ns]), lambda address: known.get(str(address))),
        Underlay(InfraShim(), lambda name: None),
        Outside(kind_of, lambda _: no_service),
        lambda world: world.at(HERE),
    )
    probe = Probe(
        source=Endpoint("node", "n", ip_address(ADDRESS[family].split("/")[0])),
        destination=Endpoint("external", target, ip_address(target)),
        protocol=protocol,
        dport=0 if protocol == Protocol.ICMP else 80,
    )
    (way,) = fan_out(lambda choices: runner.run(probe, Setting(), choices), outcome)
    return way.result


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(
    ("target", "state", "told"),
    [
        (NEAR, 0, True),
        (NEAR, NUD_REACHABLE, False),
        (FAR, 0, False),
    ],
    ids=["nobody was seen to have it", "it has answered", "in another network"],
)
def test_an_address_in_the_nodes_network_that_no_node_has(
    family: int, target: Mapping[int, str], state: int, told: bool
) -> None:
    entry = Neighbour(device=2, address=ip_address(target[family]), mac="02:00:00:00:00:77", state=state)
    result = ask(family, target[family], Protocol.TCP, neighbours=(entry,) if state else ())
    assert result.fate == "served"
    findings = result.branch.findings
    assert {one.code for one in findings} == ({"external.no-node"} if told else set())
    assert all(f"no node is known to have {target[family]}" in one.message for one in findings)


def test_a_gateway_is_known_by_its_route() -> None:
    assert ask(4, GATEWAY[4], Protocol.TCP).branch.findings == []


@pytest.mark.parametrize(
    ("target", "fate"), [("10.96.0.77", "unknown"), ("192.0.2.1", "served")], ids=["private", "public"]
)
def test_an_address_that_only_a_service_can_have(target: str, fate: str) -> None:
    result = ask(4, target, Protocol.TCP, no_service="no service has it")
    assert result.fate == fate
    if result.loss is not None:
        assert result.loss.because.code == "service.no-such-address"
        assert "no service has it: the packet leaves node/n by eth0" in result.loss.because.message


@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.UDP, Protocol.ICMP], ids=lambda one: one.name)
@pytest.mark.parametrize("family", [4, 6])
def test_a_host_outside_answers_by_the_gateway(family: int, protocol: int) -> None:
    result = ask(family, FAR[family], protocol)
    assert (result.fate, result.symptom) == ("served", "answer")
    how = "ARP" if family == 4 else "neighbour solicitations"
    assert f"{GATEWAY[family]} outside of the cluster answers {how}" in result.branch.assumptions
    assert f"{FAR[family]} outside of the cluster answers" in result.branch.assumptions


@pytest.mark.parametrize(
    ("pods", "fate", "code"), [("10.0.0.", "dropped", "external.no-return"), ("", "served", None)]
)
def test_a_public_host_has_no_way_back_to_a_pod(pods: str, fate: str, code: str | None) -> None:
    """Where nothing has translated the pod's address."""
    result = ask(4, "8.8.8.8", Protocol.TCP, pods=pods)
    assert (result.fate, result.loss and result.loss.because.code) == (fate, code)


@pytest.mark.parametrize("family", [4, 6])
def test_a_host_on_the_link_answers(family: int) -> None:
    """It gets one echo request, and asks for nothing itself."""
    result = ask(family, NEAR[family], Protocol.ICMP)
    assert result.fate == "served"
    assert [str(visit.place) for visit in result.branch.visits] == [
        "node/n",
        f"external/{NEAR[family]}",
        "node/n",
    ]


@pytest.mark.parametrize("family", [4, 6])
def test_an_address_that_a_node_should_have_and_has_not_is_nowhere(family: int) -> None:
    result = ask(family, NEAR[family], Protocol.ICMP, {NEAR[family]: "n"})
    assert (result.fate, result.symptom) == ("dropped", "no route to host")
    assert result.loss is not None
    assert result.loss.because.code == "neighbour.unresolved"


@pytest.mark.parametrize(
    ("end", "fate", "code", "message"),
    [
        ("10.0.0.9", "dropped", "tunnel.no-node", "no node has 10.0.0.9"),
        ("203.0.113.9", "unknown", "external.unknown", "leads 203.0.113.9, which no node has"),
    ],
    ids=["in the node's network", "behind a router"],
)
def test_a_tunnel_that_ends_at_no_node(end: str, fate: str, code: str, message: str) -> None:
    """Nobody outside sends back what comes in a tunnel; but a router may translate to a node's address."""
    tunnel = Device(
        index=3,
        name="tunl0",
        kind="ipip",
        mtu=1480,
        flags=IFF_UP | IFF_LOWER_UP | IFF_NOARP,
        tunnel=IpTunnel(protocol=Protocol.IPIP),
    )
    made = node(4)
    hop = Nexthop(device=3, gateway=ip_address(end), onlink=True)
    route = Route(destination=ip_network("10.244.2.0/24"), table=TABLE_MAIN, nexthops=(hop,))
    ns = replace(made, devices={**made.devices, 3: tunnel}, routes=(*made.routes, route))
    result = ask(4, "10.244.2.2", Protocol.TCP, ns=ns)
    assert result.fate == fate
    assert result.loss is not None
    assert result.loss.because.code == code
    assert message in result.loss.because.message


def ask_from_outside(family: int, protocol: int, port: int, nodes: Mapping[str, str]) -> FlowResult:
    """`nodes`: addresses of the node by its object."""
    ns, client = node(family), outsider(ip_address(FAR[family]))
    addresses = [{"type": "InternalIP", "address": address} for address in nodes]
    cluster = Cluster(
        PlainObjects(
            {"Node": [{"kind": "Node", "metadata": {"name": "n"}, "status": {"addresses": addresses}}]}
        )
    )
    world = World(Collected([ns]), cluster.node_of_address, outsider=client)
    underlay = Underlay(InfraShim(), lambda name: None)
    runner = Runner(
        world,
        underlay,
        Outside(lambda address: cluster.endpoint(address).kind),
        lambda here: here.at(client.place),
        Entrance(cluster, underlay.balance, underlay.routed_in),
    )
    target = next(iter(nodes))
    probe = Probe(
        source=Endpoint("external", FAR[family], ip_address(FAR[family])),
        destination=Endpoint("node", "n", ip_address(target)),
        protocol=protocol,
        dport=port,
    )
    (way,) = fan_out(lambda choices: runner.run(probe, Setting(), choices), outcome)
    return way.result


@pytest.mark.parametrize(
    ("protocol", "port", "symptom"),
    [
        (Protocol.TCP, 80, "answer"),
        (Protocol.TCP, 81, "connection refused"),
        (Protocol.UDP, 53, "answer"),
        (Protocol.UDP, 54, "connection refused"),
        (Protocol.ICMP, 0, "answer"),
    ],
)
@pytest.mark.parametrize("public", [False, True], ids=["own address", "translated address"])
@pytest.mark.parametrize("family", [4, 6])
def test_a_host_outside_asks_a_node(
    family: int, public: bool, protocol: int, port: int, symptom: str
) -> None:
    own = ADDRESS[family].split("/")[0]
    nodes = {{4: "198.51.100.1", 6: "2001:db8:1::1"}[family]: "n", own: "n"} if public else {own: "n"}
    result = ask_from_outside(family, protocol, port, nodes)
    assert result.symptom == symptom
    assert [str(visit.place) for visit in result.branch.visits[:2]] == [f"external/{FAR[family]}", "node/n"]


def test_an_address_that_no_device_of_the_node_has_has_no_way_in() -> None:
    result = ask_from_outside(4, Protocol.TCP, 80, {"198.51.100.1": "n"})
    assert (result.fate, result.symptom) == ("dropped", "timeout")
    assert result.loss is not None
    assert result.loss.because.code == "external.no-route"

"""IPVS with what the real kube-proxy wrote in ipvs mode; tests/kernel/guest asks the kernel."""

from collections.abc import Sequence
from fractions import Fraction
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.walk.fan_out import Way, fan_out
from kubectl_skoop.model.packet import Packet, Protocol, TcpFlags
from kubectl_skoop.model.place import Endpoint, Place
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.model.verdict import Choices, Unknown
from kubectl_skoop.netstack import receive
from kubectl_skoop.netstack.device import IFF_LOOPBACK, IFF_NOARP, IFF_UP, Device, InterfaceAddress
from kubectl_skoop.netstack.ipset import parse_ipsets
from kubectl_skoop.netstack.ipvs.schedule import COUNTING, schedule
from kubectl_skoop.netstack.ipvs.service import (
    ONE_PACKET,
    PERSISTENT,
    RealServer,
    VirtualService,
    find_service,
)
from kubectl_skoop.netstack.l4 import tcp
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours.neighbour_types import NUD_PERMANENT, Neighbour
from kubectl_skoop.netstack.netfilter.load import load_netfilter
from kubectl_skoop.netstack.routing.types import TABLE_LOCAL, Nexthop, Route
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.netstack.sysctl import Sysctls

DATA = Path(__file__).parents[1] / "data/iptables"
LO, ETH0, CNI0, DUMMY = 1, 2, 3, 4
NODE_MAC, CNI_MAC, OTHER_MAC = "02:00:00:00:00:04", "02:00:00:00:04:01", "02:00:00:00:00:99"
POD, NODE, OUTSIDE, VIP = "10.244.4.2", "10.0.0.4", "10.0.0.253", "10.96.0.10"
BACKENDS = {"10.244.1.17", "10.244.2.17", "10.244.3.16"}
DEVICE_SYSCTLS = {
    f"net.ipv4.conf.{device}.{name}": value
    for device in ("all", "lo", "eth0", "cni0", "kube-ipvs0")
    for name, value in (
        ("forwarding", "1"),
        ("rp_filter", "0"),
        ("accept_local", "0"),
        ("route_localnet", "0"),
    )
}
ADDRESSES = ((ETH0, NODE), (CNI0, "10.244.4.1"), (DUMMY, VIP), (DUMMY, "10.96.0.1"), (LO, "127.0.0.1"))


def read_services(text: str) -> tuple[VirtualService, ...]:
    """What `ipvsadm-save -n` prints."""
    servers: dict[str, list[RealServer]] = {}
    for line in text.splitlines():
        words = line.split()
        servers.setdefault(words[2], [])
        if words[0] == "-a":
            address, _, port = words[4].partition(":")
            servers[words[2]].append(RealServer(address=ip_address(address), port=int(port)))
    return tuple(
        VirtualService(
            protocol=Protocol.TCP,
            address=ip_address(name.partition(":")[0]),
            port=int(name.partition(":")[2]),
            servers=tuple(found),
        )
        for name, found in servers.items()
    )


def node(conntrack: int = 1) -> NetworkNamespace:
    local = [
        Route(
            destination=ip_network(address),
            table=TABLE_LOCAL,
            type="local",
            nexthops=(Nexthop(device=device),),
        )
        for device, address in ADDRESSES
    ]
    pods = [
        Route(
            destination=ip_network(f"10.244.{number}.0/24"),
            nexthops=(Nexthop(device=ETH0, gateway=ip_address(f"10.0.0.{number}")),),
        )
        for number in (1, 2, 3)
    ]
    links = [
        Route(destination=ip_network("10.0.0.0/24"), nexthops=(Nexthop(device=ETH0),)),
        Route(destination=ip_network("10.244.4.0/24"), nexthops=(Nexthop(device=CNI0),)),
    ]
    neighbours = [(ETH0, f"10.0.0.{number}") for number in (1, 2, 3, 253)] + [(CNI0, POD)]
    sysctls = {
        "net.ipv4.ip_forward": "1",
        "net.ipv4.vs.conntrack": str(conntrack),
        "net.netfilter.nf_conntrack_count": "0",
        "net.netfilter.nf_conntrack_max": "262144",
    }
    return NetworkNamespace(
        id="n4/1",
        place=Place("node", "n4"),
        node="n4",
        devices={
            LO: Device(index=LO, name="lo", flags=IFF_UP | IFF_LOOPBACK | 0x10000),
            ETH0: Device(index=ETH0, name="eth0", mac=NODE_MAC),
            CNI0: Device(index=CNI0, name="cni0", mac=CNI_MAC),
            DUMMY: Device(index=DUMMY, name="kube-ipvs0", kind="dummy", flags=IFF_NOARP),
        },
        addresses=tuple(
            InterfaceAddress(device=device, address=ip_address(address), prefix=24 if device != DUMMY else 32)
            for device, address in ADDRESSES
        ),
        routes=(*local, *links, *pods),
        neighbours=tuple(
            Neighbour(device=device, address=ip_address(address), mac=OTHER_MAC, state=NUD_PERMANENT)
            for device, address in neighbours
        ),
        netfilter=load_netfilter(
            iptables_legacy=(DATA / "ipvs-uml.ipt").read_text(),
            ip6tables_legacy=None,
            iptables_nft=None,
            ip6tables_nft=None,
            nft=None,
            nft_raw=None,
            hook_order=None,
            gaps={},
        ),
        ipsets=parse_ipsets((DATA / "ipvs-uml.ipset").read_text()),
        ipvs=read_services((DATA / "ipvs-uml.ipvs").read_text()),
        sysctls=Sysctls(sysctls | DEVICE_SYSCTLS),
    )


def syn(source: str, destination: str, port: int) -> Packet:
    mac = CNI_MAC if source == POD else NODE_MAC
    return Packet(
        src=ip_address(source),
        dst=ip_address(destination),
        protocol=Protocol.TCP,
        sport=40000,
        dport=port,
        flags=TcpFlags.SYN,
        dst_mac=mac,
    )


def walk(packet: Packet, device: int, ns: NetworkNamespace) -> list[tuple[Fraction, Stack]]:
    def run(choices: Choices) -> Stack:
        stack = Stack(ns, choices)
        receive.receive(stack, device, packet)
        return stack

    return _shares(fan_out(run, lambda stack: [str(out.frame) for out in stack.out]))


def _shares(ways: Sequence[Way[Stack]]) -> list[tuple[Fraction, Stack]]:
    assert not any(way.unknown for way in ways)
    return [(way.share, way.result) for way in ways]


def only_out(stack: Stack) -> tuple[str, Packet]:
    (emission,) = stack.out
    assert isinstance(emission.frame, Packet)
    return stack.ns.device_name(emission.device), emission.frame


@pytest.mark.parametrize(
    ("source", "device", "target", "port", "seen"),
    [
        pytest.param(POD, CNI0, VIP, 80, POD, id="a pod asks the cluster IP and keeps its address"),
        pytest.param(OUTSIDE, ETH0, VIP, 80, NODE, id="from outside the cluster it is masqueraded"),
        pytest.param(OUTSIDE, ETH0, NODE, 30080, NODE, id="from outside to the node port"),
        pytest.param(
            POD, CNI0, "10.244.4.1", 30080, NODE, id="a pod asks the node port of the bridge address"
        ),
    ],
)
def test_each_backend_gets_its_share(source: str, device: int, target: str, port: int, seen: str) -> None:
    found = set()
    for share, stack in walk(syn(source, target, port), device, node()):
        name, packet = only_out(stack)
        assert (share, name, packet.dport, str(packet.src)) == (Fraction(1, 3), "eth0", 8080, seen)
        assert packet.ttl == 63
        found.add(str(packet.dst))
    assert found == BACKENDS


def test_without_conntrack_nothing_is_masqueraded() -> None:
    """K-66."""
    for _, stack in walk(syn(OUTSIDE, VIP, 80), ETH0, node(conntrack=0)):
        assert str(only_out(stack)[1].src) == OUTSIDE


def test_the_answer_comes_from_the_virtual_address() -> None:
    _, stack = walk(syn(POD, VIP, 80), CNI0, node())[0]
    _, request = only_out(stack)
    stack.out.clear()
    answer = Packet(
        src=request.dst,
        dst=request.src,
        protocol=Protocol.TCP,
        sport=request.dport,
        dport=request.sport,
        flags=TcpFlags.SYN | TcpFlags.ACK,
        dst_mac=NODE_MAC,
    )
    receive.receive(stack, ETH0, answer)
    name, packet = only_out(stack)
    assert (name, str(packet.src), packet.sport, str(packet.dst)) == ("cni0", VIP, 80, POD)


def test_a_port_that_no_service_has_is_rejected_by_a_rule() -> None:
    ((_, stack),) = walk(syn(POD, VIP, 81), CNI0, node())
    (loss,) = stack.journey.losses
    assert loss.because.code == "netfilter.reject"
    assert "KUBE-IPVS-IPS" in loss.because.evidence[0]


def test_the_node_asks_with_the_virtual_address_as_source_which_is_masqueraded() -> None:
    """K-66: the source is chosen by the route to the cluster IP, a local one."""
    probe = Probe(
        source=Endpoint(address=ip_address(NODE), kind="node", name="n4"),
        destination=Endpoint(address=ip_address(VIP), kind="service", name="default/web"),
        protocol=Protocol.TCP,
        dport=80,
    )
    stack = Stack(node(), Choices())
    tcp.connect(stack, probe)
    (client,) = stack.clients
    assert str(client.local) == VIP
    name, packet = only_out(stack)
    assert (name, str(packet.src), packet.dport) == ("eth0", NODE, 8080)


def server(number: int, weight: int, threshold: int = 0) -> RealServer:
    return RealServer(
        address=ip_address(f"10.1.0.{number}"),
        port=80,
        weight=weight,
        upper_threshold=threshold,
        active=2,
        inactive=1,
    )


def service(scheduler: str, *weights: int, flags: int = 0) -> VirtualService:
    return VirtualService(
        protocol=Protocol.TCP,
        address=ip_address(VIP),
        port=80,
        scheduler=scheduler,
        flags=flags,
        servers=tuple(server(number, weight) for number, weight in enumerate(weights, start=1)),
    )


def shares(virtual: VirtualService) -> dict[str, Fraction]:
    def run(choices: Choices) -> str:
        found = schedule(Stack(node(), choices), virtual, syn(POD, VIP, 80))
        assert not isinstance(found, Unknown)
        return str(found.address) if found else "refused"

    return {way.result: way.share for way in fan_out(run, str)}


@pytest.mark.parametrize(
    ("virtual", "wanted"),
    [
        pytest.param(service("rr", 1, 5), {"10.1.0.1": (1, 2), "10.1.0.2": (1, 2)}, id="rr ignores weights"),
        pytest.param(service("rr", 0, 1), {"10.1.0.2": (1, 1)}, id="but for weight 0"),
        pytest.param(service("wrr", 1, 3), {"10.1.0.1": (1, 4), "10.1.0.2": (3, 4)}, id="wrr"),
        pytest.param(service("wlc", 2, 0, 1), {"10.1.0.1": (2, 3), "10.1.0.3": (1, 3)}, id="wlc"),
        pytest.param(service("fo", 1, 7, 7), {"10.1.0.2": (1, 1)}, id="fo: the first of the heaviest"),
        pytest.param(service("rr", 0, 0), {"refused": (1, 1)}, id="all of weight 0"),
        pytest.param(service("sh"), {"refused": (1, 1)}, id="no server"),
        pytest.param(service("none", 1), {"refused": (1, 1)}, id="no scheduler"),
    ],
)
def test_shares(virtual: VirtualService, wanted: dict[str, tuple[int, int]]) -> None:
    assert shares(virtual) == {name: Fraction(*share) for name, share in wanted.items()}


def test_a_scheduler_that_nobody_knows_is_unknown_unless_there_is_one_server() -> None:
    stack = Stack(node(), Choices())
    assert isinstance(schedule(stack, service("mine", 1, 1), syn(POD, VIP, 80)), Unknown)
    assert isinstance(schedule(stack, service("mine", 1, 0), syn(POD, VIP, 80)), RealServer)


@pytest.mark.parametrize("scheduler", sorted(COUNTING))
def test_what_depends_on_other_traffic_is_an_assumption(scheduler: str) -> None:
    stack = Stack(node(), Choices())
    schedule(stack, service(scheduler, 1, 1), syn(POD, VIP, 80))
    assert len(stack.assumptions) == 1


def test_a_server_at_its_threshold_is_not_asked() -> None:
    assert not server(1, 1, threshold=3).usable
    assert server(1, 1, threshold=4).usable


def test_a_huge_weight_costs_no_memory() -> None:
    assert set(shares(service("sh", 4_000_000_000, 1))) <= {"10.1.0.1", "10.1.0.2"}


def test_services_are_found_by_mark_then_port_then_any_port() -> None:
    marked = VirtualService(fwmark=7)
    exact = service("rr", 1)
    any_port = VirtualService(protocol=Protocol.TCP, address=ip_address(VIP), flags=PERSISTENT)
    services = (any_port, exact, marked)
    found = [
        find_service(services, 4, Protocol.TCP, ip_address(VIP), port, mark)
        for port, mark in ((80, 7), (80, 0), (81, 0))
    ]
    assert found == [marked, exact, any_port]
    assert find_service(services, 4, Protocol.UDP, ip_address(VIP), 80, 0) is None


def test_one_packet_is_a_matter_of_udp() -> None:
    assert not service("rr", flags=ONE_PACKET).one_packet

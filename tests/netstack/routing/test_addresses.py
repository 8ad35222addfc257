"""Types of addresses, choice of sources, and the iptables match rpfilter."""

from ipaddress import ip_address, ip_network

import pytest

from kubectl_skoop.model.packet import Packet
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.device import IFF_LOOPBACK, IFF_UP, Device, InterfaceAddress
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.local import address_type, is_local
from kubectl_skoop.netstack.routing.lookup import FlowKey
from kubectl_skoop.netstack.routing.output import OutputRoute, RouteError, route_output
from kubectl_skoop.netstack.routing.reverse import rpfilter_match
from kubectl_skoop.netstack.routing.select import select_address
from kubectl_skoop.netstack.routing.source import SourceProblem, check_way_back
from kubectl_skoop.netstack.routing.types import SCOPE_HOST, SCOPE_LINK, Nexthop, PolicyRule, Route
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.netstack.sysctl import Sysctls

LO, ETH0, ETH1, CALI = 1, 2, 3, 4


def _address(device: int, text: str, **fields: object) -> InterfaceAddress:
    address, prefix = text.split("/")
    return InterfaceAddress(device=device, address=ip_address(address), prefix=int(prefix), **fields)  # type: ignore[arg-type]


def _route(prefix: str, device: int, **fields: object) -> Route:
    return Route(destination=ip_network(prefix), nexthops=(Nexthop(device=device),), **fields)  # type: ignore[arg-type]


NS = NetworkNamespace(
    id="n/1",
    place=Place("node", "n"),
    node="n",
    devices={
        LO: Device(index=LO, name="lo", flags=IFF_UP | IFF_LOOPBACK),
        ETH0: Device(index=ETH0, name="eth0"),
        ETH1: Device(index=ETH1, name="eth1"),
        CALI: Device(index=CALI, name="cali1"),
    },
    addresses=(
        _address(LO, "127.0.0.1/8", scope=SCOPE_HOST),
        _address(ETH0, "10.0.0.1/24"),
        _address(ETH0, "10.0.0.2/24", secondary=True),
        _address(ETH0, "10.0.5.1/24"),
        _address(ETH0, "172.16.0.1/32", peer=ip_address("172.16.0.2")),
        _address(ETH1, "169.254.1.1/16", scope=SCOPE_LINK),
        _address(ETH1, "10.1.0.1/24"),
    ),
    routes=(
        _route("127.0.0.0/8", LO, type="local", table=255, protocol=2),
        _route("10.0.0.1/32", ETH0, type="local", table=255, protocol=2),
        _route("10.0.0.255/32", ETH0, type="broadcast", table=255, protocol=2),
        _route("10.1.0.1/32", ETH1, type="local", table=255, protocol=2),
        _route("10.50.0.0/16", LO, type="local", table=255),
        _route("10.0.0.0/24", ETH0),
        _route("10.1.0.0/24", ETH1),
        Route(destination=ip_network("10.66.0.0/16"), type="blackhole"),
        _route("fd00::1/128", ETH0, type="local", table=255),
        _route("fd00::/64", ETH0),
    ),
    rules=(PolicyRule(priority=0, family=4, table=255), PolicyRule(priority=9, family=4)),
)


@pytest.mark.parametrize(
    ("address", "device", "expected"),
    [
        ("10.0.0.1", 0, "LOCAL"),
        ("10.0.0.1", ETH0, "LOCAL"),
        ("10.0.0.1", ETH1, "UNICAST"),
        ("10.0.0.255", 0, "BROADCAST"),
        ("255.255.255.255", 0, "BROADCAST"),
        ("0.0.0.0", 0, "BROADCAST"),
        ("224.0.0.1", 0, "MULTICAST"),
        ("127.4.5.6", 0, "LOCAL"),
        ("10.50.3.4", 0, "LOCAL"),
        ("10.66.0.1", 0, "UNICAST"),
        ("8.8.8.8", 0, "UNICAST"),
        ("fd00::1", 0, "LOCAL"),
        ("fd00::2", 0, "UNICAST"),
        ("fd01::", 0, "UNREACHABLE"),
        ("ff02::1", 0, "MULTICAST"),
        ("::", 0, "UNSPEC"),
    ],
)
def test_address_types(address: str, device: int, expected: str) -> None:
    assert address_type(NS, ip_address(address), device) == expected


def test_local_are_addresses_and_what_local_routes_cover() -> None:
    asked = ("10.0.0.2", "10.50.9.9", "10.0.0.9", "10.0.0.255")
    assert [text for text in asked if is_local(NS, ip_address(text))] == ["10.0.0.2", "10.50.9.9"]


@pytest.mark.parametrize(
    ("device", "destination", "scope", "expected"),
    [
        pytest.param(ETH0, "10.0.5.9", 0, "10.0.5.1", id="the address whose subnet fits"),
        pytest.param(ETH0, "8.8.8.8", 0, "10.0.0.1", id="else the first"),
        pytest.param(ETH0, None, 0, "10.0.0.1", id="without destination the first"),
        pytest.param(ETH0, "172.16.0.2", 0, "172.16.0.1", id="the peer counts, not the own address"),
        pytest.param(ETH1, "169.254.7.7", 0, "10.1.0.1", id="link scope is too narrow for the world"),
        pytest.param(ETH1, "169.254.7.7", SCOPE_LINK, "169.254.1.1", id="link scope is enough on the link"),
        pytest.param(CALI, "10.9.9.9", 0, "10.0.0.1", id="a device without address borrows one"),
        pytest.param(LO, "10.9.9.9", 0, "10.0.0.1", id="addresses of host scope stay at home"),
    ],
)
def test_select_address(device: int, destination: str | None, scope: int, expected: str) -> None:
    wanted = None if destination is None else ip_address(destination)
    assert str(select_address(NS, device, wanted, scope)) == expected


@pytest.mark.parametrize(
    ("source", "device", "options", "expected"),
    [
        pytest.param("10.0.0.9", ETH0, {}, True, id="the way back is the device"),
        pytest.param("10.0.0.9", ETH1, {}, False, id="the way back is another"),
        pytest.param("10.0.0.9", ETH1, {"loose": True}, True, id="loose: any way back"),
        pytest.param("8.8.8.8", ETH1, {"loose": True}, False, id="loose: no way back"),
        pytest.param("10.0.0.1", ETH0, {}, False, id="an own address"),
        pytest.param("10.0.0.1", ETH0, {"accept_local": True}, True, id="an own address with accept-local"),
        pytest.param("8.8.8.8", LO, {}, True, id="loopback always"),
    ],
)
def test_rpfilter(source: str, device: int, options: dict[str, bool], expected: bool) -> None:
    packet = Packet(src=ip_address(source), dst=ip_address("10.0.0.1"), protocol=17)
    assert rpfilter_match(Stack(NS, Choices()), packet, device, **options) is expected


def test_rpfilter_with_validmark_looks_up_with_the_mark() -> None:
    marked = PolicyRule(priority=5, family=4, mark=1, mask=1, action="blackhole")
    ns = NetworkNamespace(
        id="n/1", place=NS.place, node="n", devices=NS.devices, routes=NS.routes, rules=(marked, *NS.rules)
    )
    packet = Packet(src=ip_address("10.0.0.9"), dst=ip_address("10.0.0.1"), protocol=17)
    stack = Stack(ns, Choices())
    assert rpfilter_match(stack, packet, ETH0, mark=1)
    assert not rpfilter_match(stack, packet, ETH0, mark=1, validmark=True)


def test_the_setting_that_decides_is_named() -> None:
    sysctls = {"net.ipv4.conf.all.rp_filter": "1", "net.ipv4.conf.eth1.rp_filter": "0"}
    ns = NetworkNamespace(
        id="n/1",
        place=NS.place,
        node="n",
        devices=NS.devices,
        addresses=NS.addresses,
        routes=NS.routes,
        rules=NS.rules,
        sysctls=Sysctls(sysctls),
    )
    packet = Packet(src=ip_address("10.0.0.9"), dst=ip_address("10.1.0.1"), protocol=17)
    problem = check_way_back(Stack(ns, Choices()), packet, ETH1, 0, asker=packet.dst, out_device=0)
    assert isinstance(problem, SourceProblem)
    assert (problem.code, problem.sysctl) == ("source.rp-filter", "net.ipv4.conf.all.rp_filter")
    assert problem.evidence == ("net.ipv4.conf.all.rp_filter = 1", "10.0.0.0/24 dev eth0")


@pytest.mark.parametrize(
    ("destination", "bound", "device", "source", "loopback"),
    [
        pytest.param("10.0.0.9", None, ETH0, "10.0.0.1", False, id="to a neighbour"),
        pytest.param("10.1.0.1", None, LO, "10.1.0.1", True, id="to an own address: by lo, from itself"),
        pytest.param("10.0.0.9", "10.1.0.1", ETH0, "10.1.0.1", False, id="from the bound address"),
    ],
)
def test_output(destination: str, bound: str | None, device: int, source: str, loopback: bool) -> None:
    bound_source = None if bound is None else ip_address(bound)
    way = route_output(Stack(NS, Choices()), FlowKey(ip_address(destination)), bound_source)
    assert isinstance(way, OutputRoute)
    assert (way.device, str(way.source), way.loopback) == (device, source, loopback)


@pytest.mark.parametrize(
    ("destination", "bound", "errno", "kind"),
    [
        pytest.param("8.8.8.8", None, "ENETUNREACH", "no-route", id="no route"),
        pytest.param("10.66.0.1", None, "EINVAL", "blackhole", id="a blackhole route"),
        pytest.param("10.0.0.9", "10.0.0.77", "ENETUNREACH", "source", id="a source that is not ours"),
        pytest.param("10.0.0.9", "127.0.0.1", "EINVAL", "source", id="loopback as source on a wire"),
    ],
)
def test_output_errors(destination: str, bound: str | None, errno: str, kind: str) -> None:
    bound_source = None if bound is None else ip_address(bound)
    stack = Stack(NS, Choices())
    way = route_output(stack, FlowKey(ip_address(destination)), bound_source)
    assert isinstance(way, RouteError)
    assert (way.errno, way.kind) == (errno, kind)
    assert [step.effect for step in stack.trace] == [f"{kind}: {errno}"]


def test_a_foreign_source_may_be_looked_up_with() -> None:
    way = route_output(Stack(NS, Choices()), FlowKey(ip_address("10.0.0.9"), ip_address("10.0.0.77")))
    assert isinstance(way, OutputRoute)

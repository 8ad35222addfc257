"""Who answers ARP, and what entries are used (compared with the kernel in tests/kernel)."""

from collections.abc import Mapping
from ipaddress import ip_address, ip_network

import pytest

from kubectl_skoop.netstack.neighbours.neighbour_types import (
    NUD_FAILED,
    NUD_INCOMPLETE,
    NUD_NOARP,
    NUD_PERMANENT,
    NUD_REACHABLE,
    NUD_STALE,
    Neighbour,
)
from kubectl_skoop.netstack.routing.types import Nexthop, Route
from tests.netstack.builders import changed, mac, routed, walk, with_sysctl

TCP = "a tcp 10.2.0.2"
SERVED, LOST = "answer, b sees 10.1.0.2", "no route to host"
BEHIND = Route(destination=ip_network("10.1.0.77/32"), nexthops=(Nexthop(device=3),))
"""An address of a's link that r has a route to by p1."""
ASKED = "a tcp 10.1.0.77"
ANSWERED = "no route to host, icmp 3/1 from 10.1.0.1"
"""r answered, and then found nobody itself."""


def settings(**values: str) -> dict[str, str]:
    """`p0__arp_ignore` for net.ipv4.conf.p0.arp_ignore."""
    return {f"net.ipv4.conf.{name.replace('__', '.')}": value for name, value in values.items()}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(settings(p0__arp_ignore="8"), LOST, id="arp_ignore 8"),
        pytest.param(settings(all__arp_ignore="8"), LOST, id="arp_ignore 8 of all"),
        pytest.param(settings(p1__arp_ignore="8"), SERVED, id="arp_ignore 8 where nobody asks"),
        pytest.param(settings(p0__arp_ignore="1"), SERVED, id="arp_ignore 1, the device's own address"),
        pytest.param(settings(p0__arp_ignore="2"), SERVED, id="arp_ignore 2, the same subnet"),
        pytest.param(settings(p0__rp_filter="1"), SERVED, id="rp_filter, the way back is the device"),
        pytest.param(settings(p0__arp_filter="1"), SERVED, id="arp_filter, the way back is the device"),
    ],
)
def test_the_gateway_answers(values: Mapping[str, str], expected: str) -> None:
    assert walk(with_sysctl(routed(), "r", values), TCP) == expected


@pytest.mark.parametrize("setting", ["rp_filter", "arp_filter"])
def test_the_way_back_is_another_device(setting: str) -> None:
    hosts = with_sysctl(routed(), "r", settings(**{f"p0__{setting}": "1"}))
    away = Route(destination=ip_network("10.1.0.2/32"), nexthops=(Nexthop(device=3),))
    assert walk(changed(hosts, "r", routes=(*hosts["r"].routes, away)), TCP) == LOST


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param({}, LOST, id="no proxy"),
        pytest.param(settings(p0__proxy_arp="1"), ANSWERED, id="a proxy on the device"),
        pytest.param(settings(all__proxy_arp="1"), ANSWERED, id="a proxy on all devices"),
        pytest.param(
            settings(p0__proxy_arp="1", p0__forwarding="0"), LOST, id="a proxy that does not forward"
        ),
        pytest.param(settings(p0__proxy_arp_pvlan="1"), LOST, id="pvlan is for the same device"),
    ],
)
def test_a_proxy(values: Mapping[str, str], expected: str) -> None:
    hosts = with_sysctl(routed(), "r", values)
    assert walk(changed(hosts, "r", routes=(*hosts["r"].routes, BEHIND)), ASKED) == expected


@pytest.mark.parametrize(("device", "expected"), [(2, ANSWERED), (0, ANSWERED), (3, LOST)])
def test_a_proxy_entry_needs_no_proxy_arp(device: int, expected: str) -> None:
    entry = Neighbour(device=device, address=ip_address("10.1.0.77"), proxy=True)
    hosts = routed()
    routes = (*hosts["r"].routes, BEHIND)
    assert walk(changed(hosts, "r", routes=routes, neighbours=(entry,)), ASKED) == expected


@pytest.mark.parametrize(
    ("state", "lladdr", "expected"),
    [
        pytest.param(NUD_FAILED, "", SERVED, id="a failed one is asked for again"),
        pytest.param(NUD_INCOMPLETE, "", SERVED, id="one that is being asked for"),
        pytest.param(NUD_STALE, mac("x", 9), "timeout", id="a stale one is used, right or wrong"),
        pytest.param(NUD_REACHABLE, mac("x", 9), "timeout", id="a reachable one"),
        pytest.param(NUD_PERMANENT, mac("x", 9), "timeout", id="a permanent one"),
        pytest.param(NUD_NOARP, mac("r", 2), SERVED, id="one without ARP"),
    ],
)
def test_an_entry_of_the_client(state: int, lladdr: str, expected: str) -> None:
    entry = Neighbour(device=2, address=ip_address("10.1.0.1"), mac=lladdr, state=state)
    assert walk(changed(routed(), "a", neighbours=(entry,)), TCP) == expected


def test_who_has_no_address_asks_all_the_same() -> None:
    hosts = routed()
    router = hosts["r"]
    hosts = changed(
        hosts,
        "r",
        addresses=tuple(entry for entry in router.addresses if entry.device == 2),
        routes=tuple(
            route
            if route.prefsrc != ip_address("10.2.0.1") or route.type == "local"
            else without_source(route)
            for route in router.routes
        ),
    )
    assert walk(hosts, TCP) == SERVED


def without_source(route: Route) -> Route:
    return Route(destination=route.destination, nexthops=route.nexthops, scope=route.scope)

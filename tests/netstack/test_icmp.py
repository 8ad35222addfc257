"""ICMP errors: who sends them, and what the program that asked makes of them."""

from ipaddress import ip_network

import pytest

from kubectl_skoop.netstack.netfilter.load import load_netfilter
from kubectl_skoop.netstack.routing.types import Route, RouteType
from tests.netstack.builders import changed, routed, walk, with_sysctl

TARGET = "10.2.0.2"
REJECTS = {
    "icmp-net-unreachable": ("3/0", "network is unreachable", "timeout"),
    "icmp-host-unreachable": ("3/1", "no route to host", "timeout"),
    "icmp-proto-unreachable": ("3/2", "protocol not available", "protocol not available"),
    "icmp-port-unreachable": ("3/3", "connection refused", "connection refused"),
    "icmp-net-prohibited": ("3/9", "network is unreachable", "network is unreachable"),
    "icmp-host-prohibited": ("3/10", "no route to host", "no route to host"),
    "icmp-admin-prohibited": ("3/13", "no route to host", "no route to host"),
}
"""Type and code, what TCP says, what a connected UDP socket says (icmp_err_convert)."""


@pytest.mark.parametrize("kind", REJECTS)
def test_a_reject(kind: str) -> None:
    code, tcp, udp = REJECTS[kind]
    text = f"*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -j REJECT --reject-with {kind}\nCOMMIT\n"
    netfilter = load_netfilter(
        iptables_legacy=text,
        ip6tables_legacy=None,
        iptables_nft=None,
        ip6tables_nft=None,
        nft=None,
        nft_raw=None,
        hook_order=None,
        gaps={},
    )
    hosts = changed(routed(), "r", netfilter=netfilter)
    assert walk(hosts, f"a tcp {TARGET}") == f"{tcp}, icmp {code} from 10.1.0.1"
    assert walk(hosts, f"a udp {TARGET}") == f"{udp}, icmp {code} from 10.1.0.1"
    assert walk(hosts, f"a icmp {TARGET}") == f"{tcp}, icmp {code} from 10.1.0.1"


@pytest.mark.parametrize(
    ("kind", "there", "here"),
    [
        pytest.param("blackhole", "timeout", "invalid argument"),
        pytest.param("unreachable", "no route to host, icmp 3/1 from 10.1.0.1", "no route to host"),
        pytest.param("prohibit", "no route to host, icmp 3/13 from 10.1.0.1", "permission denied"),
    ],
)
def test_an_error_route_on_the_way_and_at_the_sender(kind: RouteType, there: str, here: str) -> None:
    route = Route(destination=ip_network(f"{TARGET}/32"), type=kind)
    for name, expected in (("r", there), ("a", here)):
        hosts = routed()
        hosts = changed(hosts, name, routes=(*hosts[name].routes, route))
        assert walk(hosts, f"a tcp {TARGET}") == expected


def test_echo_requests_may_be_ignored() -> None:
    hosts = with_sysctl(routed(), "b", {"net.ipv4.icmp_echo_ignore_all": "1"})
    assert walk(hosts, f"a icmp {TARGET}") == "timeout"
    assert walk(hosts, f"a tcp {TARGET}") == "answer, b sees 10.1.0.2"

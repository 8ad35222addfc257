"""A table that was not read makes unknown what it would decide, and nothing else."""

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address

import pytest

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.conntrack_types import ConntrackCut
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.load import load_netfilter
from kubectl_skoop.netstack.netfilter.types import Hook
from kubectl_skoop.netstack.sysctl import Sysctls
from tests.netstack.builders import (
    bridged,
    changed,
    port,
    routed,
    vxlan_device,
    walk,
    with_sysctl,
    without_sysctl,
)

TCP, UDP, PING = "a tcp 10.2.0.2", "a udp 10.2.0.2", "a icmp 10.2.0.2"
SERVED = "answer, b sees 10.1.0.2"
A, B = ip_address("10.1.0.2"), ip_address("10.2.0.2")
REASON = "forbidden: not allowed"
EMPTY: dict[str, object] = {
    "links": {},
    "addresses": (),
    "routes": (),
    "rules": (),
    "neighbours": (),
    "fdb": (),
    "sockets": (),
    "conntrack": (),
    "sysctls": Sysctls({}),
}
"""What a namespace has in place of a table that could not be read."""
FIELDS = {"links": "devices"}
MASQUERADE = "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -o p1 -j MASQUERADE\nCOMMIT\n"
Hosts = Mapping[str, NetworkNamespace]


def lose(hosts: Hosts, name: str, table: str) -> dict[str, NetworkNamespace]:
    fields = {FIELDS.get(table, table): EMPTY[table]} if table in EMPTY else {}
    gaps = {**hosts[name].gaps, table: REASON}
    return changed(hosts, name, gaps=gaps, **fields)


def rules(hosts: Hosts, name: str, text: str) -> dict[str, NetworkNamespace]:
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
    return changed(hosts, name, netfilter=netfilter)


@pytest.mark.parametrize("flow", [TCP, UDP, PING])
def test_nothing_is_lost(flow: str) -> None:
    assert walk(routed(), flow) == ("answer" if flow == PING else SERVED)


@pytest.mark.parametrize("flow", [TCP, UDP, PING])
@pytest.mark.parametrize("name", ["a", "r", "b"])
@pytest.mark.parametrize("table", ["links", "routes", "rules", "neighbours", "sysctls", "xfrm", "tc_filters"])
def test_what_each_packet_needs(table: str, name: str, flow: str) -> None:
    told = walk(lose(routed(), name, table), flow)
    assert told.startswith("unknown: ")
    assert REASON in told


@pytest.mark.parametrize("table", ["sockets", "bpf", "ipvs"])
@pytest.mark.parametrize("flow", [TCP, UDP, "a tcp 10.2.0.2:81", "a udp 10.2.0.2:54"])
def test_the_server_s_socket(table: str, flow: str) -> None:
    told = walk(lose(routed(), "b", table), flow)
    assert told.startswith("unknown: ")
    assert REASON in told


@pytest.mark.parametrize(
    ("name", "table", "flow", "expected"),
    [
        pytest.param("b", "sockets", PING, "answer", id="an echo needs no socket"),
        pytest.param("r", "sockets", TCP, SERVED, id="a router needs no sockets"),
        pytest.param("a", "sockets", TCP, SERVED, id="a client brings its own socket"),
        pytest.param("r", "ipvs", TCP, SERVED, id="IPVS takes what is for the router itself"),
        pytest.param("r", "addresses", TCP, "unknown", id="a router asks by ARP in its own name"),
        pytest.param("b", "addresses", TCP, SERVED, id="an accepted connection has its source"),
        pytest.param("b", "addresses", PING, "answer", id="an echo is answered from where it came to"),
        pytest.param(
            "b", "addresses", UDP, "unknown", id="a datagram is answered from the address of the route"
        ),
        pytest.param("a", "addresses", TCP, "unknown", id="the default route names no source"),
        pytest.param("r", "fdb", TCP, SERVED, id="a router without a bridge needs no forwarding entries"),
        pytest.param("r", "conntrack", TCP, SERVED, id="a new connection does not need the old ones"),
        pytest.param("r", "nft_hooks", TCP, SERVED, id="the order of hooks, where there are no chains"),
        pytest.param("r", "ethtool", TCP, SERVED, id="offloads, for small packets"),
        pytest.param("a", "route_exceptions", TCP, SERVED, id="learned MTUs, for small packets"),
        pytest.param("a", "route_exceptions", "a udp 10.2.0.2 size=1400 df", "unknown", id="learned MTUs"),
        pytest.param(
            "r", "route_exceptions", "a udp 10.2.0.2 size=1400 df", SERVED, id="a router does not learn"
        ),
        pytest.param("b", "proxy_neighbours", TCP, SERVED, id="no proxy is asked for an own address"),
    ],
)
def test_what_only_some_packets_need(name: str, table: str, flow: str, expected: str) -> None:
    told = walk(lose(routed(), name, table), flow)
    assert told.startswith("unknown: ") if expected == "unknown" else told == expected


def test_offloads_decide_for_bulk_data_at_a_smaller_peer() -> None:
    hosts = routed()
    p0 = hosts["r"].devices[2]
    hosts = changed(hosts, "r", devices={**hosts["r"].devices, 2: replace(p0, mtu=1400)})
    assert walk(hosts, "a tcp 10.2.0.2 bulk") == SERVED
    assert "ethtool" in walk(lose(hosts, "a", "ethtool"), "a tcp 10.2.0.2 bulk")


def test_masquerade_needs_the_addresses() -> None:
    hosts = rules(routed(), "r", MASQUERADE)
    assert walk(hosts, TCP) == "answer, b sees 10.2.0.1"
    assert walk(lose(hosts, "r", "addresses"), TCP).startswith("unknown: addresses of pod/lab/r")


def test_loose_reverse_path_filtering_needs_the_addresses() -> None:
    hosts = with_sysctl(routed(), "r", {"net.ipv4.conf.p0.rp_filter": "2"})
    assert walk(hosts, TCP) == SERVED
    assert walk(lose(hosts, "r", "addresses"), TCP).startswith("unknown: addresses of pod/lab/r")


@pytest.mark.parametrize("mode", ["1", "2"])
def test_arp_ignore_needs_the_addresses(mode: str) -> None:
    hosts = with_sysctl(routed(), "b", {"net.ipv4.conf.eth0.arp_ignore": mode})
    assert walk(hosts, TCP) == SERVED
    assert walk(lose(hosts, "b", "addresses"), TCP).startswith("unknown: addresses of pod/lab/b")


def test_a_proxy_may_answer_where_its_entries_are_lost() -> None:
    hosts = routed()
    asked = "a tcp 10.1.0.9"
    assert walk(hosts, asked) == "no route to host"
    assert walk(lose(hosts, "r", "proxy_neighbours"), asked).startswith("unknown: proxy_neighbours")


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        pytest.param("a tcp 10.1.0.3", "unknown", id="from port to port"),
        pytest.param("r tcp 10.1.0.3", "unknown", id="from the bridge to a port"),
        pytest.param("a udp 10.1.0.1:54", "unknown", id="the answer of the bridge's host to a port"),
    ],
)
def test_a_bridge_needs_its_forwarding_entries(flow: str, expected: str) -> None:
    assert not walk(bridged(), flow).startswith("unknown: ")
    assert walk(lose(bridged(), "r", "fdb"), flow).startswith(f"{expected}: fdb of pod/lab/r")


def test_a_locked_port_needs_the_forwarding_entries() -> None:
    hosts = port(bridged(), 2, locked=True)
    assert walk(hosts, "a tcp 10.1.0.1") == "no route to host"
    assert walk(lose(hosts, "r", "fdb"), "a tcp 10.1.0.1").startswith("unknown: fdb of pod/lab/r")


def by_tunnel(*, proxy: bool = False, l3miss: bool = False) -> dict[str, NetworkNamespace]:
    """r sends by a vxlan device to b, whose address it has to ask for."""
    hosts = routed()
    tunnel: Device = vxlan_device("r", "vx", 9, "10.2.0.1")
    assert tunnel.vxlan is not None
    tunnel = replace(tunnel, vxlan=tunnel.vxlan._replace(proxy=proxy, l3miss=l3miss))
    devices = {**hosts["r"].devices, 9: tunnel}
    to_b = tuple(
        route._replace(nexthops=(route.nexthops[0]._replace(device=9),))
        if route.destination.prefixlen == 24 and str(route.destination).startswith("10.2.")
        else route
        for route in hosts["r"].routes
    )
    settings = {key.replace("p1", "vx"): value for key, value in hosts["r"].sysctls.values.items()}
    return with_sysctl(changed(hosts, "r", devices=devices, routes=to_b), "r", settings)


def test_a_vxlan_device_needs_its_forwarding_entries() -> None:
    assert walk(by_tunnel(), TCP) == "no route to host, icmp 3/1 from 10.1.0.1"
    assert walk(lose(by_tunnel(), "r", "fdb"), TCP).startswith("unknown: fdb of pod/lab/r")


def test_a_vxlan_device_that_asks_a_daemon() -> None:
    assert walk(by_tunnel(proxy=True, l3miss=True), TCP).startswith("unknown: vx tells a daemon")


@pytest.mark.parametrize(
    ("name", "key", "flow"),
    [
        pytest.param("b", "net.ipv4.icmp_echo_ignore_all", PING, id="whether echo requests are ignored"),
        pytest.param("r", "net.ipv4.conf.p0.rp_filter", TCP, id="rp_filter of the device"),
        pytest.param("b", "net.ipv4.conf.all.rp_filter", TCP, id="rp_filter of all"),
        pytest.param("b", "net.ipv4.conf.eth0.arp_ignore", TCP, id="arp_ignore"),
        pytest.param("b", "net.ipv4.conf.all.arp_filter", TCP, id="arp_filter of all"),
        pytest.param("r", "net.ipv4.conf.p0.forwarding", TCP, id="forwarding"),
    ],
)
def test_a_setting_that_each_kernel_has(name: str, key: str, flow: str) -> None:
    assert walk(without_sysctl(routed(), name, key), flow).startswith(f"unknown: {key} of pod/lab/{name}")


@pytest.mark.parametrize(
    ("name", "key", "flow"),
    [
        pytest.param("b", "net.ipv4.icmp_echo_ignore_all", TCP, id="echo requests are not asked about"),
        pytest.param("b", "net.ipv4.conf.eth0.forwarding", TCP, id="the server does not forward"),
        pytest.param("b", "net.ipv4.fwmark_reflect", "a tcp 10.2.0.2:81", id="there is no mark to reflect"),
        pytest.param("b", "net.ipv4.conf.eth0.proxy_arp", TCP, id="no proxy is needed"),
    ],
)
def test_a_setting_that_does_not_matter(name: str, key: str, flow: str) -> None:
    assert walk(without_sysctl(routed(), name, key), flow) == walk(routed(), flow)


def test_a_mark_may_be_reflected() -> None:
    marked = "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j MARK --set-xmark 0x5/0xffffffff\nCOMMIT\n"
    hosts = rules(routed(), "b", marked)
    prohibit = hosts["b"].rules[0]._replace(priority=1, action="prohibit", mark=5, mask=0xFFFFFFFF)
    hosts = changed(hosts, "b", rules=(*hosts["b"].rules, prohibit))
    assert walk(hosts, "a tcp 10.2.0.2:81") == "connection refused"
    lost = without_sysctl(hosts, "b", "net.ipv4.fwmark_reflect")
    assert walk(lost, PING).startswith("unknown: net.ipv4.fwmark_reflect of pod/lab/b")


def test_br_netfilter_may_call_the_rules() -> None:
    dropping = "*filter\n:FORWARD DROP [0:0]\nCOMMIT\n"
    hosts = rules(bridged(), "r", dropping)
    asked = "a tcp 10.1.0.3"
    assert walk(hosts, asked) == "answer, b sees 10.1.0.2"
    lost = changed(hosts, "r", gaps={"sysctls": REASON})
    assert walk(lost, asked).startswith("unknown: ")


def test_connections_that_exist_decide_only_where_they_are_asked_for() -> None:
    tracking = "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n"
    hosts = rules(routed(), "r", tracking)
    assert walk(hosts, f"{TCP} existing") == SERVED
    lost = lose(hosts, "r", "conntrack")
    assert walk(lost, TCP) == SERVED
    assert walk(lost, f"{TCP} existing").startswith("unknown: conntrack of pod/lab/r")
    assert walk(lose(routed(), "r", "conntrack"), f"{TCP} existing") == SERVED


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        pytest.param(ConntrackCut(addresses=frozenset({A})), SERVED, id="the flow's entries were kept"),
        pytest.param(ConntrackCut(pairs=frozenset({frozenset({A, B})})), SERVED, id="those between both"),
        pytest.param(
            ConntrackCut(addresses=frozenset({ip_address("10.9.0.1")})),
            "unknown: conntrack of pod/lab/r: entries between 10.1.0.2 and 10.2.0.2 were left out",
            id="those of another flow",
        ),
        pytest.param(
            ConntrackCut(pairs=frozenset({frozenset({A, ip_address("10.9.0.1")})})),
            "unknown: conntrack of pod/lab/r: entries between 10.1.0.2 and 10.2.0.2 were left out",
            id="those with somebody else",
        ),
        pytest.param(
            ConntrackCut(everything=True, left_out=9),
            "unknown: conntrack of pod/lab/r: 9 entries were left out",
            id="the first ones",
        ),
        pytest.param(ConntrackCut(everything=True), SERVED, id="all"),
    ],
)
def test_connections_that_were_left_out_are_not_absent(cut: ConntrackCut, expected: str) -> None:
    tracking = "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n"
    hosts = changed(rules(routed(), "r", tracking), "r", conntrack_cut=cut)
    assert walk(hosts, f"{TCP} existing").startswith(expected)
    assert walk(hosts, TCP) == SERVED


@pytest.mark.parametrize(
    ("name", "hook", "unknown"),
    [
        ("r", Hook.FORWARD, True),
        ("r", Hook.INPUT, False),
        ("b", Hook.INPUT, True),
        ("b", Hook.FORWARD, False),
    ],
)
def test_a_bpf_program_at_a_hook_decides_for_what_passes_there(name: str, hook: Hook, unknown: bool) -> None:
    hosts = routed()
    programs = {(4, hook): (Unknown("BPF program 7"),)}
    told = walk(changed(hosts, name, netfilter=replace(hosts[name].netfilter, programs=programs)), TCP)
    assert ("BPF program 7" in told, told == SERVED) == (unknown, not unknown)


def test_a_program_may_send_on_what_would_be_lost_without_it() -> None:
    """bpf_redirect leads past routes and rules: that they would stop the packet decides nothing."""
    hosts = routed()
    device = replace(hosts["r"].devices[2], programs=("BPF tcx/ingress program 7",))
    hosts = changed(hosts, "r", devices={**hosts["r"].devices, 2: device})
    assert "may take the packet" in walk(hosts, TCP)
    assert "may take the packet" in walk(changed(hosts, "r", routes=()), TCP)

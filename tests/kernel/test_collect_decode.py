"""What is decoded of a namespace is what was configured."""

import json
import time
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import pytest

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.collect.netns import identity
from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.conntrack_types import Tuple
from kubectl_skoop.netstack.l4.socket_types import Socket
from kubectl_skoop.netstack.neighbours.neighbour_types import NUD_PERMANENT, FdbEntry
from kubectl_skoop.netstack.routing.types import SCOPE_LINK, Nexthop, PolicyRule
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.snapshot.dump import Table
from tests.kernel.decode_lab import (
    FILTER,
    Lab,
    collected_lab,
)

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with collected_lab() as made:
        yield made


def test_each_namespace_is_there_once_and_named_by_its_file(lab: Lab) -> None:
    assert [(one.id, one.kind, one.pods) for one in lab.dump.namespaces] == [
        (identity(lab.host.path), "host", ("kube-system/agent",)),
        (identity(lab.pods[0].path), "pod", ("default/a",)),
        (identity(lab.pods[1].path), "pod", ("default/b",)),
    ]
    assert lab.ns.id == f"n1/{identity(lab.host.path)}"


def test_nothing_is_missing(lab: Lab) -> None:
    assert lab.ns.gaps == {}
    states = {name: table.state for one in lab.dump.namespaces for name, table in one.tables.items()}
    optional = {"ebtables-legacy", "fou", "ipvs", "nft_hooks", "wireguard"}
    assert {name for name, state in states.items() if state != "ok"} <= optional


def test_time_is_told_for_each_table(lab: Lab) -> None:
    """K-71."""
    times = [table.time for one in lab.dump.namespaces for table in one.tables.values()]
    assert all(lab.dump.time <= moment <= time.time() for moment in times)


def test_links_lead_to_their_peers(lab: Lab) -> None:
    """K-77."""
    devices = lab.ns.device_by_name
    pod = decode_namespace(lab.dump.namespaces[1], "n1", Place("pod", "default/a"))
    assert devices["v0"].link_netns == pod.id
    assert devices["v0"].link == pod.device_by_name["eth0"].index
    assert pod.device_by_name["eth0"].link_netns == lab.ns.id
    assert pod.device_by_name["eth0"].link == devices["v0"].index
    assert (devices["w0"].link_netns, devices["w0"].link) == ("", devices["w1"].index)


def test_a_peer_in_a_namespace_that_was_not_named_is_unmapped(lab: Lab) -> None:
    dump = collect_node("n1", lab.host.path, {"default/a": lab.pods[0].path})
    devices = decode_namespace(dump.namespaces[0], "n1", Place("node", "n1")).device_by_name
    assert devices["v1"].link_netns.startswith("unmapped:")
    assert devices["v0"].link_netns == f"n1/{identity(lab.pods[0].path)}"


def test_bridge_port_and_vxlan_are_as_configured(lab: Lab) -> None:
    devices = lab.ns.device_by_name
    bridge, port, vxlan = devices["br0"], devices["v0"], devices["vx0"]
    assert (bridge.kind, bridge.mtu, bridge.mac, bridge.up) == ("bridge", 1400, "02:00:00:00:00:0b", True)
    assert bridge.bridge is not None
    assert port.master == bridge.index
    assert port.port is not None
    assert (port.port.hairpin, port.port.isolated, port.port.learning) == (True, True, False)
    assert (port.port.unicast_flood, port.port.locked, port.port.state) == (True, False, 3)
    assert vxlan.vxlan is not None
    assert (vxlan.vxlan.vni, vxlan.vxlan.port, vxlan.vxlan.ttl) == (7, 8472, 9)
    assert (vxlan.vxlan.local, vxlan.vxlan.learning) == (ip_address("10.9.0.1"), False)


def test_addresses_are_in_the_kernels_order(lab: Lab) -> None:
    on_bridge = [entry for entry in lab.ns.addresses if entry.device == lab.index("br0")]
    assert [(str(one.address), one.prefix, one.secondary) for one in on_bridge[:2]] == [
        ("10.244.0.1", 24, False),
        ("10.244.0.5", 24, True),
    ]
    assert ("fd00::1", 64, False) in [(str(one.address), one.prefix, one.secondary) for one in on_bridge]
    peer = next(entry for entry in lab.ns.addresses if entry.device == lab.index("v1"))
    assert (str(peer.address), str(peer.peer), peer.prefix) == ("192.168.5.1", "192.168.5.2", 32)


def test_neighbours_and_proxies(lab: Lab) -> None:
    found = {(entry.device, str(entry.address)): entry for entry in lab.ns.neighbours}
    permanent = found[lab.index("vx0"), "10.244.1.0"]
    assert (permanent.mac, permanent.state, permanent.proxy) == ("02:00:00:00:01:00", NUD_PERMANENT, False)
    assert found[lab.index("br0"), "fd00::9"].mac == "02:00:00:00:01:09"
    assert found[lab.index("br0"), "10.1.1.1"].proxy


def test_fdb_of_bridge_and_vxlan(lab: Lab) -> None:
    br0, v0, vx0 = lab.index("br0"), lab.index("v0"), lab.index("vx0")
    for entry in (
        FdbEntry(mac="00:00:00:00:00:00", port=vx0, destination=ip_address("10.9.0.2"), static=True),
        FdbEntry(mac="02:00:00:00:01:00", port=vx0, destination=ip_address("10.9.0.3"), static=True),
        FdbEntry(mac="02:00:00:00:00:aa", port=v0, bridge=br0, static=True),
        FdbEntry(mac=lab.ns.device_by_name["v0"].mac, port=v0, bridge=br0, local=True),
        FdbEntry(mac="02:00:00:00:00:0b", port=br0, bridge=br0, local=True),
    ):
        assert entry in lab.ns.fdb
    assert {entry.port for entry in lab.ns.fdb} == {br0, v0, vx0}


def rule(priority: int, **fields: object) -> PolicyRule:
    return PolicyRule(priority=priority, family=4, **{"table": priority, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(
            rule(100, source=ip_network("10.1.0.0/16"), destination=ip_network("10.2.0.0/16"), table=1000),
            id="source, destination, a table above 255",
        ),
        pytest.param(rule(101, iif="v0"), id="in device"),
        pytest.param(rule(102, oif="gone0", oif_detached=True), id="out device that is not there"),
        pytest.param(rule(103, mark=0x10, mask=0xF0), id="mark with mask"),
        pytest.param(rule(104, invert=True, source=ip_network("10.3.0.0/16")), id="not"),
        pytest.param(rule(105, tos=0x10), id="tos"),
        pytest.param(rule(106, protocol=6, sport=(100, 200), dport=(80, 80)), id="protocol and ports"),
        pytest.param(rule(107, uid=(1000, 2000)), id="uid"),
        pytest.param(rule(108, suppress_prefix=0), id="suppressed prefix"),
        pytest.param(rule(109, action="goto", goto=200, table=0), id="goto"),
        pytest.param(rule(110, action="blackhole", table=0), id="blackhole"),
        pytest.param(rule(111, action="unreachable", table=0), id="unreachable"),
        pytest.param(rule(112, action="prohibit", table=0), id="prohibit"),
        pytest.param(rule(200, action="nop", table=0), id="nop"),
        pytest.param(
            PolicyRule(
                priority=90, family=6, source=ip_network("fd00::/64"), mark=3, mask=0xFFFFFFFF, table=90
            ),
            id="IPv6",
        ),
    ],
)
def test_policy_rule(lab: Lab, wanted: PolicyRule) -> None:
    assert wanted in lab.ns.rules


def test_routes(lab: Lab) -> None:
    routes = {str(route.destination): route for route in lab.ns.routes}
    br0, w0 = lab.index("br0"), lab.index("w0")
    near, far = ip_address("10.244.0.9"), ip_address("10.9.0.9")
    plain = routes["10.20.0.0/16"]
    assert plain.nexthops == (Nexthop(device=br0, gateway=near),)
    assert (plain.metric, plain.protocol, plain.mtu, plain.mtu_locked) == (77, 12, 1300, True)
    assert (plain.advmss, str(plain.prefsrc)) == (1200, "10.244.0.5")
    assert routes["10.21.0.0/16"].nexthops == (
        Nexthop(device=br0, gateway=near, weight=3),
        Nexthop(device=w0, gateway=far),
    )
    assert routes["10.22.0.0/16"].nexthops[0].onlink
    assert (routes["10.26.0.0/16"].type, routes["10.26.0.0/16"].table) == ("throw", 1000)
    for destination, kind in (("10.23", "blackhole"), ("10.24", "unreachable"), ("10.25", "prohibit")):
        route = routes[f"{destination}.0.0/16"]
        assert (route.type, route.nexthops) == (kind, ())
    assert (routes["10.244.0.0/24"].scope, routes["10.244.0.0/24"].protocol) == (SCOPE_LINK, 2)
    assert routes["10.244.0.1/32"].type == "local"
    assert routes["10.244.0.255/32"].type == "broadcast"
    via6 = routes["10.33.0.0/16"].nexthops
    assert via6 == (Nexthop(device=br0, gateway=ip_address("fd00::99")),)
    assert routes["fd01::/64"].metric == 5


@pytest.mark.parametrize("compatible", [1, 0])
def test_nexthop_objects(lab: Lab, compatible: int) -> None:
    """With nexthop_compat_mode=0 a route dump has only the id (K-53)."""
    lab.host.set_sysctls({"net.ipv4.nexthop_compat_mode": compatible})
    try:
        dump = collect_node("n1", lab.host.path, {})
    finally:
        lab.host.set_sysctls({"net.ipv4.nexthop_compat_mode": 1})
    ns = decode_namespace(dump.namespaces[0], "n1", Place("node", "n1"))
    routes = {str(route.destination): route for route in ns.routes}
    single = Nexthop(device=lab.index("br0"), gateway=ip_address("10.244.0.7"))
    first = single._replace(weight=2)
    second = Nexthop(device=lab.index("w0"), gateway=ip_address("10.9.0.7"))
    assert (routes["10.30.0.0/16"].nexthops, routes["10.30.0.0/16"].nexthop_id) == ((first, second), 8)
    assert routes["10.31.0.0/16"].type == "blackhole"
    assert routes["10.32.0.0/16"].nexthops == (single,)


def test_conntrack(lab: Lab) -> None:
    tcp = next(entry for entry in lab.ns.conntrack if entry.original.protocol == Protocol.TCP and entry.mark)
    a, b, c = (ip_address(text) for text in ("10.1.1.1", "10.1.1.2", "10.2.2.2"))
    assert tcp.original == Tuple(src=a, dst=b, protocol=6, sport=1000, dport=80)
    assert tcp.reply == Tuple(src=c, dst=a, protocol=6, sport=8080, dport=1000)
    assert (tcp.tcp_state, tcp.mark, tcp.status & 0xE) == ("ESTABLISHED", 9, 0xE)
    assert 900 < tcp.timeout <= 1000
    icmp = next(entry for entry in lab.ns.conntrack if entry.original.protocol == Protocol.ICMPV6)
    assert (icmp.original.sport, icmp.original.dport) == (77, 128 << 8)


def test_sockets(lab: Lab) -> None:
    found = {one.port: one for one in lab.ns.sockets if one.state in ("listen", "unconnected")}

    def told(one: Socket) -> tuple[object, ...]:
        return one.protocol, one.state, str(one.local), one.v6only, one.queue, one.backlog

    assert told(found[9001]) == (6, "listen", "127.0.0.1", False, 1, 7)
    assert told(found[9002]) == (6, "listen", "::", True, 0, 3)
    assert told(found[9004]) == (6, "listen", "::", False, 0, 1)
    assert (found[9003].device, found[9003].transparent) == (lab.index("w0"), True)
    assert told(found[9005]) == (17, "unconnected", "10.244.0.1", False, 0, 0)
    connected = next(one for one in lab.ns.sockets if one.port == 9006)
    assert (connected.state, str(connected.remote), connected.remote_port) == ("established", "127.0.0.1", 9)


def test_sysctls(lab: Lab) -> None:
    assert lab.ns.sysctls.device("v0", "proxy_arp") == 1
    assert lab.ns.sysctls.device("v1", "proxy_arp") == 0
    assert lab.ns.sysctls.number("net.ipv4.ip_forward", 0) == 1
    assert lab.ns.sysctls.text("net.netfilter.nf_conntrack_max") is not None
    assert lab.ns.sysctls.text("net.bridge.bridge-nf-call-iptables") is not None
    assert not any(name.endswith(("stable_secret", "fastopen_key")) for name in lab.ns.sysctls.values)


def test_rules_of_all_back_ends_are_text(lab: Lab) -> None:
    tables = lab.dump.namespaces[0].tables
    assert "-A FORWARD -s 10.1.1.1/32 -j DROP" in str(tables["iptables-legacy"].data)
    assert "-A FORWARD -s 10.1.1.2/32 -m comment --comment x -j DROP" in str(tables["iptables-nft"].data)
    assert tables["ip6tables-legacy"].data == ""
    assert "incompatible" in str(tables["ip6tables-nft"].data)
    listed = json.loads(str(tables["nft"].data))["nftables"]
    assert any(item.get("table", {}).get("name") == "own" for item in listed)
    assert lab.ns.ipsets["s1"].type == "hash:net"


def test_raw_rules_have_dormant_tables_and_what_no_save_text_has(lab: Lab) -> None:
    raw = lab.dump.namespaces[0].tables["nft_raw"].data
    assert isinstance(raw, dict)
    assert raw["generation_before"] == raw["generation_after"]
    assert {table["name"]: table["flags"] & 1 for table in raw["tables"]} == {"filter": 0, "own": 1}
    assert len(raw["tables"]) == 3
    (rule_with_xt,) = raw["rules"]
    match = next(one for one in rule_with_xt["expressions"] if one["name"] == "match")
    assert (match["xt"], match["info"].rstrip(b"\0")) == ("comment", b"mixed")


def test_multicast_groups_and_address_labels(lab: Lab) -> None:
    """Never in a plain dump (K-79)."""
    tables = lab.dump.namespaces[0].tables
    (groups,) = (one["mdb"] for one in entries_of(tables["mdb"]) if one["ifindex"] == lab.index("br0"))
    assert isinstance(groups, list)
    assert {(one["port"], one["group"]) for one in groups} >= {
        (lab.index("v0"), "239.1.1.1"),
        (lab.index("v0"), "ff15::7"),
    }
    labels = {
        (one["address"], one["prefixlen"], one["label"]) for one in entries_of(tables["address_labels"])
    }
    assert {("fd00::", 64, 99), ("::1", 128, 0)} <= labels


def entries_of(table: Table) -> list[dict[str, object]]:
    assert isinstance(table.data, list)
    return table.data


ANY_TEMPLATE = {
    "src": "0.0.0.0",
    "dst": "0.0.0.0",
    "proto": 50,
    "spi": 0,
    "reqid": 0,
    "mode": 0,
    "optional": True,
}


def test_ipsec_policies_without_keys(lab: Lab) -> None:
    """K-67."""
    selector = ["src", "10.50.0.0/16", "dst", "10.60.0.0/16"]
    template = ["tmpl", "proto", "esp", "mode", "transport", "level", "use"]
    settings = ["proto", "udp", "dport", "53", "dir", "out", "priority", "7", "mark", "1", "mask", "3"]
    lab.pods[1].run("ip", "xfrm", "policy", "add", *selector, *settings, *template, *template)
    lab.pods[1].run("ip", "xfrm", "policy", "setdefault", "fwd", "block")
    dump = collect_node("n1", lab.host.path, {"default/b": lab.pods[1].path})
    pod = dump.namespaces[1]
    assert pod.tables["xfrm"].data == {
        "policies": [
            {
                "src": "10.50.0.0/16",
                "dst": "10.60.0.0/16",
                "protocol": 17,
                "sport": 0,
                "sport_mask": 0,
                "dport": 53,
                "dport_mask": 65535,
                "ifindex": 0,
                "direction": "out",
                "action": "allow",
                "priority": 7,
                "templates": 2,
                "optional": True,
                "transforms": [ANY_TEMPLATE] * 2,
                "mark": 3,
                "mark_value": 1,
            }
        ],
        "states": 0,
        "associations": [],
        "blocks": ["fwd"],
    }
    (policy,) = decode_namespace(pod, "n1", Place("pod", "default/b")).ipsec.policies
    assert (policy.selector.dport, policy.priority, len(policy.templates)) == ((53, 65535), 7, 2)


def test_offloads(lab: Lab) -> None:
    assert lab.ns.device_by_name["w0"].tso
    lab.host.run("ethtool", "-K", "w0", "tso", "off", "gso", "off")
    dump = collect_node("n1", lab.host.path, {})
    devices = decode_namespace(dump.namespaces[0], "n1", Place("node", "n1")).device_by_name
    assert (devices["w0"].tso, devices["w1"].tso) == (False, True)


def test_tc_filters_are_programs_of_their_device(lab: Lab) -> None:
    lab.host.run("tc", "qdisc", "add", "dev", "w1", "clsact")
    lab.host.run(*FILTER.split())
    dump = collect_node("n1", lab.host.path, {})
    devices = decode_namespace(dump.namespaces[0], "n1", Place("node", "n1")).device_by_name
    assert devices["w1"].programs == ("tc filter ingress u32 pref 3",)
    assert devices["w0"].programs == ()

"""A namespace is built with the usual tools and collected; what is decoded is what was configured."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.collect.netns import identity
from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.conntrack_types import Tuple
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbour_types import NUD_PERMANENT, FdbEntry
from kubectl_skoop.netstack.routing.types import SCOPE_LINK, Nexthop, PolicyRule
from kubectl_skoop.netstack.socket_types import Socket
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.snapshot.decode.entry import entries
from kubectl_skoop.snapshot.dump import NodeDump, Table
from kubectl_skoop.testing.netns import Namespace, create, delete, entered, lab_prefix

pytestmark = pytest.mark.kernel

LINKS = """
link set lo up
link add br0 type bridge forward_delay 0
link add v0 type veth peer name eth0 netns {a}
link add v1 type veth peer name eth0 netns {b}
link add w0 type veth peer name w1
link set v0 master br0
link set br0 address 02:00:00:00:00:0b
link set br0 mtu 1400
link add vx0 type vxlan id 7 dstport 8472 local 10.9.0.1 nolearning ttl 9
link set br0 up
link set v0 up
link set v1 up
link set w0 up
link set w1 up
link set vx0 up
link set v0 type bridge_slave hairpin on isolated on learning off
"""
STATE = """
address add 10.244.0.1/24 dev br0
address add 10.244.0.5/24 dev br0
address add 10.9.0.1/24 dev w0
address add 192.168.5.1 peer 192.168.5.2/32 dev v1
address add fd00::1/64 dev br0 nodad
neighbour add 10.244.1.0 lladdr 02:00:00:00:01:00 dev vx0 nud permanent
neighbour add fd00::9 lladdr 02:00:00:00:01:09 dev br0 nud permanent
neighbour add proxy 10.1.1.1 dev br0
route add 10.20.0.0/16 via 10.244.0.9 dev br0 metric 77 proto bird mtu lock 1300 advmss 1200 src 10.244.0.5
route add 10.21.0.0/16 nexthop via 10.244.0.9 dev br0 weight 3 nexthop via 10.9.0.9 dev w0 weight 1
route add 10.22.0.0/16 via 10.99.0.1 dev vx0 onlink
route add blackhole 10.23.0.0/16
route add unreachable 10.24.0.0/16
route add prohibit 10.25.0.0/16
route add throw 10.26.0.0/16 table 1000
nexthop add id 5 via 10.244.0.7 dev br0
nexthop add id 6 via 10.9.0.7 dev w0
nexthop add id 8 group 5,2/6
nexthop add id 9 blackhole
route add 10.30.0.0/16 nhid 8
route add 10.31.0.0/16 nhid 9
route add 10.32.0.0/16 nhid 5
route add 10.33.0.0/16 via inet6 fd00::99 dev br0
route add fd01::/64 via fd00::7 dev br0 metric 5
addrlabel add prefix fd00::/64 label 99
"""
RULES = """
rule add pref 100 from 10.1.0.0/16 to 10.2.0.0/16 lookup 1000
rule add pref 101 iif v0 lookup 101
rule add pref 102 oif gone0 lookup 102
rule add pref 103 fwmark 0x10/0xf0 lookup 103
rule add pref 104 not from 10.3.0.0/16 lookup 104
rule add pref 105 tos 0x10 lookup 105
rule add pref 106 ipproto tcp sport 100-200 dport 80 lookup 106
rule add pref 107 uidrange 1000-2000 lookup 107
rule add pref 108 lookup 108 suppress_prefixlength 0
rule add pref 109 goto 200
rule add pref 110 blackhole
rule add pref 111 unreachable
rule add pref 112 prohibit
rule add pref 200 nop
"""
BRIDGE = """
fdb append 00:00:00:00:00:00 dev vx0 dst 10.9.0.2
fdb add 02:00:00:00:01:00 dev vx0 dst 10.9.0.3
fdb add 02:00:00:00:00:aa dev v0 master static
mdb add dev br0 port v0 grp 239.1.1.1 permanent
mdb add dev br0 port v0 grp ff15::7 permanent
"""
CONNECTIONS = (
    "-p tcp -s 10.1.1.1 -d 10.1.1.2 --sport 1000 --dport 80 --state ESTABLISHED -u SEEN_REPLY,ASSURED"
    " -t 1000 -m 9 --reply-src 10.2.2.2 --reply-dst 10.1.1.1 --reply-port-src 8080 --reply-port-dst 1000",
    "-p icmpv6 -s fd00::1 -d fd00::2 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 77 -t 100",
)
FILTER = "tc filter add dev w1 ingress pref 3 u32 match u32 0 0 flowid 1:1"
IPV6_RULES = "rule add pref 90 from fd00::/64 fwmark 3 lookup 90\n"


@dataclass(frozen=True)
class Lab:
    host: Namespace
    pods: tuple[Namespace, Namespace]
    dump: NodeDump
    ns: NetworkNamespace
    """The host's, decoded."""

    def index(self, name: str) -> int:
        return self.ns.device_by_name[name].index


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    prefix = lab_prefix()
    host, a, b = (Namespace(prefix + name) for name in ("host", "a", "b"))
    create((host.name, a.name, b.name))
    try:
        with ExitStack() as opened:
            build(host, a, b)
            open_sockets(host, opened)
            pods = {"default/a": a.path, "default/b": b.path, "kube-system/agent": host.path}
            dump = collect_node("n1", host.path, pods)
        decoded = decode_namespace(dump.namespaces[0], "n1", Place("node", "n1"))
        yield Lab(host, (a, b), dump, decoded)
    finally:
        delete((host.name, a.name, b.name))


def build(host: Namespace, a: Namespace, b: Namespace) -> None:
    host.run("ip", "-batch", "-", text=LINKS.format(a=a.name, b=b.name))
    for pod in (a, b):
        pod.run("ip", "link", "set", "eth0", "up")
    wait_for_carrier(host, "br0", "v0", "v1", "w0", "w1")
    host.run("ip", "-batch", "-", text=STATE + RULES)
    host.run("ip", "-6", "-batch", "-", text=IPV6_RULES)
    host.run("bridge", "-batch", "-", text=BRIDGE)
    host.set_sysctls({"net.ipv4.conf.v0.proxy_arp": 1, "net.ipv4.ip_forward": 1})
    host.run("iptables-legacy", "-A", "FORWARD", "-s", "10.1.1.1", "-j", "DROP")
    host.run(
        "iptables-nft", "-A", "FORWARD", "-s", "10.1.1.2", "-m", "comment", "--comment", "x", "-j", "DROP"
    )
    host.run("ip6tables-nft", "-A", "FORWARD", "-m", "comment", "--comment", "mixed", "-j", "DROP")
    host.run("nft", "add rule ip6 filter FORWARD numgen inc mod 2 vmap { 0 : accept, 1 : drop }")
    host.run("nft", "add table inet own { flags dormant; }")
    host.run("ipset", "restore", text="create s1 hash:net\nadd s1 10.0.0.0/8\nadd s1 10.1.0.0/16 nomatch\n")
    for entry in CONNECTIONS:
        host.run("conntrack", "-I", *entry.split())


def wait_for_carrier(host: Namespace, *names: str) -> None:
    for _ in range(100):
        links = json.loads(host.run("ip", "-j", "link"))
        if all("LOWER_UP" in link["flags"] for link in links if link["ifname"] in names):
            return
        time.sleep(0.02)
    raise AssertionError("no carrier")


def open_sockets(host: Namespace, opened: ExitStack) -> None:
    def made(family: int, kind: int, address: str, port: int) -> socket.socket:
        sock = opened.enter_context(socket.socket(family, kind))
        if family == socket.AF_INET6 and port == 9002:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if port == 9003:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"w0")
            sock.setsockopt(socket.SOL_IP, socket.IP_TRANSPARENT, 1)
        sock.bind((address, port))
        return sock

    with entered(host.path):
        made(socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1", 9001).listen(7)
        waiting = opened.enter_context(socket.socket())
        waiting.connect(("127.0.0.1", 9001))
        made(socket.AF_INET6, socket.SOCK_STREAM, "::", 9002).listen(3)
        made(socket.AF_INET, socket.SOCK_STREAM, "0.0.0.0", 9003).listen(0)
        made(socket.AF_INET6, socket.SOCK_STREAM, "::", 9004).listen(1)
        made(socket.AF_INET, socket.SOCK_DGRAM, "10.244.0.1", 9005)
        made(socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1", 9006).connect(("127.0.0.1", 9))


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
    optional = {"ebtables-legacy", "ipvs", "nft_hooks", "wireguard"}
    assert {name for name, state in states.items() if state != "ok"} <= optional


def test_time_is_told_for_each_table(lab: Lab) -> None:
    times = [table.time for one in lab.dump.namespaces for table in one.tables.values()]
    assert all(lab.dump.time <= moment <= time.time() for moment in times)


def test_links_lead_to_their_peers(lab: Lab) -> None:
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
    first = replace(single, weight=2)
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


def test_ipsec_policies_without_keys(lab: Lab) -> None:
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
                "mark": 3,
            }
        ],
        "states": 0,
        "blocks": ["fwd"],
    }
    (policy,) = decode_namespace(pod, "n1", Place("pod", "default/b")).ipsec.policies
    assert (policy.dport, policy.priority, policy.templates) == ((53, 65535), 7, 2)


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


def test_the_same_routes_as_ip_prints(lab: Lab) -> None:
    """Compared while nothing changes: link-local routes come a second after their link."""

    def listed(family: str) -> list[tuple[str, int, int]]:
        text = lab.host.run("ip", "-N", "-j", family, "route", "show", "table", "all")
        return [(one["dst"], int(one.get("table", 254)), one.get("metric", 0)) for one in json.loads(text)]

    def key(destination: str, table: int, metric: int) -> tuple[str, int, int]:
        whole = {"default": "0.0.0.0/0"}.get(destination, destination)
        return str(ip_network(whole)), table, metric

    def by_ip() -> list[tuple[str, int, int]]:
        return sorted(key(*one) for family in ("-4", "-6") for one in listed(family))

    for _ in range(20):
        before = by_ip()
        dump = collect_node("n1", lab.host.path, {})
        if before == by_ip():
            break
        time.sleep(0.1)
    routes = decode_namespace(dump.namespaces[0], "n1", Place("node", "n1")).routes
    assert sorted((str(one.destination), one.table, one.metric) for one in routes) == before
    assert len(routes) > 30


def test_the_same_links_and_neighbours_as_pyroute2_reads(lab: Lab) -> None:
    from pyroute2 import IPRoute

    with entered(lab.host.path), IPRoute() as reader:
        links = {
            (link["index"], link.get("ifname"), link.get("mtu"), link.get("address"), link["flags"])
            for link in reader.get_links()
        }
        stations = {
            (entry["ifindex"], entry.get("dst"), entry.get("lladdr"))
            for family in (socket.AF_INET, socket.AF_INET6)
            for entry in reader.get_neighbours(family=family)
            if entry["state"] == NUD_PERMANENT
        }
    assert links == {(one.index, one.name, one.mtu, one.mac, one.flags) for one in lab.ns.devices.values()}
    assert stations == {
        (one.device, str(one.address), one.mac)
        for one in lab.ns.neighbours
        if one.state == NUD_PERMANENT and not one.proxy
    }
    assert len(stations) == 2


def test_collecting_leaves_a_fresh_namespace_unchanged() -> None:
    fresh = Namespace(f"{lab_prefix()}fresh")
    create((fresh.name,))
    try:
        before = what_is_loaded(fresh)
        dump = collect_node("n1", fresh.path, {})
        assert what_is_loaded(fresh) == before
        assert before["ip_tables_names"] == ""
        assert before["ruleset"] == ""
        assert dump.namespaces[0].tables["iptables-legacy"].data == ""
        assert connections_after_a_packet(fresh) == 0
    finally:
        delete((fresh.name,))


def connections_after_a_packet(namespace: Namespace) -> int:
    """Conntrack does not run where no rule asks for it (K-5); looking at it must not start it."""
    namespace.run("ip", "link", "set", "lo", "up")
    with entered(namespace.path), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("127.0.0.1", 9))
    dump = collect_node("n1", namespace.path, {})
    return len(list(entries(dump.namespaces[0].tables["conntrack"].data, "$.conntrack")))


def what_is_loaded(namespace: Namespace) -> dict[str, str]:
    modules = Path("/proc/modules")
    with entered(namespace.path):
        files = {
            name: Path("/proc/thread-self/net", name).read_text()
            for name in (
                "ip_tables_names",
                "ip6_tables_names",
                "arp_tables_names",
                "dev",
                "route",
                "if_inet6",
            )
        }
    return {
        **files,
        "modules": modules.read_text() if modules.exists() else "",
        "ruleset": namespace.run("nft", "list", "ruleset"),
        "sets": namespace.run("ipset", "save"),
        "links": namespace.run("ip", "-d", "link"),
    }

"""What `inspect` prints: as the usual tools, with the state of what could not be read, and nothing raw."""

import json
from collections.abc import Mapping

import pytest

from kubectl_skoop.report.inspect import WHATS, print_table, table_data
from kubectl_skoop.snapshot.dump import Table

LINKS = Table(
    data=[
        {"index": 1, "ifname": "lo", "flags": 0x10049, "mtu": 65536, "type": 772, "operstate": 0},
        {
            "index": 2,
            "ifname": "cni0",
            "flags": 0x1003,
            "carrier": 0,
            "mtu": 1450,
            "type": 1,
            "operstate": 2,
            "qdisc": "noqueue",
            "address": "02:00:00:00:00:01",
            "linkinfo": {"kind": "bridge", "data": {"vlan_filtering": 0, "29": b"x"}},
        },
        {
            "index": 3,
            "ifname": "veth1",
            "flags": 0x11043,
            "mtu": 1450,
            "type": 1,
            "operstate": 6,
            "link": 2,
            "link_netnsid": 0,
            "master": 2,
            "linkinfo": {"kind": "veth", "slave_kind": "bridge", "slave_data": {"hairpin": 1, "state": 3}},
        },
    ]
)
BASE = {"family": 2, "dst_len": 0, "src_len": 0, "tos": 0, "table": 254, "protocol": 4, "scope": 0, "type": 1}
RULE = {"family": 2, "dst_len": 0, "src_len": 0, "tos": 0, "table": 254, "action": 1, "flags": 0}


def lines(what: str, **tables: object) -> list[str]:
    """Without the notes on tables that were not given."""
    given = {"links": LINKS, **{name: Table(data=data) for name, data in tables.items()}}
    return [line for line in print_table(what, given).split("\n") if not line.endswith(": not collected")]


def test_ipsec_without_keys() -> None:
    policy = {"src": "10.1.0.0/16", "dst": "10.2.0.0/16", "direction": "out", "templates": 1, "if_id": 3}
    tunnel = {"src": "192.0.2.1", "dst": "192.0.2.2", "proto": 50, "mode": 1, "reqid": 1}
    state = {**tunnel, "spi": 17, "aead": "rfc4106(gcm(aes))", "tag_bits": 128, "mark": 255, "mark_value": 5}
    in_udp = {**state, "spi": 18, "mark": 0, "encap_type": 2, "encap_sport": 4500, "encap_dport": 6000}
    xfrm = {
        "policies": [{**policy, "transforms": [tunnel]}],
        "associations": [state, in_udp],
        "blocks": ["in"],
    }
    assert lines("ipsec", xfrm=xfrm) == [
        "default in block",
        "policy src 10.1.0.0/16 dst 10.2.0.0/16 dir out priority 0 allow, "
        "tmpl src 192.0.2.1 dst 192.0.2.2 proto esp reqid 1 mode tunnel (if_id: not modelled)",
        "state src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x00000011 reqid 1 mode tunnel mark 0x5/0xff "
        "rfc4106(gcm(aes)) 128",
        "state src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x00000012 reqid 1 mode tunnel encap espinudp "
        "sport 4500 dport 6000 rfc4106(gcm(aes)) 128",
    ]
    assert lines("ipsec", xfrm={"policies": [], "states": 2}) == ["# states: only counted"]


@pytest.mark.parametrize(
    ("route", "printed"),
    [
        ({"gateway": "10.0.0.1", "oif": 2, "flags": 4}, "default via 10.0.0.1 dev cni0 proto static onlink"),
        (
            {"dst": "10.1.0.0", "dst_len": 16, "oif": 2, "flags": 0x11, "protocol": 2, "scope": 253},
            "10.1.0.0/16 dev cni0 proto kernel scope link dead linkdown",
        ),
        ({"dst": "10.1.0.1", "dst_len": 32, "type": 6}, "blackhole 10.1.0.1 proto static"),
        (
            {"oif": 9, "table": 100, "priority": 50, "metrics": {"mtu": 1400, "lock": 4}, "nh_id": 7},
            "default nhid 7 dev if9 table 100 proto static metric 50 mtu lock 1400",
        ),
        ({"oif": 2, "via": {"address": "fe80::1"}}, "default via inet6 fe80::1 dev cni0 proto static"),
        ({"protocol": 99, "table": 255}, "default table local proto 99"),
    ],
    ids=["onlink", "dead", "blackhole", "locked MTU", "a gateway of the other family", "an unknown protocol"],
)
def test_routes(route: Mapping[str, object], printed: str) -> None:
    assert lines("routes", routes=[{**BASE, **route}]) == [printed]


def test_a_route_with_several_nexthops() -> None:
    hops = [{"flags": 0, "hops": 1, "oif": 2, "gateway": "10.0.0.1"}, {"flags": 1, "hops": 0, "oif": 3}]
    assert lines("routes", routes=[{**BASE, "multipath": hops}]) == [
        "default proto static",
        "    nexthop via 10.0.0.1 dev cni0 weight 2",
        "    nexthop dev veth1 weight 1 dead",
    ]


@pytest.mark.parametrize(
    ("rule", "printed"),
    [
        ({}, "0:  from all lookup main"),
        (
            {
                "priority": 5,
                "src": "10.0.0.1",
                "src_len": 32,
                "fwmark": 1,
                "fwmask": 255,
                "iifname": "eth0",
                "flags": 8,
            },
            "5:  from 10.0.0.1 fwmark 0x1/0xff iif eth0 [detached] lookup main",
        ),
        (
            {
                "flags": 2,
                "dst": "10.0.0.0",
                "dst_len": 8,
                "ip_proto": 6,
                "dport_range": {"start": 80, "end": 80},
            },
            "0:  not from all to 10.0.0.0/8 ipproto tcp dport 80 lookup main",
        ),
        ({"action": 2, "goto": 100}, "0:  from all goto 100"),
        ({"action": 8}, "0:  from all prohibit"),
        ({"suppress_prefixlen": 0}, "0:  from all lookup main suppress_prefixlength 0"),
        ({"l3mdev": 1}, "0:  from all lookup [l3mdev-table]"),
    ],
    ids=["the plainest", "from, mark, iif", "not, to, port", "goto", "prohibit", "suppress", "VRF"],
)
def test_rules(rule: Mapping[str, object], printed: str) -> None:
    assert lines("rules", rules=[{**RULE, **rule}]) == ["# IPv4", printed]


def test_neighbours_with_proxy_entries() -> None:
    neighbours = [
        {"family": 2, "ifindex": 2, "state": 0x20, "flags": 0, "dst": "10.0.0.1"},
        {
            "family": 2,
            "ifindex": 2,
            "state": 4,
            "flags": 0x80,
            "dst": "10.0.0.2",
            "lladdr": "02:00:00:00:00:02",
        },
        {"family": 7, "ifindex": 2, "state": 4, "flags": 0},
    ]
    proxies = [{"family": 2, "ifindex": 3, "state": 0, "flags": 8, "dst": "169.254.1.1"}]
    assert lines("neighbours", neighbours=neighbours, proxy_neighbours=proxies) == [
        "10.0.0.1 dev cni0 FAILED",
        "10.0.0.2 dev cni0 lladdr 02:00:00:00:00:02 router STALE",
        "169.254.1.1 dev veth1 proxy",
    ]


def test_links_with_addresses() -> None:
    addresses = [
        {
            "index": 2,
            "family": 2,
            "prefixlen": 24,
            "scope": 0,
            "flags": 0x81,
            "address": "10.0.0.1",
            "local": "10.0.0.1",
            "label": "cni0",
        },
        {"index": 2, "family": 10, "prefixlen": 64, "scope": 253, "flags": 0x40, "address": "fe80::1"},
    ]
    assert lines("links", addresses=addresses) == [
        "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 state UNKNOWN",
        "    link/loopback",
        "2: cni0: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1450 qdisc noqueue state DOWN",
        "    link/ether 02:00:00:00:00:01",
        "    bridge vlan_filtering 0",
        "    inet 10.0.0.1/24 scope global secondary cni0",
        "    inet6 fe80::1/64 scope link tentative dynamic",
        "3: veth1@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 master cni0 state UP",
        "    link/ether link-netnsid 0",
        "    veth",
        "    bridge_slave state forwarding hairpin 1",
    ]


def test_fdb() -> None:
    entries = [
        {"family": 7, "ifindex": 3, "state": 0x40, "flags": 0x40, "lladdr": "02:00:00:00:00:02", "master": 2},
        {
            "family": 7,
            "ifindex": 4,
            "state": 0xC0,
            "flags": 2,
            "lladdr": "02:00:00:00:00:03",
            "dst": "10.0.0.1",
            "vni": 7,
        },
        {"family": 2, "ifindex": 4, "state": 0xC0, "flags": 2},
    ]
    assert lines("fdb", fdb=entries) == [
        "02:00:00:00:00:02 dev veth1 sticky master cni0 static",
        "02:00:00:00:00:03 dev if4 dst 10.0.0.1 vni 7 self permanent",
    ]


def test_conntrack() -> None:
    def direction(src: str, dst: str, sport: int, dport: int) -> dict[str, object]:
        return {"ip": {"src": src, "dst": dst}, "proto": {"num": 6, "src_port": sport, "dst_port": dport}}

    entry = {
        "orig": direction("10.0.0.1", "10.96.0.1", 40000, 80),
        "reply": direction("10.0.0.2", "10.0.0.1", 8080, 40000),
        "status": 0x1E,
        "timeout": 86399,
        "protoinfo": {"tcp": {"state": 3}},
        "mark": 5,
    }
    assert lines("conntrack", conntrack=[entry, {**entry, "status": 8, "protoinfo": {}, "zone": 3}]) == [
        "tcp      6 86399 ESTABLISHED src=10.0.0.1 dst=10.96.0.1 sport=40000 dport=80 "
        "src=10.0.0.2 dst=10.0.0.1 sport=8080 dport=40000 [ASSURED] mark=5",
        "tcp      6 86399 src=10.0.0.1 dst=10.96.0.1 sport=40000 dport=80 [UNREPLIED] "
        "src=10.0.0.2 dst=10.0.0.1 sport=8080 dport=40000 mark=5 zone=3",
    ]


def test_what_a_table_was_cut_to_is_said() -> None:
    cut = Table(data=[], reason="only entries with 10.0.0.1")
    assert print_table("conntrack", {"conntrack": cut}) == "# conntrack: only entries with 10.0.0.1"


def test_sockets() -> None:
    common = {"rqueue": 0, "wqueue": 128, "dst": "::", "dport": 0}
    sockets = [
        {**common, "protocol": 6, "state": 10, "src": "::", "sport": 80, "if": 2, "v6only": 0, "uid": 33},
        {**common, "protocol": 17, "state": 7, "src": "127.0.0.1", "sport": 53, "mark": 16},
    ]
    printed = lines("sockets", sockets=sockets)
    assert [line.split() for line in printed[1:]] == [
        ["tcp", "LISTEN", "0", "128", "[::]%cni0:80", "[::]:*", "uid:33", "v6only:0"],
        ["udp", "UNCONN", "0", "128", "127.0.0.1:53", "[::]:*", "fwmark:0x10"],
    ]


def test_nftables() -> None:
    document = {
        "nftables": [
            {"metainfo": {"version": "1.0.6"}},
            {"table": {"family": "ip", "name": "kube"}},
            {
                "map": {
                    "family": "ip",
                    "table": "kube",
                    "name": "services",
                    "handle": 1,
                    "type": ["ipv4_addr", "inet_service"],
                    "map": "verdict",
                    "elem": [[{"concat": ["10.96.0.1", 80]}, {"goto": {"target": "svc"}}]],
                }
            },
            {
                "chain": {
                    "family": "ip",
                    "table": "kube",
                    "name": "in",
                    "type": "filter",
                    "hook": "input",
                    "prio": -5,
                    "policy": "drop",
                }
            },
            {"chain": {"family": "ip", "table": "kube", "name": "svc"}},
            {
                "rule": {
                    "family": "ip",
                    "table": "kube",
                    "chain": "in",
                    "handle": 4,
                    "expr": [
                        {
                            "match": {
                                "op": "==",
                                "left": {"payload": {"protocol": "tcp", "field": "dport"}},
                                "right": 80,
                            }
                        },
                        {"accept": None},
                    ],
                }
            },
        ]
    }
    assert lines("nftables", nft=json.dumps(document)) == [
        "table ip kube {",
        "    map services {",
        "        type ipv4_addr . inet_service : verdict",
        "        elements = { 10.96.0.1 . 80 : goto svc }",
        "    }",
        "    chain in {",
        "        type filter hook input priority -5; policy drop;",
        "        tcp dport 80 accept # handle 4",
        "    }",
        "    chain svc {",
        "    }",
        "}",
    ]


def test_texts_of_both_back_ends_are_told_apart() -> None:
    tables = {"iptables-legacy": "*filter\nCOMMIT\n", "iptables-nft": "*nat\nCOMMIT\n", "ip6tables-nft": ""}
    given = {name: Table(data=text) for name, text in tables.items()}
    printed = [line for line in print_table("iptables", given).split("\n") if "not collected" not in line]
    assert printed == ["# iptables-legacy", "*filter", "COMMIT", "# iptables-nft", "*nat", "COMMIT"]


def test_sysctls_are_sorted() -> None:
    assert lines("sysctls", sysctls={"net.b": "1", "net.a": "0"}) == ["net.a = 0", "net.b = 1"]


@pytest.mark.parametrize("what", WHATS)
def test_a_table_that_was_not_read_tells_its_state(what: str) -> None:
    names = table_data(what, {}) or {}
    assert names == {}
    assert all(line.endswith(": not collected") for line in print_table(what, {}).split("\n"))


def test_a_table_that_failed_tells_the_reason() -> None:
    assert print_table("ipset", {"ipset": Table(state="forbidden", reason="not root")}) == (
        "# ipset: forbidden: not root"
    )


@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize(
    "data",
    [None, 7, "x", [7], [{}], {"a": {}}, [{"family": 3}], '{"nftables": 7}', '{"nftables": [{"rule": 7}]}'],
    ids=repr,
)
def test_a_table_of_the_wrong_shape_is_unreadable_and_no_crash(what: str, data: object) -> None:
    names = {
        "iptables": "iptables-legacy",
        "nftables": "nft",
        "links": "links",
    }
    printed = print_table(what, {names.get(what, what): Table(data=data)})
    assert isinstance(printed, str)


def test_nothing_reaches_the_terminal_raw() -> None:
    evil = "\x1b[2J\x07\r\u202e\x9b"
    tables = {
        "iptables-legacy": Table(data=f"-A X -m comment --comment {evil}\n"),
        "sysctls": Table(data={f"a{evil}": f"1\n# {evil}"}),
        "ipset": Table(state="failed", reason=evil),
        "links": Table(data=[{"index": 1, "ifname": f"e\n{evil}", "flags": 0, "mtu": 1}]),
        "sockets": Table(
            data=[{"protocol": 6, "state": 1, "src": evil, "sport": 1, "dst": f"\n{evil}", "dport": 1}]
        ),
    }
    for what in WHATS:
        for line in print_table(what, tables).split("\n"):
            assert line.isprintable(), line
    assert len(print_table("sysctls", tables).split("\n")) == 1


def test_the_json_form_is_what_was_collected() -> None:
    tables = {"fdb": Table(time=2.0, data=[{"lladdr": "x", "raw": b"\x01\xff", "n": 1}])}
    assert table_data("fdb", tables) == {
        "fdb": {"state": "ok", "reason": "", "time": 2.0, "data": [{"lladdr": "x", "raw": "01ff", "n": 1}]}
    }

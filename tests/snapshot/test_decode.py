"""Damage in a dump is a gap that names its place; the rest of the namespace stands."""

import json
from ipaddress import ip_address

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours.neighbour_types import GroupMember
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.snapshot.dump import NamespaceDump, Table

LINK = {"index": 2, "ifname": "eth0", "flags": 0x10043, "mtu": 1500, "address": "02:00:00:00:00:02"}
ROUTE = {
    "family": 2,
    "dst_len": 24,
    "dst": "10.0.0.0",
    "src_len": 0,
    "tos": 0,
    "table": 254,
    "protocol": 2,
    "scope": 253,
    "type": 1,
    "flags": 0,
    "oif": 2,
}
SOCKET = {
    "protocol": 6,
    "family": 2,
    "state": 10,
    "src": "0.0.0.0",
    "sport": 80,
    "dst": "0.0.0.0",
    "dport": 0,
    "if": 0,
    "rqueue": 0,
    "wqueue": 128,
    "uid": 0,
    "inode": 1,
}
DATA: dict[str, object] = {
    "links": [LINK],
    "addresses": [
        {
            "family": 2,
            "prefixlen": 24,
            "ifa_flags": 128,
            "scope": 0,
            "index": 2,
            "local": "10.0.0.2",
            "address": "10.0.0.2",
        }
    ],
    "routes": [ROUTE],
    "rules": [{"family": 2, "dst_len": 0, "src_len": 0, "tos": 0, "table": 254, "action": 1, "flags": 0}],
    "neighbours": [
        {"family": 2, "ifindex": 2, "state": 2, "dst": "10.0.0.1", "lladdr": "02:00:00:00:00:01", "flags": 0}
    ],
    "proxy_neighbours": [],
    "fdb": [],
    "mdb": [{"ifindex": 5, "mdb": [{"port": 2, "group": "ff02::1:ff00:3", "vlan": 0, "flags": 0}]}],
    "bridge_vlans": [],
    "nexthops": [],
    "netnsids": {},
    "tc_filters": [],
    "nexthop_buckets": [],
    "bpf": [],
    "bpf_links": [],
    "bpf_cgroups": [],
    "sysctls_unread": {},
    "ethtool": {},
    "route_exceptions": [],
    "conntrack": [],
    "sockets": [SOCKET],
    "sysctls": {"net.ipv4.ip_forward": "1"},
    "ipset": "",
    "iptables-legacy": "",
    "ip6tables-legacy": "",
    "iptables-nft": "",
    "ip6tables-nft": "",
    "nft": '{"nftables": []}',
    "nft_raw": {"generation_before": 1, "generation_after": 1, "tables": [], "rules": []},
    "xfrm": {"policies": [], "states": 0},
    "ipvs": [],
}


def decoded(tables: dict[str, Table]) -> NetworkNamespace:
    dump = NamespaceDump(id="4:99", kind="host", tables=tables)
    return decode_namespace(dump, "n1", Place("node", "n1"))


def with_data(**data: object) -> dict[str, Table]:
    return {name: Table(data=value) for name, value in {**DATA, **data}.items()}


def test_a_whole_dump_has_no_gaps() -> None:
    ns = decoded(with_data())
    assert (ns.id, ns.gaps) == ("n1/4:99", {})
    assert ns.devices[2].name == "eth0"
    assert ns.local_addresses[ip_address("10.0.0.2")].prefix == 24
    assert ns.sockets[0].backlog == 128


@pytest.mark.parametrize(
    ("name", "data", "wanted"),
    [
        pytest.param("links", [LINK, {**LINK, "mtu": "big"}], "$.links[1].mtu: ", id="text for a number"),
        pytest.param("links", [{"index": 2}], "$.links[0].ifname: ", id="a name left out"),
        pytest.param("links", {"a": 1}, "$.links: a list is wanted, not a dict", id="a map for a list"),
        pytest.param("links", [7], "$.links[0]: a map is wanted, not 7", id="a number for a map"),
        pytest.param(
            "links", [{**LINK, "linkinfo": 3}], "$.links[0].linkinfo: ", id="a number for nested attributes"
        ),
        pytest.param("conntrack_cut", {"only": "x"}, "$.conntrack_cut.only: a list", id="text for a list"),
        pytest.param("conntrack_cut", {"only": ["x"]}, "$.conntrack_cut.only: ", id="a cut to no address"),
        pytest.param(
            "conntrack_cut", {"only": []}, "$.conntrack_cut.left_out: ", id="a cut without a number"
        ),
        pytest.param("routes", [{**ROUTE, "gateway": "x"}], "$.routes[0].gateway: ", id="no address"),
        pytest.param("routes", [{**ROUTE, "dst_len": 33}], "$.routes[0].dst_len: ", id="no prefix length"),
        pytest.param("routes", [{**ROUTE, "family": 3}], "$.routes[0].family: ", id="no family"),
        pytest.param("routes", [{**ROUTE, "type": 99}], "$.routes[0].type: ", id="no route type"),
        pytest.param("routes", [{**ROUTE, "oif": True}], "$.routes[0].oif: ", id="true is no number"),
        pytest.param(
            "routes",
            [{**ROUTE, "multipath": [{"flags": 0}]}],
            "$.routes[0].multipath[0].",
            id="deep inside a route",
        ),
        pytest.param(
            "conntrack",
            [{"orig": {"ip": {"src": 1}, "proto": {"num": 6}}}],
            "$.conntrack[0].orig.ip.src: ",
            id="a tuple",
        ),
        pytest.param("sysctls", {"net.a": 1}, "$.sysctls.net.a: ", id="a sysctl that is no text"),
        pytest.param("bpf_links", [{"kind": 1}], "$.bpf_links[0].kind: ", id="a link of no kind"),
        pytest.param(
            "bpf_links",
            [{"kind": "netfilter", "program": 1, "priority": 0, "family": 2, "hook": 9}],
            "$.bpf_links[0].hook: no hook: 9",
            id="a hook that is none",
        ),
        pytest.param("bpf_cgroups", [{"attach": 1}], "$.bpf_cgroups[0].attach: ", id="a number for a place"),
        pytest.param(
            "sysctls_unread", {"net.a": 1}, "$.sysctls_unread.net.a: ", id="a reason that is no text"
        ),
        pytest.param(
            "mdb", [{"ifindex": 5, "mdb": [{"group": "ff02::2"}]}], "$.mdb[0].mdb[0].port: ", id="no port"
        ),
        pytest.param("nexthop_buckets", [{"id": 1}], "$.nexthop_buckets[0].bucket.nh_id: ", id="no bucket"),
        pytest.param("nft", "{", "$.nft: no JSON", id="JSON that breaks off"),
        pytest.param("iptables-legacy", b"x", "$.iptables-legacy: text is wanted", id="bytes for text"),
        pytest.param("ipset", b"create x", "$.ipset: ", id="bytes for sets"),
        pytest.param("ipvs", [{"af": 3}], "$.ipvs[0].af: ", id="an IPVS service of no family"),
    ],
)
def test_a_damaged_table_is_a_gap_with_its_place(name: str, data: object, wanted: str) -> None:
    ns = decoded(with_data(**{name: data}))
    assert set(ns.gaps) == {name}
    assert ns.gaps[name].startswith(f"damaged: {wanted}")
    assert len(ns.rules) == 1


@pytest.mark.parametrize(
    ("name", "table", "gap"),
    [
        pytest.param("routes", Table(state="forbidden", reason="no"), "forbidden: no", id="forbidden"),
        pytest.param("conntrack", Table(state="timeout", reason="30 s"), "timeout: 30 s", id="timed out"),
        pytest.param(
            "ipvs", Table(state="absent", reason="not loaded"), None, id="a kernel without the feature"
        ),
        pytest.param(
            "sockets",
            Table(state="absent", reason="No such file or directory"),
            "absent: No such file or directory",
            id="every kernel has sockets",
        ),
        pytest.param("counters", Table(state="failed", reason="?"), None, id="one that nobody asks for"),
        pytest.param("nft_hooks", Table(state="failed", reason="?"), None, id="one that changes no verdict"),
        pytest.param("ipvs", Table(state="forbidden", reason="no"), "forbidden: no", id="IPVS not read"),
        pytest.param(
            "xfrm",
            Table(data={"policies": [{}], "states": 0}),
            "damaged: $.xfrm.policies[0].direction: text is wanted, not nothing",
            id="an IPsec policy without a direction",
        ),
        pytest.param(
            "xfrm",
            Table(data={"policies": [], "states": False}),
            "damaged: $.xfrm.states: a number is wanted, not False",
            id="a count of IPsec states that is none",
        ),
        pytest.param(
            "arptables-legacy",
            Table(data="*filter\n:INPUT ACCEPT\n"),
            "an older agent read them, which may have missed some",
            id="rules for ARP as an older agent read them",
        ),
        pytest.param(
            "arptables-legacy",
            Table(data="# arptables-legacy -n -L\n*filter\n:INPUT DROP\nCOMMIT\n"),
            None,
            id="rules for ARP",
        ),
    ],
)
def test_what_could_not_be_read_and_matters_is_a_gap(name: str, table: Table, gap: str | None) -> None:
    assert decoded({**with_data(), name: table}).gaps.get(name) == gap


@pytest.mark.parametrize("name", ["nft", "nft_raw", "iptables-legacy", "ipvs"])
def test_rules_that_could_not_be_read_are_unknown_at_every_hook(name: str) -> None:
    ns = decoded({**with_data(), name: Table(state="failed", reason="changed at each of 3 readings")})
    assert ns.netfilter.unknowns[4]


@pytest.mark.parametrize(
    ("name", "families"),
    [("nft", {"bridge", "netdev", "arp"}), ("arptables-legacy", {"arp"}), ("ebtables-legacy", {"bridge"})],
)
def test_rules_about_frames_that_could_not_be_read_are_unknown(name: str, families: set[str]) -> None:
    ns = decoded({**with_data(), name: Table(state="failed", reason="no tool")})
    assert set(ns.netfilter.link_unknowns) == families


@pytest.mark.parametrize("name", ["routes", "ipvs", "bpf", "tc_filters"])
def test_a_needed_table_that_is_not_in_the_dump_is_a_gap(name: str) -> None:
    tables = with_data()
    del tables[name]
    assert decoded(tables).gaps == {name: "was not collected"}


def test_a_selector_of_a_newer_kernel_makes_the_rule_unknown() -> None:
    rule = {
        "family": 2,
        "dst_len": 0,
        "src_len": 0,
        "tos": 0,
        "table": 9,
        "action": 1,
        "flags": 0,
        "77": b"?",
    }
    assert decoded(with_data(rules=[rule])).rules[0].unsupported == "attribute 77"


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=12)
    | st.binary(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(DATA)), values)
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_anything_at_all_in_a_table_is_decoded_or_a_gap(name: str, data: object) -> None:
    decoded(with_data(**{name: data}))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["table", "chain", "rule", "set", "family", "name", "expr"]), inner)
    ),
    max_leaves=10,
)


@given(st.lists(json_values, max_size=3))
@settings(max_examples=300)
def test_any_ruleset_is_decoded_or_a_gap(listed: list[object]) -> None:
    decoded(with_data(nft=json.dumps({"nftables": listed})))


@given(st.sampled_from(["links", "addresses", "routes", "rules", "neighbours", "sockets"]), st.data(), values)
@settings(max_examples=400)
def test_any_value_in_a_field_is_decoded_or_a_gap(name: str, data: st.DataObject, value: object) -> None:
    entries = DATA[name]
    assert isinstance(entries, list)
    field = data.draw(st.sampled_from(sorted(entries[0])))
    ns = decoded(with_data(**{name: [{**entries[0], field: value}]}))
    assert ns.gaps.get(name, f"damaged: $.{name}[0].{field}").startswith(f"damaged: $.{name}[0].")


def test_veth_peers_are_named_by_node_and_namespace() -> None:
    links = [{**LINK, "link": 5, "link_netnsid": number, "index": 3 + number} for number in (0, 1)]
    ns = decoded(with_data(links=links, netnsids={"4:77": 0}))
    assert [ns.devices[3].link_netns, ns.devices[4].link_netns] == ["n1/4:77", "unmapped:1"]


@pytest.mark.parametrize(
    ("settings", "snooping", "querier6"),
    [
        pytest.param({"mcast_snooping": 1, "mcast_querier": 0}, True, False, id="nobody asks"),
        pytest.param(
            {"mcast_snooping": 0, "mcast_querier": 1}, False, True, id="it asks, but does not listen"
        ),
        pytest.param({"mcast_querier_state": {"address": "10.0.0.1"}}, True, False, id="an IPv4 querier"),
        pytest.param({"mcast_querier_state": {"address6": "fe80::1"}}, True, True, id="an IPv6 querier"),
    ],
)
def test_the_multicasts_of_a_bridge(settings: dict[str, object], snooping: bool, querier6: bool) -> None:
    ns = decoded(with_data(links=[{**LINK, "linkinfo": {"kind": "bridge", "data": settings}}]))
    bridge = ns.devices[2].bridge
    assert bridge is not None
    assert (bridge.snooping, bridge.querier6) == (snooping, querier6)
    assert ns.groups == (GroupMember(5, 2, ip_address("ff02::1:ff00:3")),)


def test_ages_that_do_not_matter_may_have_any_form() -> None:
    row = {
        "lladdr": "02:00:00:00:00:01",
        "ifindex": 2,
        "master": 3,
        "state": 2,
        "flags": 0,
        "cacheinfo": b"x",
    }
    ns = decoded(with_data(fdb=[row]))
    assert ([entry.mac for entry in ns.fdb], ns.gaps) == (["02:00:00:00:00:01"], {})


def test_what_equals_another_route_but_for_a_type_is_not_taken_for_it() -> None:
    assert not decoded(with_data(routes=[{**ROUTE, "oif": 1}])).gaps
    gaps = decoded(with_data(routes=[{**ROUTE, "oif": 1}, {**ROUTE, "oif": True}])).gaps
    assert gaps["routes"].startswith("damaged: $.routes[1].oif: ")
    names = decoded(with_data(routes=[{**ROUTE, "priority": 1}, {**ROUTE, "tos": 1}])).routes
    assert [(route.metric, route.tos) for route in names] == [(1, 0), (0, 1)]

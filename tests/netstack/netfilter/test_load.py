"""What is loaded of the three engines, and what that switches on in the kernel."""

from collections.abc import Callable
from typing import Any

import pytest

from kubectl_skoop.netstack.netfilter.load import load_netfilter
from kubectl_skoop.netstack.netfilter.types import Netfilter

ABSENT: dict[str, Any] = {
    "iptables_legacy": None,
    "ip6tables_legacy": None,
    "iptables_nft": None,
    "ip6tables_nft": None,
    "nft": None,
    "nft_raw": None,
    "hook_order": None,
    "gaps": {},
}


def load(**given: object) -> Netfilter:
    return load_netfilter(**(ABSENT | given))


def table(family: str, name: str, *objects: dict[str, Any], **more: object) -> list[dict[str, Any]]:
    """A table with its objects, each of which gets the table's name."""
    place = {"family": family, "table": name}
    listed = [{kind: body | place} for entry in objects for kind, body in entry.items()]
    return [{"table": {"family": family, "name": name, **more}}, *listed]


def ruleset(*tables: list[dict[str, Any]]) -> dict[str, Any]:
    return {"nftables": [each for listed in tables for each in listed]}


def base(hook: str, kind: str = "filter", priority: int = 0, policy: str = "accept") -> dict[str, Any]:
    return {"chain": {"name": hook, "hook": hook, "type": kind, "prio": priority, "policy": policy}}


def rule(chain: str, *expressions: object) -> dict[str, Any]:
    return {"rule": {"chain": chain, "expr": list(expressions)}}


NEW = {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "new"}}
SAVED = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"
XT = {"xt": {"type": "match", "name": "statistic"}}


def test_a_table_of_iptables_nft_is_taken_from_its_text_only() -> None:
    loaded = load(
        iptables_nft=SAVED,
        nft=ruleset(
            table("ip", "filter", base("forward", policy="drop"), rule("forward", XT, {"drop": None})),
            table("ip", "own", base("forward")),
            table("ip6", "filter", base("forward")),
        ),
    )
    found = sorted((each.engine, each.table.name, each.chain) for each in loaded.base_chains)
    assert found == [
        ("iptables-nft", "filter", "FORWARD"),
        ("iptables-nft", "filter", "INPUT"),
        ("iptables-nft", "filter", "OUTPUT"),
        ("nft", "ip own", "forward"),
        ("nft", "ip6 filter", "forward"),
    ]


def test_a_table_that_the_save_tool_left_out_is_taken_from_the_json() -> None:
    left_out = "# Table `filter' is incompatible, use 'nft' tool.\n"
    loaded = load(iptables_nft=left_out, nft=ruleset(table("ip", "filter", base("forward"))))
    assert [each.table.name for each in loaded.base_chains] == ["ip filter"]


@pytest.mark.parametrize(
    ("flags", "raw"),
    [("dormant", None), (["dormant"], None), (None, {"tables": [{"family": 2, "name": "t", "flags": 1}]})],
    ids=["as a word", "as a list", "as the kernel tells it"],
)
def test_a_dormant_table_has_no_hooks(flags: object, raw: object) -> None:
    more = {"flags": flags} if flags else {}
    loaded = load(nft=ruleset(table("ip", "t", base("forward", policy="drop"), **more)), nft_raw=raw)
    assert not loaded.base_chains


@pytest.mark.parametrize(
    ("nft", "families"),
    [
        (table("ip", "t", base("forward")), set()),
        (table("ip", "t", base("prerouting", "nat", -100)), set()),
        (table("ip", "t", base("prerouting"), rule("prerouting", {"notrack": None})), set()),
        (table("ip", "t", base("forward"), rule("forward", NEW)), {4}),
        (table("inet", "t", base("forward"), rule("forward", NEW)), {4, 6}),
        (table("ip6", "t", {"chain": {"name": "unused"}}, rule("unused", NEW)), {6}),
        (table("ip", "t", base("postrouting", "nat"), rule("postrouting", {"masquerade": None})), {4}),
        (table("bridge", "t", base("forward"), rule("forward", NEW)), {4, 6}),
        (
            table("ip", "t", {"chain": {"name": "c"}}, rule("c", {"xt": {"type": "target", "name": "DNAT"}})),
            {4},
        ),
    ],
    ids=[
        "a filter chain does not need it",
        "a nat chain without a target does not",
        "notrack does not",
        "ct state does",
        "in an inet table for both families",
        "also in a chain that nothing refers to",
        "masquerade does",
        "in a bridge table for both families",
        "an xt target does",
    ],
)
def test_conntrack_runs_where_a_loaded_rule_needs_it(nft: list[dict[str, Any]], families: set[int]) -> None:
    assert load(nft=ruleset(nft)).conntrack_families == families


def test_a_nat_chain_without_rules_still_makes_null_bindings() -> None:
    loaded = load(nft=ruleset(table("inet", "t", base("prerouting", "nat", -100))))
    assert loaded.nat_families == {4, 6}
    assert load(iptables_legacy="*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n").nat_families == {4}


@pytest.mark.parametrize(
    ("gap", "families"),
    [
        ("iptables-legacy", [4]),
        ("ip6tables_legacy", [6]),
        ("nft", [4, 6]),
        ("iptables-nft", []),
        ("nft_raw", []),
    ],
)
def test_what_could_not_be_read_is_unknown_where_it_matters(gap: str, families: list[int]) -> None:
    unknowns = load(gaps={gap: "forbidden"}).unknowns
    assert sorted(unknowns) == families
    assert all("forbidden" in each.reason for family in families for each in unknowns[family])


def test_chains_of_bridges_devices_and_arp_are_apart() -> None:
    loaded = load(
        nft=ruleset(
            table("bridge", "b", base("forward"), rule("forward", {"drop": None})),
            table("bridge", "idle", base("input"), rule("input", {"counter": {}}, {"accept": None})),
            table(
                "netdev", "n", {"chain": {"name": "in", "hook": "ingress", "dev": "eth0", "policy": "drop"}}
            ),
            table("arp", "a", base("input", policy="drop")),
        )
    )
    assert [(each.family, each.base.hook, each.devices) for each in loaded.link_chains] == [
        ("bridge", "forward", ()),
        ("bridge", "input", ()),
        ("netdev", "ingress", ("eth0",)),
        ("arp", "input", ()),
    ]
    assert not loaded.base_chains


def test_the_kernels_list_of_hooks_gives_the_order() -> None:
    desc = {"family": 2, "table": "t", "name": "forward"}
    listing = [
        {"family": 2, "hook": 2, "priority": 0, "function": "nft_do_chain_ipv4", "chain": {"desc": desc}},
        {"family": 2, "hook": 2, "priority": 0, "function": "ipt_do_table", "module": "iptable_filter"},
    ]
    legacy = "*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n"
    loaded = load(iptables_legacy=legacy, nft=ruleset(table("ip", "t", base("forward"))), hook_order=listing)
    assert loaded.order_known
    assert {each.engine: each.order for each in loaded.base_chains} == {"nft": 1, "iptables-legacy": 2}
    assert not load(iptables_legacy=legacy, hook_order=listing[:1]).order_known


HOSTILE: list[object] = [
    None,
    [],
    {"nftables": 7},
    {"nftables": [{"table": 3}, {"rule": {"family": "ip", "table": "t", "chain": "c"}}, {"a": 1, "b": 2}]},
    ruleset(table("ip", "t", {"chain": {"name": "c", "hook": ["forward"], "type": {}, "prio": "x"}})),
]


@pytest.mark.parametrize("document", HOSTILE)
def test_json_that_is_no_ruleset_loads_nothing(document: object) -> None:
    assert load(nft=document).base_chains == ()


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = {"&": [value, 1]}
    return value


@pytest.mark.parametrize(
    "statement",
    [
        {"match": {"op": "==", "left": nested(500), "right": 1}},
        {"match": {"op": "==", "left": {"&": []}, "right": 1}},
        {
            "match": {
                "op": "==",
                "left": {"payload": {"protocol": "ip", "field": "saddr"}},
                "right": {"range": [1]},
            }
        },
        {"match": {"op": "==", "left": {"meta": {"key": ["mark"]}}, "right": "x"}},
        {"match": 5},
        {"vmap": {"key": {"meta": {"key": "mark"}}, "data": {"set": [[1]]}}},
        {"vmap": {"key": {"meta": {"key": "mark"}}, "data": "@missing"}},
        {"dnat": {"family": "ip", "addr": {"prefix": {"addr": "10.0.0.0", "len": 99}}}},
        {"reject": {"type": "icmp", "expr": "nonsense"}},
        {"mangle": {"key": {"meta": {"key": "mark"}}, "value": {"numgen": {"mod": -1}}}},
        {"limit": "named"},
        {"unheard": {"of": 1}},
        "unheard",
        7,
    ],
)
def test_a_statement_that_makes_no_sense_is_unknown_not_an_error(
    router: Callable[..., Any], tcp: Callable[..., Any], statement: object
) -> None:
    made = router(nft=ruleset(table("ip", "t", base("forward"), rule("forward", statement, {"drop": None}))))
    made.forward(tcp())
    stolen = "unknown" in {each.effect.partition(":")[0] for each in made.stack.trace}
    assert stolen or made.stack.choices.made


def compare(protocol: str, field: str, right: object) -> dict[str, Any]:
    left = {"payload": {"protocol": protocol, "field": field}}
    return {"match": {"op": "==", "left": left, "right": right}}


@pytest.mark.parametrize(
    ("expression", "engine"),
    [
        (compare("udp", "dport", {"set": [53, 54]}), "nft"),
        (compare("ip", "saddr", "@known"), "nft"),
        (compare("ip", "daddr", {"range": ["10.0.0.1", "10.0.0.5"]}), "nft"),
        (compare("tcp", "dport", {"range": [1, 5]}), "iptables-nft"),
        (compare("udp", "length", 5), "nft"),
        (compare("ip", "saddr", "10.0.0.1"), "iptables-nft"),
        ({"vmap": {"key": compare("ip", "saddr", 1), "data": {"set": []}}}, "nft"),
        ({"mangle": {"key": {"payload": {"protocol": "ip", "field": "ttl"}}, "value": 5}}, "nft"),
        ({"drop": None}, "iptables-nft"),
    ],
)
def test_a_text_that_has_a_rule_otherwise_is_not_followed(expression: object, engine: str) -> None:
    listed = ruleset(table("ip", "filter", base("forward"), rule("forward", expression)))
    loaded = load(iptables_nft=SAVED, nft=listed)
    assert {each.engine for each in loaded.base_chains} == {engine}

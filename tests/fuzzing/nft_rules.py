"""Rules as `nft -j` prints them: one of each statement and expression, and some that are not modelled."""

from collections.abc import Iterator

_SYN = {"|": ["syn", "ack"]}


def _payload(protocol: str, field: str) -> object:
    return {"payload": {"protocol": protocol, "field": field}}


def _match(left: object, right: object, op: str = "==") -> object:
    return {"match": {"op": op, "left": left, "right": right}}


def _meta(key: str) -> object:
    return {"meta": {"key": key}}


_MATCHES: tuple[object, ...] = (
    _match(_payload("ip", "saddr"), {"prefix": {"addr": "10.0.0.0", "len": 8}}),
    _match(_payload("ip6", "daddr"), {"set": ["fd00::2", {"prefix": {"addr": "fd00::", "len": 64}}]}, "!="),
    _match(_payload("tcp", "dport"), {"set": [22, {"range": [80, 90]}]}),
    _match(_payload("th", "dport"), "@ports"),
    _match(_payload("tcp", "flags"), _SYN),
    _match({"&": [_payload("tcp", "flags"), ["syn", "ack"]]}, "syn"),
    _match({"payload": {"base": "th", "offset": 16, "len": 16}}, 80),
    _match(_payload("icmp", "type"), "echo-request"),
    _match(_payload("ether", "saddr"), "00:11:22:33:44:55"),
    _match(_meta("iifname"), "eth*"),
    _match(_meta("l4proto"), {"set": ["tcp", "udp"]}),
    _match(_meta("nfproto"), "ipv4"),
    _match({"&": [_meta("mark"), 16384]}, 16384, "!="),
    _match(_meta("time"), {"range": ["2020-01-01 00:00:00", "2030-01-01 00:00:00"]}),
    _match({"ct": {"key": "state"}}, ["established", "related"], "in"),
    _match({"ct": {"key": "mark"}}, 1),
    _match({"ct": {"key": "ip saddr", "dir": "original"}}, "10.0.0.1"),
    _match({"fib": {"result": "type", "flags": ["daddr"]}}, "local"),
    _match({"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, False),
    _match({"numgen": {"mode": "random", "mod": 3, "offset": 0}}, 1),
    _match({"jhash": {"mod": 2, "expr": _payload("ip", "saddr"), "seed": 1}}, 0),
    _match({"symhash": {"mod": 2}}, 0),
    _match({"tcp option": {"name": "maxseg", "field": "size"}}, {"range": [500, 1400]}),
    _match({"exthdr": {"name": "frag"}}, True),
    _match({"socket": {"key": "transparent"}}, 1),
    _match({"rt": {"key": "nexthop"}}, "10.0.0.9"),
    _match(
        {"concat": [_payload("ip", "daddr"), _payload("tcp", "dport")]},
        {"set": [{"concat": ["10.0.0.2", 80]}]},
    ),
    {"osf": {}},
)
_STATEMENTS: tuple[object, ...] = (
    *(
        {"accept": None},
        {"drop": None},
        {"return": None},
        {"jump": {"target": "other"}},
        {"goto": {"target": "c"}},
    ),
    *(
        {"counter": {"packets": 0, "bytes": 0}},
        {"log": {"prefix": "x "}},
        {"notrack": None},
        {"queue": {"num": 1}},
    ),
    {"reject": {"type": "icmpx", "expr": "admin-prohibited"}},
    {"reject": {"type": "tcp reset"}},
    {"dnat": {"family": "ip", "addr": "10.0.0.7", "port": 8080}},
    {
        "dnat": {
            "addr": {"map": {"key": _payload("ip", "daddr"), "data": {"set": [["10.0.0.2", "10.0.0.7"]]}}}
        }
    },
    {"snat": {"addr": {"range": ["10.0.0.7", "10.0.0.9"]}, "flags": ["random"]}},
    *({"masquerade": None}, {"redirect": {"port": 15001}}, {"tproxy": {"addr": "10.0.0.9", "port": 1}}),
    {"mangle": {"key": _meta("mark"), "value": {"|": [_meta("mark"), 16384]}}},
    {"mangle": {"key": {"ct": {"key": "mark"}}, "value": _meta("mark")}},
    {"mangle": {"key": _payload("ip", "ttl"), "value": 3}},
    {"mangle": {"key": {"tcp option": {"name": "maxseg", "field": "size"}}, "value": {"rt": {"key": "mtu"}}}},
    {"limit": {"rate": 10, "burst": 5, "per": "second"}},
    {
        "vmap": {
            "key": _payload("tcp", "dport"),
            "data": {"set": [[80, {"accept": None}], [22, {"jump": {"target": "other"}}]]},
        }
    },
    {"vmap": {"key": {"concat": [_payload("ip", "daddr"), _payload("tcp", "dport")]}, "data": "@verdicts"}},
    {"set": {"op": "add", "elem": _payload("ip", "saddr"), "set": "@addresses"}},
    {"map": {"op": "update", "elem": _payload("ip", "saddr"), "data": 1, "map": "@marks"}},
    {"xt": {"type": "match", "name": "comment"}},
    {"flow": {"op": "add", "flowtable": "@f"}},
    {"ct helper": "ftp"},
    {"tunnel": {}},
)


def _table(*rules: list[object], kind: str = "filter", hook: str = "forward") -> list[object]:
    own = {"family": "inet", "table": "t"}
    base = {**own, "name": "c", "type": kind, "hook": hook, "prio": 0, "policy": "accept"}
    verdicts = [[{"concat": ["10.0.0.2", 80]}, {"accept": None}]]
    return [
        {"metainfo": {"version": "1.0.6", "json_schema_version": 1}},
        {"table": {"family": "inet", "name": "t", "handle": 1}},
        {"chain": base},
        {"chain": {**own, "name": "other"}},
        {
            "set": {
                **own,
                "name": "ports",
                "type": "inet_service",
                "elem": [80, {"range": [90, 99]}],
                "flags": ["interval"],
            }
        },
        {"set": {**own, "name": "addresses", "type": "ipv4_addr", "elem": ["10.0.0.2"], "timeout": 60}},
        {
            "map": {
                **own,
                "name": "verdicts",
                "type": ["ipv4_addr", "inet_service"],
                "map": "verdict",
                "elem": verdicts,
            }
        },
        {"map": {**own, "name": "marks", "type": "ipv4_addr", "map": "mark", "elem": [["10.0.0.2", 1]]}},
        *({"rule": {**own, "chain": "c", "handle": 9, "expr": rule}} for rule in rules),
        {"rule": {**own, "chain": "other", "expr": [{"return": None}], "comment": "x"}},
    ]


def examples() -> Iterator[list[object]]:
    """Rulesets of one rule each."""
    for match in _MATCHES:
        yield _table([match, {"drop": None}])
    for statement in _STATEMENTS:
        kind = "nat" if isinstance(statement, dict) and {"dnat", "redirect"} & statement.keys() else "filter"
        yield _table([statement], kind=kind, hook="prerouting" if kind == "nat" else "forward")
    yield _table([{"snat": {"addr": "10.0.0.9"}}], kind="nat", hook="postrouting")
    yield [
        {"table": {"family": "netdev", "name": "n"}},
        {
            "chain": {
                "family": "netdev",
                "table": "n",
                "name": "i",
                "type": "filter",
                "hook": "ingress",
                "dev": "eth0",
                "prio": 0,
            }
        },
        {"table": {"family": "bridge", "name": "b", "flags": ["dormant"]}},
    ]

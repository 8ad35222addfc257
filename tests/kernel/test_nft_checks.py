"""What a rule asks of the protocol, read from the kernel, where nft lists it and where it does not (K-25)."""

import json

import pytest

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.netstack.netfilter.nft.checks import read_checks
from kubectl_skoop.netstack.netfilter.nft.ruleset import parse_ruleset
from kubectl_skoop.netstack.netfilter.nft.statement.match import Undecidable
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.pseudonyms import Pseudonyms
from kubectl_skoop.snapshot.redact.table import redact_table
from kubectl_skoop.testing.netns import Namespace, create, delete, lab_prefix

pytestmark = pytest.mark.kernel

IP, IP6, ARP, VLAN = 0x0800, 0x86DD, 0x0806, 0x8100
CASES: tuple[tuple[str, str, int, list[list[object]]], ...] = (
    ("ip", "meta protocol ip6 ip ttl set 60", 1, [[0, "meta protocol", True, IP6]]),
    ("ip", "ip protocol tcp tcp dport 80 counter", 1, [[0, "ip protocol", True, 6]]),
    ("ip", "ip protocol != tcp accept", 1, [[0, "ip protocol", False, 6]]),
    ("ip", "meta l4proto & 15 == 6 drop", 1, []),
    ("ip", "counter meta mark set 1 meta l4proto udp drop", 3, [[2, "meta l4proto", True, 17]]),
    ("ip", "meta l4proto { tcp, udp } th dport vmap { 53 : drop }", 1, []),
    (
        "inet",
        "ether type ip ip saddr 10.0.0.1 return",
        1,
        [[0, "meta iiftype", True, 1], [0, "ether type", True, IP]],
    ),
    (
        "inet",
        "ip6 nexthdr udp udp dport 53 reject",
        1,
        [[0, "meta nfproto", True, 10], [0, "ip6 nexthdr", True, 17]],
    ),
    (
        "bridge",
        "ether saddr 02:00:00:00:00:01 ether type ip6 ip6 hoplimit 3 drop",
        1,
        [[0, "ether type", True, IP6]],
    ),
    (
        "bridge",
        "vlan id 4 ip saddr 10.0.0.1 drop",
        1,
        [[0, "ether type", True, VLAN], [0, "vlan type", True, IP]],
    ),
    (
        "arp",
        "arp htype 1 arp ptype ip arp hlen 6 arp plen 5 arp operation request drop",
        1,
        [
            [0, "arp htype", True, 1],
            [0, "arp ptype", True, IP],
            [0, "arp hlen", True, 6],
            [0, "arp plen", True, 5],
        ],
    ),
    (
        "bridge",
        "meta protocol arp arp htype 6 arp saddr ip set 10.0.0.1",
        1,
        [[0, "meta protocol", True, ARP], [0, "arp htype", True, 6]],
    ),
)


def test_the_agent_reads_what_each_rule_asks_and_redact_keeps_it() -> None:
    node = Namespace(f"{lab_prefix()}checks")
    create([node.name])
    try:
        for number, (family, rule, _, _) in enumerate(CASES):
            node.run("nft", "-f", "-", text=f"table {family} t{number} {{\nchain c {{\n{rule}\n}}\n}}\n")
        tables = collect_node("a", node.path, {}).namespaces[0].tables
    finally:
        delete([node.name])
    raw = tables["nft_raw"].data
    assert isinstance(raw, dict)
    kinds = raw["checks"]["kinds"]
    found = {one["table"]: [kinds[index] for index in one["kinds"]] for one in raw["checks"]["rules"]}
    assert found == {
        f"t{number}": [{"statements": statements, "checks": checks, "ranges": 0}]
        for number, (_, _, statements, checks) in enumerate(CASES)
    }
    redacted = redact_table("nft_raw", tables["nft_raw"], Pseudonyms(b"k" * 32), LeftOut())
    assert redacted is not None
    assert isinstance(redacted.data, dict)
    assert redacted.data["checks"]["kinds"] == kinds
    handles = {
        entry["rule"]["handle"]
        for entry in json.loads(str(tables["nft"].data))["nftables"]
        if "rule" in entry
    }
    assert {number for one in redacted.data["checks"]["rules"] for number in one["handles"]} == handles


RANGES = (
    ("th dport 9-80 counter", 1),
    ("th dport != 9-80 counter", 1),
    ("ip ttl 3-9 meta mark 0x0-0xff counter", 2),
    ("ip dscp 1-4 counter", 1),
    ("ip saddr { 10.0.0.1-10.0.0.9, 10.0.1.0-10.0.1.7 } counter", 0),
    ("ip saddr != 10.0.0.1-10.0.0.9 tcp dport > 80 counter", 1),
    ("th dport > 80 counter", 0),
)
FOLDED = ("ip ttl >= 9 th dport <= 80 counter", "ip ttl < 64 udp dport > 80 counter")
"""nft 1.0.6 lists each as one range of ports."""


def test_a_range_that_the_kernel_does_not_have_is_not_believed() -> None:
    """Those that it has are."""
    node = Namespace(f"{lab_prefix()}ranges")
    create([node.name])
    try:
        lines = "\n".join([*(rule for rule, _ in RANGES), *FOLDED])
        node.run("nft", "-f", "-", text=f"table ip t {{\nchain c {{\n{lines}\n}}\n}}\n")
        tables = collect_node("a", node.path, {}).namespaces[0].tables
    finally:
        delete([node.name])
    raw = tables["nft_raw"].data
    ((chain,),) = [
        list(one.chains.values())
        for one in parse_ruleset(json.loads(str(tables["nft"].data)), read_checks(raw))
    ]
    rules = [rule for _, rule in chain.all_rules]
    assert [rule.checks and rule.checks.ranges for rule in rules] == [*(count for _, count in RANGES), 0, 0]
    for number, rule in enumerate(rules):
        folded = number >= len(RANGES) and "-" in rule.text
        reasons = [str(one.unknown) for one in rule.statements if isinstance(one, Undecidable)]
        assert ["two comparisons of it as one" in reason for reason in reasons] == [True] * folded, rule.text

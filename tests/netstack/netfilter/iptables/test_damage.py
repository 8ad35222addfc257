"""Text from a stranger: whatever is damaged in it, parsing ends and nothing is raised."""

import re
from ipaddress import ip_address
from pathlib import Path
from random import Random

import pytest

from kubectl_skoop.model.packet import Packet, Passage, Protocol, TcpFlags
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices, Unknown
from kubectl_skoop.netstack.ipset import Subject, lookup, parse_ipsets
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.iptables.rule import parse_rule
from kubectl_skoop.netstack.netfilter.iptables.save import SavedTable, parse_save
from kubectl_skoop.netstack.netfilter.iptables.tracking import needs_conntrack
from kubectl_skoop.netstack.netfilter.types import Hook, RuleContext
from kubectl_skoop.netstack.stack import Stack

CHAIN = re.compile(r"^:(\S+) ", re.MULTILINE)
DATA = Path(__file__).parents[3] / "data" / "iptables"
PACKET = Packet(
    src=ip_address("10.244.1.2"),
    dst=ip_address("10.96.0.10"),
    protocol=Protocol.TCP,
    sport=40000,
    dport=80,
    flags=TcpFlags.SYN,
)
PIECES = (
    "-1",
    "0x",
    "²",
    "9" * 5000,
    "1e9999999",
    "!",
    '"',
    "\\",
    "/",
    ":",
    ",",
    "-",
    "\x85",
    "\u2028",
    "-m",
    "",
)


def damaged(random: Random, text: str) -> str:
    for _ in range(random.randint(1, 12)):
        start = random.randrange(len(text) + 1)
        end = min(start + random.choice((0, 1, 3, 40)), len(text))
        text = text[:start] + random.choice(PIECES) + text[end:]
    return text


def context() -> RuleContext:
    ns = NetworkNamespace(id="n/1", place=Place("node", "n"), node="n")
    return RuleContext(stack=Stack(ns, Choices()), hook=Hook.FORWARD, frame=PACKET, passage=Passage())


@pytest.mark.parametrize("seed", range(30))
def test_damaged_rules_parse_and_are_evaluated(seed: int) -> None:
    random = Random(seed)
    original = random.choice(sorted(DATA.glob("*.ipt"))).read_text()
    text = damaged(random, original)
    needs_conntrack(text)
    for base in parse_save(text, random.choice((4, 6)), "iptables-nft"):
        assert isinstance(base.table, SavedTable)
        for name in CHAIN.findall(base.table.text):
            chain = base.table.chain(name)
            for _, rule in () if isinstance(chain, Unknown) else chain.rules(PACKET):
                rule.evaluate(context())
                rule.if_matched(context())


@pytest.mark.parametrize("seed", range(300))
def test_a_damaged_rule_of_any_kind_is_a_rule(seed: int) -> None:
    random = Random(seed)
    line = random.choice(
        (
            "-A X -m statistic --mode random --probability 0.50000000000 -j A",
            "-A X -s 10.0.0.0/8 -p tcp -m tcp --dport 80:90 --tcp-flags SYN,ACK SYN -j DROP",
            "-A X -p tcp -m multiport --dports 80,443 -m mark --mark 0x1/0xff -j REJECT",
            "-A X -m conntrack --ctstate NEW --ctorigdstport 80 --ctorigdst 10.0.0.0/8 -j ACCEPT",
            "-A X -m iprange --src-range 10.0.0.1-10.0.0.9 -m length --length 40:60 -m ttl --ttl-gt 3",
            "-A X -p tcp -j DNAT --to-destination 10.0.0.1-10.0.0.2:80-90",
            "-A X -m set --match-set S src,dst -m owner --uid-owner 0-99 -j SNAT --to-source 10.0.0.1",
            "-A X -m limit --limit 5/sec -m connlimit --connlimit-above 3 -j MARK --set-xmark 0x1/0x1",
            "-A X -m recent --rcheck --seconds 60 --hitcount 2 --name L --mask 255.255.255.255 -j X",
            "-A X -j NETMAP --to 10.0.0.0/8",
        )
    )
    rule = parse_rule(damaged(random, line), 4)
    rule.evaluate(context())
    rule.if_matched(context())


@pytest.mark.parametrize("seed", range(100))
def test_damaged_sets_are_asked(seed: int) -> None:
    random = Random(seed)
    text = "".join(
        f"create {kind} {kind} family inet netmask 24 markmask 0xff\nadd {kind} {element}\n"
        for kind, element in (
            ("hash:ip", "10.96.0.10"),
            ("hash:net", "10.96.0.0/16 nomatch"),
            ("hash:ip,port", "10.96.0.10,tcp:80"),
            ("hash:net,iface", "10.96.0.0/16,eth0 wildcard"),
            ("bitmap:port", "80-90"),
            ("hash:ip,mark", "10.96.0.10,0x0"),
        )
    )
    text += "create nothing\nadd\n"
    sets = parse_ipsets(damaged(random, text))
    for name in sets:
        lookup(sets, name, Subject(packet=PACKET, indev="eth0"), ("dst", "dst"))

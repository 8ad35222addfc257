"""Targets that let the packet go on: which rules behind them count it, against the kernel's counters."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address

import pytest

from kubectl_skoop.model.packet import Packet, Passage, Protocol, TcpFlags
from kubectl_skoop.model.verdict import Choices, Unknown
from kubectl_skoop.netstack.ipset import parse_ipsets
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.conntrack import track
from kubectl_skoop.netstack.netfilter.iptables.save import SavedChain, parse_save
from kubectl_skoop.netstack.netfilter.types import Continue, Hook, RuleContext
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.testing.rule_lab import ROUTER_MAC, SENDER_MAC, SENTINEL, RuleLab, rule_lab

pytestmark = pytest.mark.kernel

TARGETS = {
    "AUDIT": "-j AUDIT --type drop",
    "CHECKSUM": "-p udp -j CHECKSUM --checksum-fill",
    "CLASSIFY": "-j CLASSIFY --set-class 1:7",
    "CONNSECMARK": "-j CONNSECMARK --restore",
    "ECN": "-p tcp -j ECN --ecn-tcp-remove",
    "IDLETIMER": "-j IDLETIMER --timeout 600 --label lab",
    "LOG": '-j LOG --log-prefix "drop: " --log-level debug --log-tcp-options --log-ip-options --log-uid',
    "NFLOG": "-j NFLOG --nflog-group 3 --nflog-prefix x --nflog-size 64 --nflog-threshold 2",
    "RATEEST": "-j RATEEST --rateest-name lab --rateest-interval 250ms --rateest-ewma 0.5s",
    "TCPOPTSTRIP": "-p tcp -j TCPOPTSTRIP --strip-options mss",
    "TCPOPTSTRIP of others": "-p tcp -j TCPOPTSTRIP --strip-options wscale,timestamp",
    "TEE": "-j TEE --gateway 10.77.2.9",
    "TRACE": "-j TRACE",
}
WITNESSES = (
    "-s 10.77.1.2/32 -d 10.77.2.2/32 -i in0",
    "-m mark --mark 0x7",
    "-m length --length 100",
    "-m ttl --ttl-gt 62",
    "-m tos --tos 0x11/0xff",
    "-m ecn --ecn-ip-ect 1",
    "-p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG SYN",
    "-p tcp -m tcp --tcp-option 2",
    "-p tcp -m tcpmss --mss 1400:1460",
    "-p tcp -m tcpmss ! --mss 1400:1460",
    "-p udp -m udp --sport 1000 --dport 80",
    "-p icmp -m icmp --icmp-type 8",
)
OF_CONNECTIONS = ("-m conntrack --ctstate NEW", "-m connmark --mark 0x0")
SETS = "create known hash:ip\ncreate other hash:ip\nadd known 10.77.1.2\nadd other 10.77.2.2\n"
LAST = f"-m comment --comment {SENTINEL}"


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    with rule_lab() as made:
        yield made


def sent(protocol: int, sport: int) -> Packet:
    return Packet(
        src=ip_address("10.77.1.2"),
        dst=ip_address("10.77.2.2"),
        protocol=protocol,
        sport=0 if protocol == Protocol.ICMP else sport,
        dport=0 if protocol == Protocol.ICMP else 80,
        flags=TcpFlags.SYN if protocol == Protocol.TCP else TcpFlags(0),
        mss=1460 if protocol == Protocol.TCP else 0,
        icmp_type=8 if protocol == Protocol.ICMP else 0,
        length=100,
        tos=0x11,
        src_mac=SENDER_MAC,
        dst_mac=ROUTER_MAC,
    )


def load(lab: RuleLab, engine: str, table: str, hook: Hook, rules: Sequence[str]) -> SavedChain:
    chain = hook.upper()
    lines = [f"-A {chain} {rule}" for rule in ("-j MARK --set-mark 7", *rules, LAST)]
    lab.load(engine, 4, "\n".join([f"*{table}", *lines, "COMMIT", ""]))
    for base in parse_save(lab.save(engine, 4), 4, "iptables-nft" if engine == "nft" else "iptables-legacy"):
        if base.chain == chain and base.table.name == table:
            found = base.table.chain(chain)
            assert isinstance(found, SavedChain)
            return found
    raise AssertionError(chain)


def passed(
    lab: RuleLab, ns: NetworkNamespace, engine: str, hook: Hook, chain: SavedChain, packet: Packet
) -> list[str]:
    """One packet through the rules, in both worlds: the rules whose answer is not known."""
    before = lab.counts(engine, 4)
    lab.send(packet)
    after = lab.matched(engine, 4, before, len(before) - 1)
    ctx = RuleContext(
        stack=Stack(ns, Choices()),
        hook=hook,
        frame=replace(packet, ttl=packet.ttl - 1) if hook is Hook.FORWARD else packet,
        passage=Passage(iif=lab.in_device),
        indev=lab.in_device,
        outdev=lab.out_device if hook is Hook.FORWARD else 0,
    )
    if hook is Hook.FORWARD:
        track(ctx.stack, ctx.packet, ctx.passage)
    unknown = []
    for (_, rule), new, old in zip(chain.all_rules, after, before, strict=True):
        answer = rule.asks_for(ctx)
        if isinstance(answer, Unknown):
            unknown.append(rule.text)
            continue
        assert answer == (new > old), f"kernel {new > old}: {rule.text}: {packet}"
        if answer:
            assert rule.if_matched(ctx) == Continue(), rule.text
    return unknown


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("engine", ["legacy", "nft"])
def test_the_rules_behind_it_count_the_packet_as_it_was(lab: RuleLab, engine: str, name: str) -> None:
    table, hook = ("raw", Hook.PREROUTING) if name == "TRACE" else ("mangle", Hook.FORWARD)
    rules = [TARGETS[name], *WITNESSES]
    if hook is Hook.FORWARD:
        rules += OF_CONNECTIONS
    try:
        chain = load(lab, engine, table, hook, rules)
        for sport, protocol in enumerate((Protocol.TCP, Protocol.UDP, Protocol.ICMP), start=1000):
            assert not passed(lab, lab.ns, engine, hook, chain, sent(protocol, sport))
    finally:
        lab.load(engine, 4, f"*{table}\nCOMMIT\n")


@pytest.mark.parametrize("engine", ["legacy", "nft"])
def test_what_a_set_holds_is_known_until_a_rule_changes_it(lab: RuleLab, engine: str) -> None:
    """SET: `known` has the source already, and not the destination; `other` the other way round."""
    rules = [
        "-j SET --add-set known src --exist",
        "-j SET --del-set other src",
        "-m set --match-set known src",
        "-m set --match-set other src",
        "-j SET --add-set other src",
        *WITNESSES,
        "-m set --match-set known src",
        "-m set ! --match-set known dst",
        "-m set --match-set other src",
    ]
    lab.router.run("ipset", "restore", text=SETS)
    try:
        ns = replace(lab.ns, ipsets=parse_ipsets(lab.router.run("ipset", "save")))
        chain = load(lab, engine, "mangle", Hook.FORWARD, rules)
        unknown = passed(lab, ns, engine, Hook.FORWARD, chain, sent(Protocol.UDP, 1000))
        assert unknown == ["-A FORWARD -m set --match-set other src"]
    finally:
        lab.load(engine, 4, "*mangle\nCOMMIT\n")
        lab.router.run("ipset", "destroy")

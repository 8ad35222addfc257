"""Native rules that few rule sets have, each against the kernel's counters."""

import json
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address

import pytest

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.collect.netlink.socket import NETLINK_NETFILTER, NetlinkSocket
from kubectl_skoop.collect.nfnetlink.nftables import read_rules
from kubectl_skoop.model.packet import Packet, Passage, Protocol, TcpFlags
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter import conntrack
from kubectl_skoop.netstack.netfilter.nft.checks import read_checks
from kubectl_skoop.netstack.netfilter.nft.ruleset import NftChain, parse_ruleset
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Progress
from kubectl_skoop.netstack.netfilter.types import Hook, RuleContext
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.testing.netns import entered
from kubectl_skoop.testing.rule_lab import DATAGRAM, RuleLab, rule_lab
from tests.kernel.test_nft_rules import counted, counters, listing

pytestmark = pytest.mark.kernel

ROUTES = """\
link set in0 group 5
link set out0 group 0x12
route add 10.77.20.0/24 via 10.77.2.2 dev out0 mtu 1400
route add fd77:20::/64 via fd77:2::2 dev out0 mtu 1400
route add 10.77.21.0/24 via 10.77.1.2 dev in0 mtu 1300
route add fd77:21::/64 via fd77:1::2 dev in0 mtu 1300
"""
BEFORE, AFTER = -250, -150
"""Priorities on both sides of conntrack's."""


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    with rule_lab(router_commands=ROUTES) as made:
        yield made


@pytest.fixture(scope="module")
def ns(lab: RuleLab) -> NetworkNamespace:
    """As the agent collects it."""
    dump = collect_node("router", lab.router.path, {})
    return decode_namespace(dump.namespaces[0], dump.node, Place("node", dump.node))


def packet(source: str = "10.77.1.2", destination: str = "10.77.2.2", **fields: object) -> Packet:
    made = replace(DATAGRAM, src=ip_address(source), dst=ip_address(destination), dport=80)
    return replace(made, **fields)  # type: ignore[arg-type]


def load(lab: RuleLab, table: str, hook: Hook, rules: Sequence[str], before: Sequence[str] = ()) -> None:
    """`before`: rules that see the packet before conntrack does."""
    text = ""
    for name, at, priority, lines in (("a", "prerouting", BEFORE, before), ("b", hook, AFTER, rules)):
        body = "\n".join(f"{line} counter" for line in lines)
        text += f"chain {name} {{ type filter hook {at} priority {priority};\n{body}\n}}\n"
    lab.router.run("nft", "-f", "-", text=f"flush ruleset\ntable {table} t {{\n{text}}}\n")
    lab.router.run("conntrack", "-F")


def differences(ctx: RuleContext, chains: Sequence[NftChain], counted: Sequence[bool]) -> list[str]:
    """Rules that the kernel decided otherwise about the packet that was sent."""
    answers = iter(counted)
    wrong = []
    for chain in chains:
        if chain.name == "b":
            conntrack.track(ctx.stack, ctx.packet, ctx.passage)
        for _, rule in chain.all_rules:
            ours, answer = all(each.execute(ctx) is Progress.NEXT for each in rule.statements), next(answers)
            if ours != answer:
                wrong.append(f"kernel {answer}, predicted {ours}: {rule.text}")
    return wrong


def loaded(lab: RuleLab) -> Sequence[NftChain]:
    """As listed, with what the listing leaves out (K-25)."""
    with entered(lab.router.path), NetlinkSocket(NETLINK_NETFILTER) as asked:
        checks = read_checks({"checks": read_rules(asked, ()).checks})
    document = json.loads(lab.router.run("nft", "-j", "list", "ruleset"))
    (table,) = parse_ruleset(document, checks)
    return list(table.chains.values())


def check(
    lab: RuleLab,
    ns: NetworkNamespace,
    hook: Hook,
    rules: Sequence[str],
    packets: Sequence[Packet],
    *,
    table: str = "inet",
    before: Sequence[str] = (),
) -> None:
    load(lab, table, hook, [*rules, 'iifname "in0"'], before)
    try:
        for sent in packets:
            chains, before_it = loaded(lab), counters(listing(lab))
            lab.send(sent)
            ctx = RuleContext(
                stack=Stack(ns, Choices()),
                hook=hook,
                frame=replace(sent, ttl=sent.ttl - 1) if hook is Hook.FORWARD else sent,
                passage=Passage(iif=lab.in_device),
                indev=lab.in_device,
                outdev=lab.out_device if hook is Hook.FORWARD else 0,
            )
            assert not (wrong := differences(ctx, chains, counted(lab, before_it))), "\n".join(
                [str(sent), *wrong]
            )
            assert not ctx.stack.choices.made, ctx.stack.choices.made
    finally:
        lab.router.run("nft", "flush", "ruleset")


PACKETS = (
    packet(),
    packet(sport=1001, protocol=Protocol.TCP, flags=TcpFlags.SYN, mss=1460),
    packet("fd77:1::2", "fd77:2::2"),
    packet("fd77:1::2", "fd77:2::2", sport=1001, protocol=Protocol.TCP, flags=TcpFlags.SYN, mss=1460),
)
OF_DEVICES = (
    "meta nfproto ipv4",
    "meta nfproto ipv6",
    "meta nfproto != ipv4",
    "meta iifgroup 5",
    "meta iifgroup != 5",
    "meta iifgroup 18",
    "meta iifgroup { 4, 5 }",
    'meta iifkind "veth"',
    'meta iifkind != "veth"',
    'meta iifkind "vxlan"',
    "meta ipsec missing",
    "meta ipsec exists",
    'meta oifkind "veth"',
    'meta oifkind != "veth"',
    "meta oifgroup 18",
    "meta oifgroup != 18",
)


@pytest.mark.parametrize("hook", [Hook.PREROUTING, Hook.FORWARD])
def test_what_devices_are(lab: RuleLab, ns: NetworkNamespace, hook: Hook) -> None:
    check(lab, ns, hook, OF_DEVICES, PACKETS)


def test_the_loopback_is_of_no_kind(lab: RuleLab, ns: NetworkNamespace) -> None:
    load(lab, "inet", Hook.PREROUTING, [*OF_DEVICES, 'iifname "lo"'])
    try:
        chains, before = loaded(lab), counters(listing(lab))
        with entered(lab.router.path), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"x", ("10.77.1.1", 2000))
        (lo,) = (index for index, device in ns.devices.items() if device.loopback)
        ctx = RuleContext(
            stack=Stack(ns, Choices()),
            hook=Hook.PREROUTING,
            frame=packet("10.77.1.1", "10.77.1.1", src_mac="", dst_mac=""),
            passage=Passage(iif=lo),
            indev=lo,
        )
        assert not differences(ctx, chains, counted(lab, before))
    finally:
        lab.router.run("nft", "flush", "ruleset")


OF_CONNECTIONS = (
    "ct protocol tcp",
    "ct protocol != tcp",
    "ct protocol { udp, tcp }",
    "ct zone 0",
    "ct zone 5",
    "ct zone != 5",
    "ct original zone 5",
    "ct reply zone 5",
    "ct reply zone 0",
    "ct state new",
    "ct mark 0",
    "ct mark != 0",
    "ct direction original",
    "ct status snat",
    "ct l3proto ipv4",
)


@pytest.mark.parametrize("setting", ["", "ct zone set 5", "notrack"])
def test_connections_and_their_zones(lab: RuleLab, ns: NetworkNamespace, setting: str) -> None:
    """Before conntrack, too: the kernel reads the zone of what it is to find (a template)."""
    before = [*OF_CONNECTIONS, setting, *OF_CONNECTIONS] if setting else OF_CONNECTIONS
    check(lab, ns, Hook.PREROUTING, OF_CONNECTIONS, PACKETS, before=before)


ROUTED = [
    packet(source, destination, protocol=protocol)
    for net, far, source_net, far_net in (
        ("10.77.1.2", "10.77.2.2", "10.77.21.9", "10.77.20.9"),
        ("fd77:1::2", "fd77:2::2", "fd77:21::9", "fd77:20::9"),
    )
    for source in (net, source_net)
    for destination in (far, far_net)
    for protocol in (Protocol.TCP, Protocol.UDP)
]


def test_what_fits_the_route(lab: RuleLab, ns: NetworkNamespace) -> None:
    sizes = (1460, 1440, 1360, 1340, 1260, 1240)
    rules = [*(f"rt mtu {size}" for size in sizes), "rt mtu > 1300", "rt mtu < 1360"]
    check(lab, ns, Hook.FORWARD, rules, ROUTED)


FRAGMENTS = [
    *PACKETS,
    *(
        packet("fd77:1::2", "fd77:2::2", fragment_offset=offset, more_fragments=more, length=200)
        for offset, more in ((0, True), (80, True), (80, False))
    ),
    *(
        packet(fragment_offset=offset, more_fragments=more, length=200)
        for offset, more in ((0, True), (80, True), (80, False))
    ),
]


@pytest.mark.parametrize("table", ["ip6", "inet"])
def test_fragments(lab: RuleLab, ns: NetworkNamespace, table: str) -> None:
    rules = ("exthdr frag exists", "exthdr frag missing")
    packets = [one for one in FRAGMENTS if table == "inet" or one.family == 6]
    check(lab, ns, Hook.PREROUTING, rules, packets, table=table)


QUOTAS = (
    "quota 99 bytes",
    "quota 100 bytes",
    "quota 101 bytes",
    "quota 250 bytes",
    "quota over 99 bytes",
    "quota over 100 bytes",
    "quota over 101 bytes",
    "quota over 250 bytes",
    "quota 1 kbytes",
    "quota 1 mbytes used 1000 kbytes",
    "quota over 1 mbytes used 1000 kbytes",
    "quota 2 kbytes used 1948 bytes",
    "quota over 2 kbytes used 1948 bytes",
)


def test_quotas(lab: RuleLab, ns: NetworkNamespace) -> None:
    """Packets of 100 bytes: what the former ones used is in the listing."""
    check(lab, ns, Hook.PREROUTING, QUOTAS, [packet(sport=port) for port in range(4)])

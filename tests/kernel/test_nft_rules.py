"""Random native rules against the kernel: which of them a real packet matches, and how nft prints them."""

import json
import time
from collections.abc import Iterator
from ipaddress import ip_address
from random import Random

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
from kubectl_skoop.netstack.netfilter.nft.rule import NftRule
from kubectl_skoop.netstack.netfilter.nft.ruleset import NftChain, parse_ruleset
from kubectl_skoop.netstack.netfilter.nft.statement.match import Undecidable
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Progress
from kubectl_skoop.netstack.netfilter.types import Hook, RuleContext
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.testing.netns import SETTLE, LabError, entered
from kubectl_skoop.testing.rule_lab import FAR_NET, NET, ROUTER_MAC, RuleLab, rule_lab
from tests.kernel.volume import VOLUME

pytestmark = pytest.mark.kernel

RULES, PACKETS = 100, 25 * VOLUME
PORTS = (1, 22, 53, 80, 443, 8080, 30000, 65535)
TCP_FLAGS = ("fin", "syn", "rst", "psh", "ack", "urg")


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    with rule_lab() as made:
        yield made


@pytest.fixture(scope="module")
def ns(lab: RuleLab) -> NetworkNamespace:
    """As the agent collects it."""
    dump = collect_node("router", lab.router.path, {})
    return decode_namespace(dump.namespaces[0], dump.node, Place("node", dump.node))


def host(random: Random, net: dict[int, str], family: int) -> str:
    return f"{net[family]}{'.' if family == 4 else ':'}{random.randint(2, 6)}"


def negation(random: Random) -> str:
    return random.choice(("", "", "!= "))


def several(random: Random, values: list[str]) -> str:
    return "{ " + ", ".join(sorted(set(values))) + " }"


def address(random: Random, family: int) -> str:
    side = random.choice(("saddr", "daddr"))
    net = NET if side == "saddr" else FAR_NET
    hosts = sorted({host(random, net, family) for _ in range(3)})
    prefix = f"{net[family]}{'.0/30' if family == 4 else ':/126'}"
    value = random.choice((hosts[0], prefix, f"{hosts[0]}-{net[family]}{'.9' if family == 4 else ':9'}"))
    if random.random() < 0.3:
        value = several(random, hosts)
    return f"{'ip' if family == 4 else 'ip6'} {side} {negation(random)}{value}"


def ports(random: Random) -> str:
    low, high = sorted(random.sample(PORTS, 2))
    value = random.choice((f"{low}", f"{low}-{high}", several(random, [str(low), str(high)])))
    field = f"{random.choice(('tcp', 'udp', 'th', 'sctp'))} {random.choice(('sport', 'dport'))}"
    if random.random() < 0.2:
        return f"{field} {random.choice(('<', '>', '<=', '>='))} {low}"
    return f"{field} {negation(random)}{value}"


def flags(random: Random) -> str:
    mask = random.sample(TCP_FLAGS, random.randint(1, 4))
    wanted = random.sample(mask, random.randint(1, len(mask)))
    return random.choice(
        (
            f"tcp flags {','.join(wanted)}",
            f"tcp flags & ({'|'.join(mask)}) == {'|'.join(wanted)}",
            f"tcp flags & ({'|'.join(mask)}) != {'|'.join(wanted)}",
            f"tcp flags == {'|'.join(wanted)}",
        )
    )


def concatenation(random: Random, family: int) -> str:
    key = "ip" if family == 4 else "ip6"
    return random.choice(
        (
            f"meta l4proto . th dport {negation(random)}{{ tcp . 443, udp . 53, tcp . 1-100 }}",
            f"{key} saddr . tcp dport {{ {host(random, NET, family)} . {random.choice(PORTS)} }}",
            f"{key} daddr . meta l4proto {{ {host(random, FAR_NET, family)} . udp,"
            f" {host(random, FAR_NET, family)} . tcp }}",
        )
    )


def of_connection(random: Random) -> str:
    states = random.sample(("new", "established", "related", "invalid", "untracked"), random.randint(1, 2))
    return random.choice(
        (
            f"ct state {','.join(states)}",
            f"ct state != {states[0]}",
            f"ct state {{ {', '.join(states)} }}",
            f"ct mark {negation(random)}0x1",
            f"ct status {random.choice(('snat', 'dnat', 'confirmed', 'seen-reply'))}",
            "ct direction original",
            f"meta l4proto tcp ct original proto-dst {random.choice(PORTS)}",
        )
    )


def any_match(random: Random, family: int, tracked: bool) -> str:
    header = ("ip ttl", "ip length") if family == 4 else ("ip6 hoplimit", "ip6 length")
    icmp = "icmp" if family == 4 else "icmpv6"
    choices = [
        address(random, family),
        address(random, family),
        ports(random),
        ports(random),
        ports(random),
        flags(random),
        concatenation(random, family),
        f"meta mark {negation(random)}{random.choice(('0x1', '0x4000', '0x0-0xff'))}",
        f"meta mark & 0x4000 {random.choice(('==', '!='))} 0x4000",
        f"meta length {random.choice(('<', '>', '!='))} {random.choice((40, 100, 200))}",
        f"{header[0]} {random.choice(('', '< ', '!= '))}{random.choice((2, 62, 63, 64, 255))}",
        f"{header[1]} {random.choice(('', '> ', '!= '))}{random.choice((60, 100, 160, 200))}",
        f"{header[0][:3].strip()} dscp {negation(random)}{random.choice(('cs0', 'cs1', 'ef', '0x04'))}",
        f"iifname {negation(random)}{random.choice(('in0', 'in*', 'out0', 'lo'))}",
        f"oifname {negation(random)}{random.choice(('in0', 'lo'))}",
        f"iif {negation(random)}{random.choice(('in0', 'lo'))}",
        "iifname { in0, lo }",
        f"meta l4proto {negation(random)}{random.choice(('tcp', 'udp', '{ tcp, udp }', icmp, '99'))}",
        f"meta protocol {random.choice(('ip', 'ip6'))}",
        f"meta pkttype {random.choice(('host', 'broadcast'))}",
        f"ether saddr {negation(random)}02:00:00:00:0a:0{random.randint(1, 2)}",
        f"{icmp} type {random.choice(('echo-request', 'echo-reply', 'destination-unreachable'))}",
        f"fib daddr type {random.choice(('unicast', 'local'))}",
        "meta skuid != 1",
        "tcp option maxseg size > 1000",
        "limit rate 10000/second burst 1000 packets",
    ]
    if tracked:
        choices += [of_connection(random) for _ in range(4)]
    return random.choice(choices)


def any_change(random: Random, family: int, tracked: bool) -> str:
    header = "ip ttl" if family == 4 else "ip6 hoplimit"
    choices = [
        f"meta mark set {random.choice(('0x1', '0x4000', '0xff'))}",
        f"meta mark set meta mark {random.choice(('|', '&', '^'))} {random.choice(('0x1', '0x4000'))}",
        f"{header} set {random.choice((20, 40, 60))}",
        f"{header[:3].strip()} dscp set {random.choice(('cs0', 'cs1', 'ef'))}",
        "tcp option maxseg size set 1200",
        "meta mark set meta l4proto map { tcp : 0x1, udp : 0x2 }",
    ]
    if tracked:
        choices += ["ct mark set 0x1", "ct mark set meta mark", "meta mark set ct mark"]
    return random.choice(choices)


def rule(random: Random, family: int, tracked: bool) -> str:
    parts = [any_match(random, family, tracked) for _ in range(random.randint(0, 2))]
    if (
        sum(any(word in part for word in ("tcp", "udp", "th ", "sctp", "icmp", "l4proto")) for part in parts)
        > 1
    ):
        parts.pop()
    if random.random() < 0.2:
        parts.append(any_change(random, family, tracked))
    return " ".join([*parts, "counter"])


def packet(random: Random, family: int, tracked: bool) -> Packet:
    """Fragments, and SCTP without a chunk, have no place where conntrack looks at them."""
    icmp = Protocol.ICMP if family == 4 else Protocol.ICMPV6
    protocol = random.choice(
        (Protocol.TCP, Protocol.TCP, Protocol.UDP, icmp, 99 if tracked else Protocol.SCTP, 99)
    )
    bits = TcpFlags(0)
    for name in random.choice(
        (("SYN",), ("ACK",), ("SYN", "ACK"), ("FIN", "ACK"), random.sample(TCP_FLAGS, 3))
    ):
        bits |= TcpFlags[name.upper()]
    fragment = not tracked and random.random() < 0.2
    has_ports = protocol in {Protocol.TCP, Protocol.UDP, Protocol.SCTP}
    return Packet(
        src=ip_address(host(random, NET, family)),
        dst=ip_address(host(random, FAR_NET, family)),
        protocol=protocol,
        sport=random.choice(PORTS) if has_ports else 0,
        dport=random.choice(PORTS) if has_ports else 0,
        flags=bits if protocol == Protocol.TCP else TcpFlags(0),
        mss=random.choice((0, 900, 1460)) if protocol == Protocol.TCP and bits & TcpFlags.SYN else 0,
        icmp_type=(8 if family == 4 else 128) if protocol == icmp else 0,
        length=random.choice((100, 200, 640)),
        fragment_offset=1200 if fragment else 0,
        more_fragments=fragment,
        ttl=random.choice((2, 62, 63, 64, 255)),
        tos=random.choice((0, 0x10, 0x11, 0xB8)),
        src_mac=f"02:00:00:00:0a:0{random.randint(1, 3)}",
        dst_mac=ROUTER_MAC,
    )


def listing(lab: RuleLab) -> list[dict[str, object]]:
    objects = json.loads(lab.router.run("nft", "-j", "list", "ruleset"))["nftables"]
    return [each["rule"] for each in objects if "rule" in each]


def loaded(lab: RuleLab) -> NftChain:
    """The one chain there is, as listed, with what the listing leaves out (K-25)."""
    with entered(lab.router.path), NetlinkSocket(NETLINK_NETFILTER) as socket:
        checks = read_checks({"checks": read_rules(socket, ()).checks})
    document = json.loads(lab.router.run("nft", "-j", "list", "ruleset"))
    ((chain,),) = [list(each.chains.values()) for each in parse_ruleset(document, checks)]
    return chain


def counters(rules: list[dict[str, object]]) -> list[int]:
    found = []
    for each in rules:
        assert isinstance(each["expr"], list)
        found += [part["counter"]["packets"] for part in each["expr"] if "counter" in part]
    return found


def counted(lab: RuleLab, before: list[int]) -> list[bool]:
    """Once the last rule, which matches everything, has counted one packet more."""
    deadline = time.monotonic() + SETTLE
    while time.monotonic() < deadline:
        after = counters(listing(lab))
        if after[-1] > before[-1]:
            return [new > old for new, old in zip(after, before, strict=True)]
    raise LabError("the packet did not reach the last rule")


def predicted(
    stack: Stack, device: int, rules: list[NftRule], sent: Packet, answers: list[bool], tracked: bool
) -> list[bool]:
    """The kernel's answer is taken where it is unknown what stands in the place of a port, or what nft listed
    as a range."""
    passage = Passage(iif=device)
    if tracked:
        conntrack.track(stack, sent, passage)
    ctx = RuleContext(stack=stack, hook=Hook.PREROUTING, frame=sent, passage=passage, indev=device)
    result = []
    for one, answer in zip(rules, answers, strict=True):
        stack.choices = Choices(script=(0 if answer else 1,))
        result.append(all(each.execute(ctx) is Progress.NEXT for each in one.statements))
        folded = any(isinstance(each, Undecidable) for each in one.statements)
        assert not stack.choices.made or folded or sent.fragment_offset or not sent.dport, stack.choices.made
    conntrack.confirm(stack, passage)
    return result


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("table", "family"), [("ip", 4), ("ip6", 6), ("inet", 4), ("inet", 6)])
def test_the_rules_that_count_a_packet_are_those_predicted(
    lab: RuleLab, ns: NetworkNamespace, table: str, family: int, seed: int
) -> None:
    random, tracked = Random(f"{table}-{family}-{seed}"), seed % 2 == 1
    lines = [rule(random, family, tracked) for _ in range(RULES)]
    text = "\n".join([*lines, 'iifname "in0" counter'])
    chain = f"chain pre {{ type filter hook prerouting priority -150; policy accept;\n{text}\n}}"
    lab.router.run("nft", "-f", "-", text=f"flush ruleset\ntable {table} t {{\n{chain}\n}}\n")
    lab.router.run("conntrack", "-F")
    rules = [one for _, one in loaded(lab).all_rules]
    printed = lab.router.run("nft", "-s", "list", "chain", table, "t", "pre").splitlines()
    assert [one.text for one in rules] == [line.strip() for line in printed[3:-2]]
    stack = Stack(ns, Choices())
    before = counters(listing(lab))
    for _ in range(PACKETS):
        sent = packet(random, family, tracked)
        lab.send(sent)
        answer = counted(lab, before)
        before = counters(listing(lab))
        guess = predicted(stack, lab.in_device, rules, sent, answer, tracked)
        wrong = [
            f"kernel {kernel}, predicted {ours}: {one.text}"
            for one, kernel, ours in zip(rules, answer, guess, strict=True)
            if kernel != ours
        ]
        assert not wrong, sent
    lab.router.run("nft", "flush", "ruleset")

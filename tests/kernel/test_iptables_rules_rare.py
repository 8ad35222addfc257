"""Matches that few rule sets have, each against the kernel's counters."""

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from random import Random

import pytest

from kubectl_skoop.collect.features import Kernel
from kubectl_skoop.collect.namespace import read_namespace
from kubectl_skoop.model.packet import Packet, Passage, Protocol, TcpFlags
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices, Unknown
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.conntrack import track
from kubectl_skoop.netstack.netfilter.iptables.save import SavedChain, parse_save
from kubectl_skoop.netstack.netfilter.types import Hook, RuleContext
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.snapshot.dump import NamespaceDump
from kubectl_skoop.testing.netns import entered
from kubectl_skoop.testing.rule_lab import DATAGRAM, SENTINEL, RuleLab, rule_lab

pytestmark = pytest.mark.kernel

BOUND, WILDCARD, TRANSPARENT, FREE = 4001, 4002, 4003, 4009
SYN, ACK, RST = TcpFlags.SYN, TcpFlags.ACK, TcpFlags.RST
U32_RULES, U32_PACKETS = 150, 12


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    groups = "link set in0 group 5\nlink set out0 group 0x12\n"
    counting = {"net.netfilter.nf_conntrack_acct": 1}
    with rule_lab(counting, router_commands=groups) as made, ExitStack() as sockets:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            for address, port in (("10.77.1.1", BOUND), ("", WILDCARD), ("10.77.1.1", TRANSPARENT)):
                with entered(made.router.path):
                    one = sockets.enter_context(socket.socket(socket.AF_INET, kind))
                if port == TRANSPARENT:
                    one.setsockopt(socket.IPPROTO_IP, 19, 1)  # IP_TRANSPARENT
                one.bind((address, port))
                if kind == socket.SOCK_STREAM:
                    one.listen()
        yield made


@pytest.fixture(scope="module")
def state(lab: RuleLab) -> NetworkNamespace:
    """As the agent reads it."""
    dump = NamespaceDump(id="0:0", kind="host", tables=read_namespace(lab.router.path, Kernel(), {}))
    return replace(decode_namespace(dump, "router", Place("node", "router")), collected=time.time())


def load(lab: RuleLab, family: int, chain: str, matches: Sequence[str]) -> SavedChain:
    rules = [f"-A {chain} -i in0 {match}" for match in matches]
    sentinel = f"-A {chain} -i in0 -m comment --comment {SENTINEL}"
    lab.load("legacy", family, "\n".join(["*mangle", *rules, sentinel, "COMMIT", ""]))
    for base in parse_save(lab.save("legacy", family), family, "iptables-legacy"):
        if base.chain == chain and base.table.name == "mangle":
            found = base.table.chain(chain)
            assert isinstance(found, SavedChain)
            return found
    raise AssertionError(chain)


def packet(source: str = "10.77.1.2", destination: str = "10.77.1.1", **fields: object) -> Packet:
    made = replace(DATAGRAM, src=ip_address(source), dst=ip_address(destination), dport=0)
    return replace(made, **fields)  # type: ignore[arg-type]


def check(
    lab: RuleLab, state: NetworkNamespace, hook: Hook, matches: Sequence[str], packets: Sequence[Packet]
) -> tuple[int, int]:
    """How many answers were known and unknown; each known one is the kernel's."""
    family = packets[0].family
    chain = load(lab, family, hook.upper(), matches)
    known = unknown = 0
    try:
        for sent in packets:
            before = lab.counts("legacy", family)
            lab.send(sent)
            after = lab.matched("legacy", family, before, len(before) - 1)
            seen = replace(sent, ttl=sent.ttl - 1) if hook is Hook.FORWARD else sent
            ctx = RuleContext(
                stack=Stack(state, Choices()),
                hook=hook,
                frame=seen,
                passage=Passage(iif=lab.in_device),
                indev=lab.in_device,
                outdev=lab.out_device if hook is Hook.FORWARD else 0,
            )
            track(ctx.stack, ctx.packet, ctx.passage)
            for (_, rule), new, old in zip(chain.all_rules, after, before, strict=True):
                answer = rule.asks_for(ctx)
                if isinstance(answer, Unknown):
                    unknown += 1
                else:
                    known += 1
                    assert answer == (new > old), f"kernel {new > old}: {rule.text}: {sent}"
    finally:
        lab.load("legacy", family, "*mangle\nCOMMIT\n")
    return known, unknown


def test_sockets(lab: RuleLab, state: NetworkNamespace) -> None:
    options = ("", " --transparent", " --nowildcard", " --transparent --nowildcard")
    matches = [f"-m socket{option}" for option in options]
    packets = [
        packet(dport=port, protocol=protocol, flags=SYN if protocol == Protocol.TCP else TcpFlags(0))
        for port in (BOUND, WILDCARD, TRANSPARENT, FREE)
        for protocol in (Protocol.TCP, Protocol.UDP)
    ]
    packets += [replace(one, dst=ip_address("10.77.1.9")) for one in packets]
    packets += [packet(protocol=Protocol.ICMP, icmp_type=8)]
    known, unknown = check(lab, state, Hook.PREROUTING, matches, packets)
    assert known
    assert not unknown


def test_a_socket_gives_the_packet_its_mark(lab: RuleLab, state: NetworkNamespace) -> None:
    """The lab's sockets have the mark 0: it is taken away."""
    marked = ("-j MARK --set-mark 7", "-m socket --nowildcard --restore-skmark", "-m mark --mark 0")
    chain = load(lab, 4, "PREROUTING", marked)
    try:
        for port in (BOUND, FREE):
            sent = packet(dport=port)
            before = lab.counts("legacy", 4)
            lab.send(sent)
            after = lab.matched("legacy", 4, before, len(before) - 1)
            ctx = RuleContext(
                stack=Stack(state, Choices()),
                hook=Hook.PREROUTING,
                frame=sent,
                passage=Passage(iif=lab.in_device),
                indev=lab.in_device,
            )
            for (_, rule), new, old in zip(chain.all_rules, after, before, strict=True):
                assert rule.asks_for(ctx) == (new > old), rule.text
                rule.evaluate(ctx)
    finally:
        lab.load("legacy", 4, "*mangle\nCOMMIT\n")


@pytest.mark.parametrize(("port", "passes"), [(TRANSPARENT, True), (BOUND, False), (FREE, False)])
@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.UDP])
def test_a_transparent_proxy_takes_the_packet_or_it_is_dropped(
    lab: RuleLab, state: NetworkNamespace, protocol: Protocol, port: int, passes: bool
) -> None:
    """K-23: INPUT counts what got past. A source port of its own: a half-open connection would be found."""
    name = "tcp" if protocol == Protocol.TCP else "udp"
    target = f"-p {name} -j TPROXY --on-port {port} --on-ip 10.77.1.1 --tproxy-mark 0x1/0x1"
    others = "-A PREROUTING -i in0\n-A INPUT -i in0 -m mark --mark 1\n"
    rules = f"*mangle\n-A PREROUTING -i in0 {target}\n{others}COMMIT\n"
    lab.load("legacy", 4, rules)
    try:
        before = lab.counts("legacy", 4)
        flags = SYN if protocol == Protocol.TCP else TcpFlags(0)
        sent = packet(sport=port + 1000, dport=80, protocol=protocol, flags=flags)
        lab.send(sent)
        lab.matched("legacy", 4, before, 0)
        after = lab.counts("legacy", 4)
        chain = next(
            base.table.chain("PREROUTING")
            for base in parse_save(lab.save("legacy", 4), 4, "iptables-legacy")
            if base.chain == "PREROUTING" and base.table.name == "mangle"
        )
        assert isinstance(chain, SavedChain)
        (_, rule), *_ = chain.all_rules
        ctx = RuleContext(
            stack=Stack(state, Choices()),
            hook=Hook.PREROUTING,
            frame=sent,
            passage=Passage(iif=lab.in_device),
            indev=lab.in_device,
        )
        verdict = type(rule.evaluate(ctx)).__name__
        got_past = [new - old for new, old in zip(after, before, strict=True)]
        assert got_past == [1, 0, int(passes)]
        assert verdict == ("Stolen" if passes else "Drop")
        assert ctx.passage.mark == int(passes)
    finally:
        lab.load("legacy", 4, "*mangle\nCOMMIT\n")


SHORTLY = timedelta(minutes=2)


def test_the_time_of_day(lab: RuleLab, state: NetworkNamespace) -> None:
    now = datetime.now(UTC)
    left = timedelta(days=1) - timedelta(hours=now.hour, minutes=now.minute, seconds=now.second)
    if left < SHORTLY:
        # Kernel and model shall be asked on one day.
        time.sleep(left.total_seconds())
        now = datetime.now(UTC)
    state = replace(state, collected=now.timestamp())
    hours = [(now + timedelta(hours=offset)).strftime("%H:%M:%S") for offset in (-5, -3, 3, 5)]
    dates = [(now + timedelta(days=offset)).strftime("%Y-%m-%dT%H:%M:%S") for offset in (-2, 2)]
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    pairs = [(start, stop) for start in hours for stop in hours if start != stop]
    matches = [f"-m time --timestart {start} --timestop {stop}" for start, stop in pairs]
    matches += [
        f"-m time --timestart {start} --timestop {stop} --contiguous --weekdays {day}"
        for start, stop in pairs
        for day in days
        if start > stop
    ]
    matches += [f"-m time {invert}--weekdays {day}" for invert in ("", "! ") for day in days]
    matches += [f"-m time {invert}--monthdays {day}" for invert in ("", "! ") for day in range(1, 32, 3)]
    matches += [f"-m time --{edge} {date}" for edge in ("datestart", "datestop") for date in dates]
    known, unknown = check(lab, state, Hook.PREROUTING, matches, [packet()])
    assert known > 60
    assert not unknown


MATCHES = (
    "-m policy --dir in --pol none",
    "-m policy --dir in --pol ipsec",
    "-m policy --dir in --pol ipsec --strict --proto esp",
    "-m helper --helper ftp",
    "-m helper ! --helper ftp",
    "-m devgroup --src-group 5",
    "-m devgroup ! --src-group 5",
    "-m devgroup --src-group 0x1/0x1",
    "-m devgroup --src-group 0x2/0x2",
    "-m connlabel --label 3",
    "-m connlabel ! --label 3",
    "-m connlabel --label 3 --set",
    "-m connlabel --label 3",
    "-m connlabel ! --label 3",
    "-m connbytes --connbytes 1 --connbytes-mode packets --connbytes-dir original",
    "-m connbytes --connbytes 2 --connbytes-mode packets --connbytes-dir original",
    "-p esp -m esp --espspi 1:100",
    "-p ah -m ah --ahspi 1",
    "-p dccp -m dccp --dccp-types REQUEST",
    "-p dccp -m dccp --dport 80",
    "-m cpu --cpu 0",
)


def test_matches_that_ask_what_a_new_flow_lacks(lab: RuleLab, state: NetworkNamespace) -> None:
    """The first packet of a flow: each packet has a source port of its own, as labels stay."""
    packets = [
        packet(sport=2001, dport=FREE),
        packet(sport=2002, dport=FREE, protocol=Protocol.TCP, flags=SYN),
        packet(sport=2003, dport=FREE, protocol=Protocol.TCP, flags=RST),
        packet(protocol=Protocol.ICMP, icmp_type=8, icmp_id=2004),
    ]
    known, unknown = check(lab, state, Hook.PREROUTING, MATCHES, packets)
    assert known > unknown == len(packets)


def test_groups_of_both_devices(lab: RuleLab, state: NetworkNamespace) -> None:
    matches = (
        "-m devgroup --dst-group 0x12",
        "-m devgroup ! --dst-group 0x12",
        "-m devgroup --src-group 5 --dst-group 0x2/0xf",
        "-m devgroup --src-group 5 ! --dst-group 0x2/0xf",
        "-m policy --dir out --pol none",
        "-m policy --dir out --pol ipsec",
    )
    known, unknown = check(lab, state, Hook.FORWARD, matches, [packet(destination="10.77.2.2", dport=80)])
    assert known
    assert not unknown


def test_extension_headers_are_absent(lab: RuleLab, state: NetworkNamespace) -> None:
    matches = (
        "-m frag --fragid 1",
        "-m frag ! --fragid 1",
        "-m hbh --hbh-len 1",
        "-m dst ! --dst-len 1",
        "-m rt --rt-type 0",
        "-m rt ! --rt-type 0",
        "-m ah ! --ahspi 1",
        "-m ipv6header --header frag --soft",
        "-m ipv6header ! --header frag --soft",
        "-m ipv6header --header frag",
        "-m ipv6header ! --header frag,route",
        "-m ipv6header --header prot",
        "-m ipv6header ! --header prot",
        "-m ipv6header --header prot --soft",
        "-m ipv6header --header prot,frag --soft",
    )
    sent = packet("fd77:1::2", "fd77:1::1", dport=80)
    known, unknown = check(lab, state, Hook.PREROUTING, matches, [sent])
    assert known
    assert not unknown


def test_text_is_not_in_a_packet_without_data(lab: RuleLab, state: NetworkNamespace) -> None:
    """With data the answer is unknown."""
    matches = (
        '-m string --string "GET /" --algo bm',
        '-m string ! --string "GET /" --algo kmp',
        '-m string --hex-string "|0d0a0d0a|" --algo bm --from 40',
        '-m string ! --string "GET /" --algo bm --from 1000',
    )
    bare = [
        packet(protocol=Protocol.TCP, dport=80, flags=SYN, length=60),
        packet(protocol=Protocol.TCP, dport=80, flags=RST, length=40),
        packet(protocol=Protocol.TCP, dport=80, flags=ACK, length=52),
    ]
    known, unknown = check(lab, state, Hook.PREROUTING, matches, bare)
    assert known
    assert not unknown
    _, unknown = check(lab, state, Hook.PREROUTING, matches[:2], [packet(dport=80)])
    assert unknown == 2


def u32_test(random: Random) -> str:
    """Around the fields of an IPv4 and a transport header."""
    location = str(random.randrange(0, 40))
    if random.random() < 0.4:
        location = f"0>>22&0x3C@{random.randrange(0, 20)}"
    for _ in range(random.randrange(3)):
        operator = random.choice(("&", ">>", "<<"))
        operand = hex(random.getrandbits(32)) if operator == "&" else str(random.choice((4, 8, 16, 24, 31)))
        if operator == "&" and random.random() < 0.5:
            operand = random.choice(("0xFF", "0xFFFF", "0xFF000000", "0xFFFF0000", "0x0FF0"))
        location += f"{operator}{operand}"
    values = []
    for _ in range(random.randrange(1, 4)):
        low = random.choice((0, 6, 17, 80, 0x45, 0x4500, random.getrandbits(random.choice((4, 8, 16, 32)))))
        high = min(low + random.choice((0, 1, 300, 1 << 20, 1 << 31)), 0xFFFFFFFF)
        values.append(str(low) if low == high else f"{low}:{high}")
    return f"{location}={','.join(values)}"


@pytest.mark.parametrize("seed", range(2))
def test_numbers_in_the_packet(lab: RuleLab, state: NetworkNamespace, seed: int) -> None:
    random = Random(seed)
    matches = []
    for _ in range(U32_RULES):
        tests = "&&".join(u32_test(random) for _ in range(random.choice((1, 1, 1, 2))))
        matches.append(f'-m u32 {random.choice(("", "", "! "))}--u32 "{tests}"')
    packets = []
    for number in range(U32_PACKETS):
        protocol = random.choice((Protocol.TCP, Protocol.UDP, Protocol.ICMP))
        packets.append(
            packet(
                protocol=protocol,
                sport=random.choice((17, 80, 4096 + number)) if protocol != Protocol.ICMP else 0,
                dport=random.choice((6, 80, FREE)) if protocol != Protocol.ICMP else 0,
                flags=random.choice((SYN, RST)) if protocol == Protocol.TCP else TcpFlags(0),
                icmp_type=8 if protocol == Protocol.ICMP else 0,
                length=random.choice((40, 60, 100, 300)),
                tos=random.choice((0, 0x10)),
                ttl=random.choice((6, 64, 255)),
                df=random.random() < 0.5,
            )
        )
    known, _ = check(lab, state, Hook.PREROUTING, matches, packets)
    assert known > U32_RULES * U32_PACKETS / 3

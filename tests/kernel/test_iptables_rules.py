"""Random rules against the kernel: the counters of a real packet say which rules matched."""

from collections.abc import Iterator
from ipaddress import ip_address
from random import Random

import pytest

from kubectl_skoop.model.packet import Packet, Passage, Protocol, TcpFlags
from kubectl_skoop.model.verdict import Choices, Unknown
from kubectl_skoop.netstack.netfilter.iptables.rule import XtRule
from kubectl_skoop.netstack.netfilter.iptables.save import SavedChain, parse_save
from kubectl_skoop.netstack.netfilter.types import Continue, Engine, Hook, RuleContext
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.testing.rule_lab import FAR_NET, NET, ROUTER_MAC, SENTINEL, RuleLab, rule_lab
from tests.kernel.volume import VOLUME

pytestmark = pytest.mark.kernel

RULES, PACKETS = 120, 40 * VOLUME
PORTS = (0, 1, 22, 53, 80, 443, 8080, 30000, 65535)
TCP_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    with rule_lab() as made:
        yield made


def host(random: Random, net: dict[int, str], family: int) -> str:
    return f"{net[family]}{'.' if family == 4 else ':'}{random.randint(2, 6)}"


def negation(random: Random) -> str:
    return "! " if random.random() < 0.3 else ""


def port_list(random: Random) -> str:
    parts = []
    for _ in range(random.randint(1, 4)):
        low, high = sorted(random.sample(PORTS, 2))
        parts.append(random.choice((str(low), f"{low}:{high}")))
    return ",".join(parts)


def port_match(random: Random) -> str:
    """Not of all ports: iptables-save leaves `! --sport 0:65535` out."""
    low, high = sorted(random.sample(PORTS[1:-1], 2))
    value = random.choice((str(low), f"{low}:{high}", f":{high}", f"{low}:"))
    return f"{negation(random)}--{random.choice(('sport', 'dport'))} {value}"


def tcp_flags(random: Random) -> str:
    mask = random.sample(TCP_FLAGS, random.randint(1, 4))
    wanted = [flag for flag in mask if random.random() < 0.5] or ["NONE"]
    return f"{negation(random)}--tcp-flags {','.join(mask)} {','.join(wanted)}"


def address_option(random: Random, family: int) -> str:
    side = random.choice("sd")
    address = host(random, NET if side == "s" else FAR_NET, family)
    masks = ("/32", "/24", "/31", "/255.0.255.254") if family == 4 else ("/128", "/64", "/127", "/ffff::fffe")
    return f"{negation(random)}-{side} {address}{random.choice(masks)}"


def address_range(random: Random, family: int) -> str:
    side = random.choice(("src", "dst"))
    net = NET if side == "src" else FAR_NET
    low, high = sorted(host(random, net, family) for _ in range(2))
    return f"-m iprange {negation(random)}--{side}-range {low}-{high}"


def with_protocol(random: Random, family: int, fragments: bool) -> str:
    """A protocol and a match that needs it; tcpmss drops packets when it takes data for a header."""
    mss = "tcp --tcp-option 2" if fragments else "tcpmss --mss 1000:1460"
    icmp, icmp_match, icmp_option = {
        4: ("icmp", "icmp", "--icmp-type"),
        6: ("ipv6-icmp", "icmp6", "--icmpv6-type"),
    }[family]
    kinds = ("8", "8/0", "3/1", "0") if family == 4 else ("128", "128/0", "1/4", "129")
    return random.choice(
        (
            f"-p tcp -m tcp {port_match(random)}",
            f"-p tcp -m tcp {tcp_flags(random)}",
            f"-p tcp -m {mss}",
            f"-p tcp -m {mss.replace(' ', ' ! ', 1)}",
            f"-p udp -m udp {port_match(random)}",
            f"-p sctp -m sctp {port_match(random)}",
            f"-p tcp -m multiport {negation(random)}--dports {port_list(random)}",
            f"-p udp -m multiport {negation(random)}--sports {port_list(random)}",
            f"-p tcp -m multiport {negation(random)}--ports {port_list(random)}",
            f"-p {icmp} -m {icmp_match} {negation(random)}{icmp_option} {random.choice(kinds)}",
            f"{negation(random)}-p {random.choice(('tcp', 'udp', icmp, 'gre', '99'))}",
        )
    )


def any_match(random: Random, family: int) -> str:
    limit = random.choice((40, 60, 100, 200))
    hop = ("ttl", "ttl-eq", "ttl-lt", "ttl-gt") if family == 4 else ("hl", "hl-eq", "hl-lt", "hl-gt")
    compare = random.choice(hop[1:])
    mark = random.choice(("0x1", "0x4000/0x4000", "0x0/0xff", "0x5/0xf"))
    invert = negation(random) if compare.endswith("-eq") else ""
    return random.choice(
        (
            f"-m mark {negation(random)}--mark {mark}",
            f"-m length {negation(random)}--length {random.choice((f'{limit}', f'{limit}:', f'0:{limit}'))}",
            f"-m {hop[0]} {invert}--{compare} {random.choice((1, 62, 63, 64, 255))}",
            f"-m tos {negation(random)}--tos {random.choice(('0x10', '0x10/0x1c', '0x00/0x03'))}",
            f"-m dscp {negation(random)}--dscp {random.choice(('0x00', '0x04', '0x2e'))}",
            f"-m ecn {negation(random)}--ecn-ip-ect {random.randint(0, 3)}",
            f"-m mac {negation(random)}--mac-source 02:00:00:00:0a:0{random.randint(1, 2)}",
            f"-m pkttype {negation(random)}--pkt-type {random.choice(('unicast', 'multicast', 'broadcast'))}",
            f"-m physdev {negation(random)}--physdev-in in0",
            f"-m physdev {negation(random)}--physdev-is-in",
            f'-m comment --comment "-j DROP \\"-m mark\\" it\'s {random.randint(0, 9)}"',
            address_range(random, family),
            "-m statistic --mode random --probability 1.0",
            "-m limit --limit 10000/sec --limit-burst 1000",
        )
    )


def any_target(random: Random, family: int) -> str:
    value = random.choice(("0x1", "0x4000", "0xff"))
    hop = ("TTL", "ttl") if family == 4 else ("HL", "hl")
    return random.choice(
        (
            f"-j MARK --set-xmark {value}/{random.choice(('0xffffffff', '0x4000', '0x0'))}",
            f"-j MARK --{random.choice(('and', 'or', 'xor'))}-mark {value}",
            f"-j TOS --set-tos {random.choice(('0x10', '0x04/0x1c'))}",
            f"-j DSCP --set-dscp {random.choice(('0x04', '0x2e'))}",
            f"-j {hop[0]} --{hop[1]}-{random.choice(('set', 'dec', 'inc'))} {random.randint(1, 3) * 20}",
            "-p tcp -j TCPMSS --set-mss 1200",
        )
    )


def rule(random: Random, family: int, fragments: bool) -> str:
    header = []
    if random.random() < 0.3:
        header.append(address_option(random, family))
    if random.random() < 0.2:
        device = random.choice(("in0", "in+", "lo", "out0"))
        header.append(f"{negation(random)}-i {device}")
    target = any_target(random, family) if random.random() < 0.15 else ""
    bound = " -p tcp" if "-p tcp" in target else ""
    if bound:
        header.append("-p tcp")
        target = target.replace("-p tcp ", "")
        if "TCPMSS" in target:
            header.append("-m tcp --tcp-flags SYN,RST SYN")
    elif family == 4 and random.random() < 0.1:
        header.append(f"{negation(random)}-f")
    elif random.random() < 0.6:
        header.append(with_protocol(random, family, fragments))
    matches = [any_match(random, family) for _ in range(random.randint(0, 2))]
    unique = {match.split()[1]: match for match in matches}
    return " ".join(["-A PREROUTING", *header, *unique.values(), target])


def packet(random: Random, family: int, fragments: bool) -> Packet:
    icmp = Protocol.ICMP if family == 4 else Protocol.ICMPV6
    protocol = random.choice((Protocol.TCP, Protocol.TCP, Protocol.UDP, icmp, Protocol.SCTP, 99))
    flags = TcpFlags(0)
    for name in random.choice((("SYN",), ("ACK",), ("SYN", "ACK"), random.sample(TCP_FLAGS, 3))):
        flags |= TcpFlags[name]
    fragment = fragments and random.random() < 0.2
    ports = protocol in {Protocol.TCP, Protocol.UDP, Protocol.SCTP}
    return Packet(
        src=ip_address(host(random, NET, family)),
        dst=ip_address(host(random, FAR_NET, family)),
        protocol=protocol,
        sport=random.choice(PORTS) if ports else 0,
        dport=random.choice(PORTS) if ports else 0,
        flags=flags if protocol == Protocol.TCP else TcpFlags(0),
        mss=random.choice((0, 900, 1460)) if protocol == Protocol.TCP and flags & TcpFlags.SYN else 0,
        icmp_type=(8 if family == 4 else 128) if protocol == icmp else 0,
        length=random.choice((100, 200, 640)),
        fragment_offset=random.choice((0, 1200)) if fragment else 0,
        more_fragments=fragment,
        ttl=random.choice((2, 62, 63, 64, 255)),
        tos=random.choice((0, 0x10, 0x11, 0xB8)),
        src_mac=f"02:00:00:00:0a:0{random.randint(1, 3)}",
        dst_mac=ROUTER_MAC,
    )


def differences(lab: RuleLab, rules: list[XtRule], sent: Packet, counted: list[bool]) -> list[str]:
    """Rules that the kernel decides otherwise. Unknown only where it reads a later fragment's data."""
    ctx = RuleContext(
        stack=Stack(lab.ns, Choices()),
        hook=Hook.PREROUTING,
        frame=sent,
        passage=Passage(iif=lab.in_device),
        indev=lab.in_device,
    )
    wrong = []
    for one, matched in zip(rules, counted, strict=True):
        answer = one.asks_for(ctx)
        fragment_data = sent.fragment_offset and isinstance(answer, Unknown) and "fragment" in answer.reason
        if answer != matched and not fragment_data:
            wrong.append(f"kernel {matched}, predicted {answer}: {one.text}")
        if matched:
            assert one.if_matched(ctx) == Continue()
    return wrong


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("engine", ["legacy", "nft"])
def test_the_rules_that_count_a_packet_are_those_predicted(
    lab: RuleLab, engine: str, family: int, seed: int
) -> None:
    random, fragments = Random(f"{family}-{seed}"), seed % 2 == 0
    lines = [rule(random, family, fragments) for _ in range(RULES)]
    sentinel = f"-A PREROUTING -i in0 -m comment --comment {SENTINEL}"
    lab.load(engine, family, "\n".join(["*mangle", *lines, sentinel, "COMMIT", ""]))
    kind: Engine = "iptables-legacy" if engine == "legacy" else "iptables-nft"
    (chain,) = [
        base.table.chain(base.chain)
        for base in parse_save(lab.save(engine, family), family, kind)
        if base.table.name == "mangle" and base.hook is Hook.PREROUTING
    ]
    assert isinstance(chain, SavedChain)
    rules = [one for _, one in chain.all_rules]
    assert len(rules) == RULES + 1
    before = lab.counts(engine, family)
    for _ in range(PACKETS):
        sent = packet(random, family, fragments)
        lab.send(sent)
        after = lab.matched(engine, family, before, RULES)
        counted = [new > old for new, old in zip(after, before, strict=True)]
        assert not differences(lab, rules, sent, counted), sent
        before = after
    lab.load(engine, family, "*mangle\nCOMMIT\n")

"""Random rules about connections against the kernel, with traffic both ways."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from random import Random

import pytest

from kubectl_skoop.model.packet import Packet, Passage, Protocol, TcpFlags
from kubectl_skoop.model.verdict import Choices, Unknown
from kubectl_skoop.netstack.netfilter.conntrack import confirm, connection_of, track
from kubectl_skoop.netstack.netfilter.iptables.rule import XtRule
from kubectl_skoop.netstack.netfilter.iptables.save import SavedChain, parse_save
from kubectl_skoop.netstack.netfilter.types import Continue, Hook, RuleContext
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.testing.rule_lab import (
    FAR_NET,
    FAR_ROUTER_MAC,
    NET,
    ROUTER_MAC,
    SENTINEL,
    RuleLab,
    rule_lab,
)
from tests.kernel.volume import VOLUME

pytestmark = pytest.mark.kernel

RULES, PACKETS = 60, 50 * VOLUME
PORTS = (53, 80, 443)
STATES = ("NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED", "SNAT", "DNAT")
STATUSES = ("NONE", "EXPECTED", "SEEN_REPLY", "CONFIRMED")
STEPS = ((Hook.PREROUTING, "raw"), (Hook.PREROUTING, "mangle"), (Hook.FORWARD, "mangle"))


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    with rule_lab({"net.netfilter.nf_conntrack_tcp_be_liberal": 1}) as made:
        yield made


def host(net: dict[int, str], family: int, number: int) -> str:
    return f"{net[family]}{'.' if family == 4 else ':'}{number}"


def negation(random: Random) -> str:
    return "! " if random.random() < 0.3 else ""


def conntrack_option(random: Random, family: int) -> str:
    side = random.choice(("orig", "repl"))
    end = random.choice(("src", "dst"))
    address = host(random.choice((NET, FAR_NET)), family, random.randint(2, 3))
    low, high = sorted(random.sample((40000, 40001, *PORTS), 2))
    mask = random.choice(("", "/24", "/31") if family == 4 else ("", "/64", "/127"))
    return random.choice(
        (
            f"{negation(random)}--ctstate {','.join(random.sample(STATES, random.randint(1, 3)))}",
            f"{negation(random)}--ctstatus {','.join(random.sample(STATUSES, random.randint(1, 2)))}",
            f"{negation(random)}--ctproto {random.choice(('6', '17', '1', '58'))}",
            f"{negation(random)}--ct{side}{end} {address}{mask}",
            f"{negation(random)}--ct{side}{end}port {random.choice((str(low), f'{low}:{high}'))}",
            f"--ctdir {random.choice(('ORIGINAL', 'REPLY'))}",
        )
    )


def rule(random: Random, family: int, chain: str) -> str:
    value = random.choice(("0x1", "0x2", "0x3/0x3", "0x0/0x1"))
    given = (conntrack_option(random, family) for _ in range(2))
    options = {option.removeprefix("! ").split()[0]: option for option in given}
    match = random.choice(
        (
            f"-m conntrack {' '.join(options.values())}",
            f"-m conntrack {conntrack_option(random, family)}",
            f"-m state {negation(random)}--state {','.join(random.sample(STATES[:5], 2))}",
            f"-m connmark {negation(random)}--mark {value}",
            f"-m mark {negation(random)}--mark {value}",
            f"-m connbytes --connbytes {random.choice(('1:1', '0:0', '0:', '0:1', '2:'))}"
            f" --connbytes-mode packets --connbytes-dir {random.choice(('original', 'reply', 'both'))}",
        )
    )
    target = random.choice(
        (
            "-j CONNMARK --save-mark",
            "-j CONNMARK --restore-mark --nfmask 0x3 --ctmask 0x1",
            f"-j CONNMARK --set-xmark {random.choice(('0x1/0xffffffff', '0x2/0x2', '0x3/0x1'))}",
            f"-j MARK --set-xmark {random.choice(('0x1/0xffffffff', '0x2/0x2'))}",
        )
    )
    return f"-A {chain} {match} {target if random.random() < 0.2 and 'connbytes' not in match else ''}"


def text(random: Random, family: int) -> str:
    chains = ("PREROUTING", "FORWARD")
    return "\n".join(
        [
            "*raw",
            "-A PREROUTING -m conntrack --ctstate INVALID",
            "-A PREROUTING -p udp -m udp --dport 443 -j CT --notrack",
            "-A PREROUTING -p udp -m udp --sport 443 -j CT --notrack",
            f"-A PREROUTING -p {'icmp' if family == 4 else 'ipv6-icmp'} -j CT --zone 4",
            "-A PREROUTING -m conntrack --ctstate NEW",
            "-A PREROUTING -m state --state INVALID",
            "COMMIT",
            "*mangle",
            *(rule(random, family, random.choice(chains)) for _ in range(RULES)),
            f"-A FORWARD -m comment --comment {SENTINEL}",
            "COMMIT",
            "",
        ]
    )


def packet(random: Random, family: int) -> tuple[Packet, bool]:
    """And whether it travels back."""
    icmp = Protocol.ICMP if family == 4 else Protocol.ICMPV6
    request, reply = (8, 0) if family == 4 else (128, 129)
    protocol = random.choice((Protocol.TCP, Protocol.UDP, Protocol.UDP, icmp))
    back = random.random() < 0.4
    near = ip_address(host(NET, family, random.randint(2, 3)))
    far = ip_address(host(FAR_NET, family, random.randint(2, 3)))
    port = random.choice((40000, 40001)), random.choice(PORTS)
    flags = TcpFlags.SYN | TcpFlags.ACK if back else random.choice((TcpFlags.SYN, TcpFlags.ACK))
    return Packet(
        src=far if back else near,
        dst=near if back else far,
        protocol=protocol,
        sport=0 if protocol == icmp else port[back],
        dport=0 if protocol == icmp else port[not back],
        flags=flags if protocol == Protocol.TCP else TcpFlags(0),
        icmp_type=0 if protocol != icmp else reply if back else request,
        icmp_id=random.choice((1, 2)) if protocol == icmp else 0,
        length=100,
        src_mac="02:00:00:00:0a:01",
        dst_mac=FAR_ROUTER_MAC if back else ROUTER_MAC,
    ), back


def differences(
    lab: RuleLab,
    stack: Stack,
    chains: dict[tuple[Hook, str], list[XtRule]],
    sent: Packet,
    counted: dict[str, bool],
) -> list[str]:
    back = sent.dst_mac == FAR_ROUTER_MAC
    indev, outdev = (lab.out_device, lab.in_device) if back else (lab.in_device, lab.out_device)
    ctx = RuleContext(stack=stack, hook=Hook.PREROUTING, frame=sent, passage=Passage(iif=indev), indev=indev)
    wrong = []
    for hook, table in STEPS:
        if hook is Hook.FORWARD:
            ctx.hook, ctx.outdev, ctx.packet = hook, outdev, replace(ctx.packet, ttl=ctx.packet.ttl - 1)
        elif table == "mangle":
            track(stack, ctx.packet, ctx.passage)
        for number, one in enumerate(chains[hook, table]):
            matched = counted[f"{table} {hook} {number}"]
            answer = one.asks_for(ctx)
            connection = connection_of(ctx.passage)
            meter = isinstance(answer, Unknown) and "connbytes" in one.text
            ambiguous = "--connbytes 0 " in one.text
            assert not meter or ambiguous or (connection and connection.confirmed)
            if answer != matched and not meter:
                wrong.append(f"kernel {matched}, predicted {answer} in {ctx.passage.ct_state}: {one.text}")
            if matched:
                assert one.if_matched(ctx) == Continue()
    confirm(stack, ctx.passage)
    return wrong


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("engine", ["legacy", "nft"])
def test_rules_about_connections_count_what_is_predicted(
    lab: RuleLab, engine: str, family: int, seed: int
) -> None:
    random = Random(f"{family}-{seed}")
    lab.router.run("conntrack", "-F")
    lab.load(engine, family, text(random, family))
    chains: dict[tuple[Hook, str], list[XtRule]] = {}
    for base in parse_save(lab.save(engine, family), family, "iptables-legacy"):
        chain = base.table.chain(base.chain)
        assert isinstance(chain, SavedChain)
        chains[base.hook, base.table.name] = [one for _, one in chain.all_rules]
    saved = lab.save(engine, family)
    order = [
        f"{table} {hook} {number}"
        for table in sorted(("raw", "mangle"), key=lambda name: saved.index(f"*{name}"))
        for hook in Hook
        for number in range(len(chains.get((hook, table), [])))
    ]
    sentinel = order.index(f"mangle forward {len(chains[Hook.FORWARD, 'mangle']) - 1}")
    stack = Stack(lab.ns, Choices())
    try:
        before = lab.counts(engine, family)
        for _ in range(PACKETS):
            sent, back = packet(random, family)
            lab.send(sent, back=back)
            after = lab.matched(engine, family, before, sentinel)
            grew = (new > old for new, old in zip(after, before, strict=True))
            counted = dict(zip(order, grew, strict=True))
            assert not differences(lab, stack, chains, sent, counted), sent
            before = after
    finally:
        lab.load(engine, family, "*raw\nCOMMIT\n*mangle\nCOMMIT\n")

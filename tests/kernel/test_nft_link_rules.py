"""Random rules of the families that see frames, against the kernel: which of them a real frame matches."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address
from random import Random
from typing import NamedTuple

import pytest

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.model.packet import Arp, Frame, Packet, PacketType, Passage, packet_type
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.nft.rule import NftRule
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Executable, Outcome, Progress
from kubectl_skoop.netstack.netfilter.types import Hook, LinkFamily, RuleContext, Stolen
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.testing.rule_lab import NET, RuleLab, rule_lab
from tests.kernel.test_nft_rules import (
    address,
    any_change,
    concatenation,
    counted,
    counters,
    flags,
    host,
    listing,
    loaded,
    negation,
    packet,
    ports,
    several,
)
from tests.kernel.volume import VOLUME

pytestmark = pytest.mark.kernel

RULES, FRAMES = 60, 25 * VOLUME
MACS = [f"02:00:00:00:0a:0{number}" for number in range(1, 4)]
BRIDGE_MAC, BROADCAST, GROUP = "02:00:00:00:00:aa", "ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01"
VLANS = (1, 5, 100)
BRIDGED = f"""link add br0 address {BRIDGE_MAC} type bridge mcast_snooping 0
link set in0 master br0
link set out0 master br0
link set br0 up
"""


class Spot(NamedTuple):
    """Where a chain is registered."""

    family: LinkFamily | None
    table: str
    hook: Hook
    declared: str
    sentinel: str
    """A match of the frames that are sent, and of no others."""


PLACES = (
    Spot("bridge", "bridge", Hook.PREROUTING, "prerouting", 'iifname "in0"'),
    Spot("bridge", "bridge", Hook.FORWARD, "forward", 'iifname "in0"'),
    Spot("netdev", "netdev", Hook.INGRESS, 'ingress device "in0"', 'iifname "in0"'),
    Spot("netdev", "netdev", Hook.EGRESS, 'egress device "out0"', 'oifname "out0"'),
    Spot(None, "inet", Hook.INGRESS, 'ingress device "in0"', 'iifname "in0"'),
    Spot("arp", "arp", Hook.INPUT, "input", 'iifname "br0"'),
)


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    with rule_lab(router_commands=BRIDGED) as made:
        yield made


@pytest.fixture(scope="module")
def ns(lab: RuleLab) -> NetworkNamespace:
    """As the agent collects it."""
    dump = collect_node("router", lab.router.path, {})
    return decode_namespace(dump.namespaces[0], dump.node, Place("node", dump.node))


def of_link(random: Random, place: Spot) -> str:
    choices = [
        f"ether saddr {negation(random)}{random.choice(MACS)}",
        f"ether daddr {negation(random)}{random.choice((*MACS, BRIDGE_MAC, BROADCAST))}",
        f"ether saddr {several(random, random.sample(MACS, 2))}",
        "ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00",
        f"meta protocol {negation(random)}{random.choice(('ip', 'ip6', 'arp'))}",
        f"meta pkttype {negation(random)}{random.choice(('host', 'broadcast', 'multicast', 'other'))}",
        f"iifname {negation(random)}{random.choice(('in0', 'in*', 'out0', 'br0'))}",
        f"oifname {negation(random)}{random.choice(('in0', 'out0'))}",
        f"meta mark {negation(random)}{random.choice(('0x1', '0x4000', '0x0-0xff'))}",
    ]
    if place.family in ("bridge", "netdev"):
        choices += [
            f"vlan id {negation(random)}{random.choice(VLANS)}",
            f"vlan id {several(random, [str(vlan) for vlan in VLANS[:2]])}",
            f"vlan type {random.choice(('ip', 'arp'))}",
            f"ether type {random.choice(('vlan', 'arp', 'ip6', 'ip'))}",
            f"ether saddr . ether daddr {{ {random.choice(MACS)} . {random.choice(MACS)} }}",
            f"ether saddr . vlan id {{ {random.choice(MACS)} . {random.choice(VLANS)} }}",
        ]
    return random.choice(choices)


def of_arp(random: Random) -> str:
    return random.choice(
        (
            f"arp operation {negation(random)}{random.choice(('request', 'reply'))}",
            f"arp saddr ip {negation(random)}{host(random, NET, 4)}",
            f"arp daddr ip {negation(random)}{NET[4]}.0/30",
            f"arp saddr ip {several(random, [host(random, NET, 4) for _ in range(2)])}",
            f"arp saddr ether {negation(random)}{random.choice(MACS)}",
            f"arp daddr ether {negation(random)}{random.choice((*MACS, '00:00:00:00:00:00'))}",
            f"arp htype {random.choice((1, 6))}",
            f"arp plen {random.choice(('4', '!= 4'))}",
        )
    )


def of_ip(random: Random, place: Spot) -> str:
    family = random.choice((4, 6))
    return random.choice(
        (
            address(random, family),
            ports(random),
            ports(random),
            flags(random),
            concatenation(random, family),
            f"meta l4proto {negation(random)}{random.choice(('tcp', 'udp', '{ tcp, udp }', '99'))}",
            f"ip ttl {random.choice(('', '< ', '!= '))}{random.choice((2, 62, 64))}",
            f"ip6 hoplimit {random.choice(('', '!= '))}{random.choice((2, 63))}",
            f"ip dscp {negation(random)}{random.choice(('cs1', 'ef'))}",
            "icmp type echo-request",
            "tcp option maxseg size > 1000",
            *(["meta nfproto ipv4"] if place.table == "inet" else []),
        )
    )


def any_rule(random: Random, place: Spot) -> str:
    """One match of each layer at most: nft drops those that contradict each other."""
    parts = []
    if random.random() < 0.7:
        parts.append(of_link(random, place))
    asks_protocol = any(word in "".join(parts) for word in ("type", "protocol", "vlan"))
    if not asks_protocol and random.random() < 0.7:
        with_ip = place.family != "arp"
        with_arp = place.family is not None and (place.family == "arp" or random.random() < 0.3)
        parts.append(of_arp(random) if with_arp else of_ip(random, place) if with_ip else "")
    if random.random() < 0.2:
        parts.append(change(random, place, of_ip=not parts))
    return " ".join([*filter(None, parts), "counter"])


def change(random: Random, place: Spot, *, of_ip: bool) -> str:
    marks = [f"meta mark set {random.choice(('0x1', '0x4000', '0xff'))}"]
    if place.family == "arp":
        return random.choice([*marks, f"arp saddr ether set {random.choice(MACS)}"])
    if place.hook is Hook.EGRESS or place.table == "inet":
        return marks[0]
    return random.choice(
        [
            *marks,
            f"ether saddr set {random.choice(MACS)}",
            f"ether daddr set {random.choice(MACS)}",
            *([] if place.hook is Hook.FORWARD else [f"meta pkttype set {random.choice(('host', 'other'))}"]),
            *([any_change(random, 4, tracked=False)] if of_ip else []),
        ]
    )


def any_frame(random: Random, place: Spot) -> Frame:
    """To an unknown MAC a bridge floods; ARP that the router is to see is for it."""
    source = random.choice(MACS)
    target = random.choice((*MACS, BROADCAST, GROUP, *([] if place.hook is Hook.FORWARD else [BRIDGE_MAC])))
    if place.hook in (Hook.FORWARD, Hook.EGRESS):
        target = random.choice(("02:00:00:00:0b:01", BROADCAST, GROUP))
    vlan = random.choice((None, None, *VLANS)) if place.family in ("bridge", "netdev") else None
    if place.family == "arp" or (place.family is not None and random.random() < 0.25):
        request = random.random() < 0.7
        return Arp(
            request=request,
            sender_mac=random.choice((source, source, MACS[0])),
            sender=IPv4Address(host(random, NET, 4)),
            target_mac="" if request else BRIDGE_MAC,
            target=IPv4Address(host(random, NET, 4)),
            src_mac=source,
            dst_mac=random.choice((BRIDGE_MAC, BROADCAST)) if place.family == "arp" else target,
            vlan=vlan,
        )
    made = packet(random, random.choice((4, 6)), tracked=True)
    return replace(made, src_mac=source, dst_mac=target, vlan=vlan)


def predicted(
    ns: NetworkNamespace, place: Spot, rules: list[NftRule], sent: Frame, answers: list[bool]
) -> list[bool]:
    """Where it is unknown what stands in a place the kernel's answer is taken."""
    index = {device.name: number for number, device in ns.devices.items()}
    indev, outdev = {
        Hook.FORWARD: (index["in0"], index["out0"]),
        Hook.EGRESS: (0, index["out0"]),
        Hook.INPUT: (index["br0"], 0),
    }.get(place.hook, (index["in0"], 0))
    passage = Passage(packet_type=packet_type(sent, ns.devices[index["in0"]].mac))
    if place.family in ("bridge", "arp") and sent.dst_mac == BRIDGE_MAC:
        passage.packet_type = PacketType.HOST
    stack = Stack(ns, Choices())
    ctx = RuleContext(
        stack=stack,
        hook=place.hook,
        frame=sent,
        passage=passage,
        indev=indev,
        outdev=outdev,
        family=place.family,
    )
    result = []
    for rule, answer in zip(rules, answers, strict=True):
        stack.choices = Choices(script=(0 if answer else 1,))
        outcome = next(
            (each for each in map(partial(execute, ctx), rule.statements) if each is not Progress.NEXT),
            Progress.NEXT,
        )
        result.append(answer if isinstance(outcome, Stolen) else outcome is Progress.NEXT)
        assert undecidable(sent) or not (stack.choices.made or isinstance(outcome, Stolen)), rule.text
    return result


def execute(ctx: RuleContext, statement: Executable) -> Outcome:
    return statement.execute(ctx)


def undecidable(sent: Frame) -> bool:
    """Of a protocol without ports."""
    return isinstance(sent, Packet) and not sent.dport


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place.table} {place.hook}")
def test_the_rules_that_count_a_frame_are_those_predicted(
    lab: RuleLab, ns: NetworkNamespace, place: Spot, seed: int
) -> None:
    random = Random(f"{place.table}-{place.hook}-{seed}")
    lines = [any_rule(random, place) for _ in range(RULES)]
    text = "\n".join([*lines, f"{place.sentinel} counter"])
    chain = f"chain c {{ type filter hook {place.declared} priority -150; policy accept;\n{text}\n}}"
    lab.router.run("nft", "-f", "-", text=f"flush ruleset\ntable {place.table} t {{\n{chain}\n}}\n")
    rules = [one for _, one in loaded(lab).all_rules]
    printed = lab.router.run("nft", "-s", "list", "chain", place.table, "t", "c").splitlines()
    assert [one.text for one in rules] == [line.strip() for line in printed[3:-2]]
    before = counters(listing(lab))
    for _ in range(FRAMES):
        sent = any_frame(random, place)
        lab.send(sent)
        answer = counted(lab, before)
        before = counters(listing(lab))
        guess = predicted(ns, place, rules, sent, answer)
        wrong = [
            f"kernel {kernel}, predicted {ours}: {one.text}"
            for one, kernel, ours in zip(rules, answer, guess, strict=True)
            if kernel != ours
        ]
        assert not wrong, sent
    lab.router.run("nft", "flush", "ruleset")

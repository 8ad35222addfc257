"""nft's `fib` against the kernel's counters: ways of sources and of destinations, and types of addresses."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from random import Random

import pytest

from kubectl_skoop.model.packet import Passage
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.netfilter.nft.rule import NftRule
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Progress
from kubectl_skoop.netstack.netfilter.types import Hook, RuleContext
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.testing.rule_lab import FAR_NET, RuleLab, rule_lab
from tests.kernel.router import collected
from tests.kernel.test_iptables_rules_local import ADDRESSES, ROUTES, datagram
from tests.kernel.test_nft_rules import counted, counters, listing, loaded

pytestmark = pytest.mark.kernel

PAIRS = 40
MARKED = 2001
"""Source port of packets with the mark 1."""
POLICY = """\
route add fd77:a::/64 nexthop via fd77:2::2 dev out0 nexthop via fd77:1::2 dev in0
route add 10.77.10.0/24 nexthop dev out0 nexthop dev in0
route add 10.77.9.0/24 dev in0 table 100
route add fd77:9::/64 dev in0 table 100
route add throw default table 100
route add fd77:7::/64 dev in0 table 101
route add 10.77.7.0/24 dev in0 table 101
"""
RULES = """\
rule add fwmark 1 lookup 100 pref 99
rule add iif out0 lookup 101 pref 98
rule add oif in0 lookup 101 pref 97
"""
MORE = {4: ("10.77.10.3", "10.77.7.7"), 6: ("fd77:a::3", "fd77:7::7", "fe80::1")}
HASHED = "fd77:a::3"
"""IPv6 takes one of its two next hops."""
SIDES = ("saddr", "daddr")
WAYS = ('oif "in0"', 'oif "out0"', "oif exists", "oif missing", 'oifname "in0"', 'oifname != "out0"')
KINDS = ("local", "unicast", "broadcast", "multicast", "anycast", "unreachable", "blackhole")


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    with rule_lab({"net.ipv4.conf.all.route_localnet": 1}, router_commands=ROUTES + POLICY) as made:
        for family in ("-4", "-6"):
            made.router.run("ip", family, "-batch", "-", text=RULES)
        yield made


def pairs(family: int) -> list[tuple[str, str]]:
    """Some sources and destinations, those that the kernel lets come to a rule."""
    addresses = (*ADDRESSES[family], *MORE[family])
    allowed = [
        (source, destination)
        for source, destination in product(addresses, repeat=2)
        if not source.startswith(("22", "ff", "255", "::1")) and destination != "::1"
    ]
    return Random(family).sample(allowed, PAIRS)


def load(lab: RuleLab, hook: str, rules: list[str]) -> None:
    lines = "\n".join(f"{one} counter" for one in (*rules, ""))
    lab.router.run("nft", "flush", "ruleset")
    lab.router.run(
        *("nft", "-f", "-"),
        text=f"table inet t {{\nchain c {{\ntype filter hook {hook} priority -150\niif != in0 accept\n"
        f"meta l4proto != udp accept\nudp sport {MARKED} meta mark set 1\n{lines}\n}}\n}}\n",
    )


def possible(rule: NftRule, ctx: RuleContext, *, chance: bool) -> set[bool]:
    """Whether the rule matches; either, if a hash decides."""
    found = set()
    for taken in (0, 1):
        ctx.stack.choices = Choices((taken,))
        found.add(rule.statements[0].execute(ctx) is Progress.NEXT)
        assert chance or not ctx.stack.choices.made
    return found


def judge(lab: RuleLab, hook: Hook, family: int, pairs: list[tuple[str, str]]) -> None:
    """Fail where a rule counts a packet that it should not, or the other way round."""
    rules = [one for _, one in loaded(lab).all_rules][3:]
    ns = collected(lab.router)
    for (source, destination), port in product(pairs, (1000, MARKED)):
        sent = replace(datagram(source, destination), sport=port)
        if hook is Hook.FORWARD:
            sent = replace(sent, ttl=9)
        before = counters(listing(lab))
        lab.send(sent)
        answer = counted(lab, before)
        passage = Passage(iif=lab.in_device, mark=1 if port == MARKED else 0)
        ctx = RuleContext(
            stack=Stack(ns, Choices()),
            hook=hook,
            frame=sent,
            passage=passage,
            indev=lab.in_device,
            outdev=lab.out_device if hook is Hook.FORWARD else 0,
        )
        wrong = [
            f"kernel {kernel}: {one.text}"
            for one, kernel in zip(rules, answer, strict=True)
            if kernel not in possible(one, ctx, chance=HASHED in (source, destination))
        ]
        assert not wrong, (source, destination, port)


@pytest.mark.parametrize("family", [4, 6])
def test_the_ways_that_rules_ask_for_are_the_kernels(lab: RuleLab, family: int) -> None:
    device = ("", " . iif")
    rules = [
        f"fib {side}{mark}{limit} {way}"
        for side, mark, limit, way in product(SIDES, ("", " . mark"), device, WAYS)
    ]
    load(lab, "prerouting", rules)
    judge(lab, Hook.PREROUTING, family, pairs(family))


@pytest.mark.parametrize("family", [4, 6])
def test_the_ways_that_rules_ask_for_when_forwarding_are_the_kernels(lab: RuleLab, family: int) -> None:
    rules = [f"fib {side}{mark} . iif {way}" for side, mark, way in product(SIDES, ("", " . mark"), WAYS)]
    rules += [
        f"fib {side} . {limit} type {kind}" for side, limit, kind in product(SIDES, ("iif", "oif"), KINDS)
    ]
    load(lab, "forward", rules)
    receiver = f"{FAR_NET[family]}{'.' if family == 4 else ':'}5"
    sources = [
        one
        for one in (*ADDRESSES[family], *MORE[family])
        if not one.startswith(("127", "22", "ff", "255", "::1", "fe80"))
    ]
    sources = [one for one in sources if one not in OWN[family]]
    judge(lab, Hook.FORWARD, family, [(source, receiver) for source in sources])


OWN = {4: ("10.77.1.1", "10.77.2.1", "10.77.5.1", "10.77.6.255", "10.77.1.255", "10.77.1.0"), 6: ()}
"""What IPv4 does not forward from."""


@pytest.mark.parametrize("family", [4, 6])
def test_types_of_addresses_are_the_kernels(lab: RuleLab, family: int) -> None:
    rules = [f"fib {side}{limit} type {kind}" for side, limit, kind in product(SIDES, ("", " . iif"), KINDS)]
    load(lab, "prerouting", rules)
    judge(lab, Hook.PREROUTING, family, pairs(family))

"""What nft draws or hashes, against the kernel's counters: shares, and the same result of the same input."""

import math
import time
from collections.abc import Iterator
from fractions import Fraction

import pytest

from kubectl_skoop.model.packet import Packet, Passage
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Progress
from kubectl_skoop.netstack.netfilter.types import Hook, Jump, RuleContext
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.testing.netns import SETTLE
from kubectl_skoop.testing.rule_lab import RuleLab, rule_lab
from tests.kernel.router import collected
from tests.kernel.test_nft_rules import counted, counters, listing
from tests.kernel.test_nft_rules_seldom import differences, load, loaded, packet

pytestmark = pytest.mark.kernel

DRAWN = (
    "numgen random mod 4",
    "numgen inc mod 4",
    "jhash ip saddr . udp sport mod 4",
    "jhash ip saddr . udp sport mod 4 seed 0x5eed",
    "symhash mod 4",
)
FLOWS, DEVIATIONS = 400, 5
SHARES = {"half": "0-1", "third": "2", "fourth": "3"}

HASHES = ("jhash ip saddr mod 4 seed 0x5eed", "symhash mod 4")


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    with rule_lab() as made:
        yield made


@pytest.fixture(scope="module")
def ns(lab: RuleLab) -> NetworkNamespace:
    return collected(lab.router)


def arriving(stack: Stack, lab: RuleLab, sent: Packet) -> RuleContext:
    passage = Passage(iif=lab.in_device)
    return RuleContext(stack=stack, hook=Hook.PREROUTING, frame=sent, passage=passage, indev=lab.in_device)


@pytest.mark.parametrize("expression", DRAWN)
def test_shares_of_what_is_drawn_or_hashed(lab: RuleLab, ns: NetworkNamespace, expression: str) -> None:
    cases = ", ".join(f"{values} : jump {name}" for name, values in SHARES.items())
    counting = "".join(f"chain {name} {{ counter; }}\n" for name in SHARES)
    base = f"type filter hook prerouting priority 0; udp dport 80 {expression} vmap {{ {cases} }}"
    ruleset = f"table ip t {{\n{counting}chain base {{ {base}; }}\n}}\n"
    lab.router.run("nft", "-f", "-", text=f"flush ruleset\n{ruleset}")
    try:
        *_, chain = loaded(lab)
        ((_, rule),) = chain.all_rules
        shares: dict[str, Fraction] = {}
        for answer in range(4):
            stack = Stack(ns, Choices(script=(answer,)))
            ctx = arriving(stack, lab, packet())
            outcome = next(one for each in rule.statements if (one := each.execute(ctx)) is not Progress.NEXT)
            assert isinstance(outcome, Jump)
            (choice,) = stack.choices.made
            shares[outcome.chain] = shares.get(outcome.chain, Fraction()) + choice.probabilities[answer]
            if answer + 1 == len(choice.probabilities):
                break
        for flow in range(FLOWS):
            lab.send(packet(f"10.77.1.{2 + flow % 8}", sport=1000 + flow * 7))
        deadline = time.monotonic() + SETTLE
        while sum(found := counters(listing(lab))) < FLOWS and time.monotonic() < deadline:
            pass
        assert sum(shares.values()) == 1
        assert sum(found) == FLOWS
        for name, count in zip(SHARES, found, strict=True):
            share = float(shares[name])
            assert abs(count - FLOWS * share) <= DEVIATIONS * math.sqrt(FLOWS * share * (1 - share)), found
    finally:
        lab.router.run("nft", "flush", "ruleset")


@pytest.mark.parametrize("expression", HASHES)
def test_rules_with_the_same_hash_agree(lab: RuleLab, ns: NetworkNamespace, expression: str) -> None:
    """Each packet counts at one of four rules, and at the same one of the next four."""
    rules = [f"ip daddr 10.77.2.2 {expression} {value}" for value in range(4)]
    load(lab, "ip", Hook.PREROUTING, [*rules, *rules, 'iifname "in0"'])
    try:
        for sent in [packet(f"10.77.1.{number}", sport=1000 + number) for number in range(2, 10)] * 2:
            chains, before = loaded(lab), counters(listing(lab))
            lab.send(sent)
            answers = counted(lab, before)
            ctx = arriving(Stack(ns, Choices(script=(answers.index(True),))), lab, sent)
            assert not differences(ctx, chains, answers)
            assert len(ctx.stack.choices.made) == 1
    finally:
        lab.router.run("nft", "flush", "ruleset")

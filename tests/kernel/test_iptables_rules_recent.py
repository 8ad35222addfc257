"""Random rules of the `recent` match against the kernel, from lists that were collected half-way (K-26)."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from random import Random

import pytest

from kubectl_skoop.collect.procnet import read_recent
from kubectl_skoop.model.packet import Packet, Passage
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.netfilter.iptables.save import SavedChain, parse_save
from kubectl_skoop.netstack.netfilter.types import Hook, RuleContext
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.snapshot.decode.recent import decode_recent
from kubectl_skoop.testing.netns import entered
from kubectl_skoop.testing.rule_lab import (
    DATAGRAM,
    FAR_NET,
    NET,
    SENTINEL,
    RuleLab,
    rule_lab,
)

pytestmark = pytest.mark.kernel

RULES, PACKETS = 12, 20


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    with rule_lab() as made:
        yield made


def rule(random: Random, family: int, chain: str) -> str:
    invert = random.choice(("", "", "! "))
    name = f"{random.choice('AB')}{family}"
    side = random.choice(("--rsource", "--rsource", "--rdest"))
    action = random.choice(
        (
            "--set",
            "--remove",
            f"--rcheck --hitcount {random.randint(1, 3)}",
            "--rcheck --seconds 60 --reap",
            f"--update --seconds 60 --hitcount {random.randint(1, 3)}",
            "--rcheck --rttl",
            "--update",
        )
    )
    port = random.choice(("", "-p udp -m udp --dport 53 "))
    return f"-A {chain} {port}-m recent {invert}{action} --name {name} {side}"


def packet(random: Random, family: int) -> Packet:
    dot = "." if family == 4 else ":"
    return replace(
        DATAGRAM,
        src=ip_address(f"{NET[family]}{dot}{random.randint(2, 4)}"),
        dst=ip_address(f"{FAR_NET[family]}{dot}{random.randint(2, 3)}"),
        dport=random.choice((53, 54)),
        ttl=random.choice((64, 65)),
    )


@pytest.mark.parametrize("chain", ["PREROUTING", "FORWARD"])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("engine", ["legacy", "nft"])
def test_recent_lists_are_kept_as_the_kernel_keeps_them(
    lab: RuleLab, engine: str, family: int, seed: int, chain: str
) -> None:
    random = Random(f"{family}-{seed}-{chain}")
    lines = [rule(random, family, chain) for _ in range(RULES)]
    sentinel = f"-A {chain} -m comment --comment {SENTINEL}"
    try:
        lab.load(engine, family, "\n".join(["*mangle", *lines, sentinel, "COMMIT", ""]))
        chains = [
            base.table.chain(base.chain)
            for base in parse_save(lab.save(engine, family), family, "iptables-legacy")
            if base.chain == chain and base.table.name == "mangle"
        ]
        assert isinstance(chains[0], SavedChain)
        before = lab.counts(engine, family)
        for _ in range(PACKETS):
            lab.send(packet(random, family))
            before = lab.matched(engine, family, before, RULES)
        with entered(lab.router.path):
            lists = decode_recent(read_recent())
        stack = Stack(replace(lab.ns, recent=lists), Choices())
        for _ in range(PACKETS):
            sent = packet(random, family)
            forward = chain == "FORWARD"
            lab.send(sent)
            after = lab.matched(engine, family, before, RULES)
            ctx = RuleContext(
                stack=stack,
                hook=Hook.FORWARD if forward else Hook.PREROUTING,
                frame=replace(sent, ttl=sent.ttl - forward),
                passage=Passage(iif=lab.in_device),
                indev=lab.in_device,
                outdev=lab.out_device if forward else 0,
            )
            for (_, one), new, old in zip(chains[0].all_rules, after, before, strict=True):
                assert one.asks_for(ctx) == (new > old), one.text
            before = after
    finally:
        lab.load(engine, family, "*mangle\nCOMMIT\n")

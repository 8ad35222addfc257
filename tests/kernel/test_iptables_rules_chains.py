"""Random user chains with jumps, gotos, returns and policies: the walk meets the rules that count."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

import pytest

from kubectl_skoop.model.packet import Frame, Passage
from kubectl_skoop.model.verdict import Choices, Unknown
from kubectl_skoop.netstack.netfilter.evaluate import run_base_chain
from kubectl_skoop.netstack.netfilter.iptables.rule import XtRule
from kubectl_skoop.netstack.netfilter.iptables.save import SavedChain, SavedTable, parse_save
from kubectl_skoop.netstack.netfilter.types import Hook, Rule, RuleContext, Verdict
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.testing.rule_lab import DATAGRAM, RuleLab, rule_lab
from tests.kernel.volume import VOLUME

pytestmark = pytest.mark.kernel

CHAINS = ("FORWARD", *(f"C{number}" for number in range(6)))
RULES_A_CHAIN, PACKETS = 9, 40 * VOLUME
PORTS = (53, 80, 443)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A rule that notes when it matches."""

    rule: XtRule
    place: tuple[str, int]
    met: list[tuple[str, int]]

    @property
    def text(self) -> str:
        return self.rule.text

    def evaluate(self, ctx: RuleContext) -> Verdict | Unknown:
        if self.rule.asks_for(ctx) is True:
            self.met.append(self.place)
        return self.rule.evaluate(ctx)

    def if_matched(self, ctx: RuleContext) -> Verdict | Unknown:
        return self.rule.if_matched(ctx)


@dataclass(frozen=True, slots=True)
class RecordedChain:
    name: str
    chain: SavedChain
    met: list[tuple[str, int]]

    @property
    def empty(self) -> bool:
        return self.chain.empty

    def rules(self, frame: Frame) -> list[tuple[int, Rule]]:
        return [
            (number, Recorded(rule, (self.name, number), self.met)) for number, rule in self.chain.all_rules
        ]


@dataclass(frozen=True, slots=True)
class RecordedTable:
    table: SavedTable
    met: list[tuple[str, int]]

    @property
    def name(self) -> str:
        return self.table.name

    def chain(self, name: str) -> RecordedChain | Unknown:
        found = self.table.chain(name)
        assert isinstance(found, SavedChain)
        return RecordedChain(name, found, self.met)


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    with rule_lab() as made:
        yield made


def rule(random: Random, number: int) -> str:
    later = CHAINS[number + 1 :]
    match = random.choice(
        (
            "",
            f"-p udp -m udp --dport {random.choice(PORTS)}",
            f"-p udp -m udp ! --sport {random.choice(PORTS)}",
            f"-m mark {random.choice(('', '! '))}--mark 0x{random.randint(0, 2)}/0x3",
            f"-m multiport -p udp --ports {random.choice(PORTS)},{random.choice(PORTS)}",
        )
    )
    jumps = (
        (f"-j {random.choice(later)}", f"-j {random.choice(later)}", f"-g {random.choice(later)}")
        if later
        else ()
    )
    target = random.choice(
        (
            *jumps,
            "",
            "-j RETURN",
            f"-j MARK --set-xmark 0x{random.randint(0, 3)}/0x3",
            *(("-j ACCEPT", "-j DROP") if match else ()),
        )
    )
    return f"-A {CHAINS[number]} {match} {target}"


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("engine", ["legacy", "nft"])
def test_the_walk_meets_the_rules_that_count(lab: RuleLab, engine: str, seed: int) -> None:
    random = Random(seed)
    policy = random.choice(("ACCEPT", "DROP"))
    declared = [f":FORWARD {policy} [0:0]", *(f":{chain} - [0:0]" for chain in CHAINS[1:])]
    rules = [rule(random, number) for number in range(len(CHAINS)) for _ in range(RULES_A_CHAIN)]
    head = ["*raw", "-A PREROUTING -i in0", "COMMIT", "*mangle"]
    lab.load(engine, 4, "\n".join([*head, *declared, *rules, "COMMIT", ""]))
    try:
        saved = lab.save(engine, 4)
        met: list[tuple[str, int]] = []
        (base,) = (
            base._replace(table=RecordedTable(base.table, met))
            for base in parse_save(saved, 4, "iptables-legacy")
            if base.hook is Hook.FORWARD
            and base.table.name == "mangle"
            and isinstance(base.table, SavedTable)
        )
        order = places(saved)
        before = lab.counts(engine, 4)
        for _ in range(PACKETS):
            sent = replace(DATAGRAM, sport=random.choice(PORTS), dport=random.choice(PORTS))
            ctx = RuleContext(
                stack=Stack(lab.ns, Choices()),
                hook=Hook.FORWARD,
                frame=sent,
                passage=Passage(iif=lab.in_device),
                indev=lab.in_device,
                outdev=lab.out_device,
            )
            met.clear()
            run_base_chain(ctx, base)
            lab.send(sent)
            after = lab.matched(engine, 4, before, order.index(("PREROUTING", 1)))
            counted = {place: new - old for place, new, old in zip(order, after, before, strict=True)}
            del counted["PREROUTING", 1]
            assert counted == {place: met.count(place) for place in counted}, sent
            before = after
    finally:
        lab.load(engine, 4, "*raw\nCOMMIT\n*mangle\n:FORWARD ACCEPT [0:0]\nCOMMIT\n")


def places(saved: str) -> list[tuple[str, int]]:
    """Chain and number of each rule, in the order of the text; chain names are unique here."""
    found: list[tuple[str, int]] = []
    for line in saved.split("\n"):
        if line.startswith("-A "):
            chain = line.split()[1]
            found.append((chain, sum(name == chain for name, _ in found) + 1))
    return found

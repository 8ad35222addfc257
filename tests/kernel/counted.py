"""Rules that only count, in a whole namespace: which of them does a packet match, here and in the kernel?

The namespace is what the agent collects. The packet goes through all its hooks, as the kernel sends it.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.model.packet import Frame, Packet, Passage
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices, Ternary, Unknown
from kubectl_skoop.netstack import ip, receive
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.iptables.rule import XtRule
from kubectl_skoop.netstack.netfilter.nft.rule import NftRule
from kubectl_skoop.netstack.netfilter.nft.statement.match import Comparison, Membership, Undecidable
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Progress
from kubectl_skoop.netstack.netfilter.types import Chain, Continue, Rule, RuleContext, Stolen, Table, Verdict
from kubectl_skoop.netstack.routing.output import OutputRoute, route_output
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.testing.netns import Namespace
from kubectl_skoop.testing.rule_lab import RuleLab

_SAVED = re.compile(r"^\[(\d+):\d+\] -A (\S+)", re.MULTILINE)
_WAIT = 10.0
"""Seconds until the kernel's counters must be those that were foretold."""


class At(NamedTuple):
    """Of a rule."""

    chain: str
    number: int
    """From 1."""


Answers = dict[At, Ternary]


@dataclass(frozen=True)
class _Heard:
    """A rule whose answers are noted; it does what it does, and the next one is asked."""

    rule: Rule
    place: At
    answers: Answers

    @property
    def text(self) -> str:
        return self.rule.text

    def evaluate(self, ctx: RuleContext) -> Verdict:
        answer = self.answers[self.place] = _answer(self.rule, ctx)
        if isinstance(self.rule, XtRule) and answer is True:
            assert isinstance(self.rule.if_matched(ctx), Continue), self.text
        return Continue()

    def if_matched(self, ctx: RuleContext) -> Verdict:
        return Continue()


@dataclass(frozen=True)
class _HeardChain:
    chain: Chain
    answers: Answers

    @property
    def name(self) -> str:
        return self.chain.name

    @property
    def empty(self) -> bool:
        return self.chain.empty

    def rules(self, frame: Frame) -> Sequence[tuple[int, Rule]]:
        listed = self.chain.rules(frame)
        return [(number, _Heard(rule, At(self.name, number), self.answers)) for number, rule in listed]


@dataclass(frozen=True)
class _HeardTable:
    table: Table
    answers: Answers

    @property
    def name(self) -> str:
        return self.table.name

    def chain(self, name: str) -> Chain | Unknown:
        found = self.table.chain(name)
        return found if isinstance(found, Unknown) else _HeardChain(found, self.answers)


def _answer(rule: Rule, ctx: RuleContext) -> Ternary:
    if isinstance(rule, XtRule):
        return rule.asks_for(ctx)
    assert isinstance(rule, NftRule)
    for each in rule.statements:
        if isinstance(each, Undecidable):
            return each.unknown
        if isinstance(each, Comparison | Membership):
            matched = each.matches(ctx)
        else:
            outcome = each.execute(ctx)
            matched = outcome.unknown if isinstance(outcome, Stolen) else outcome is Progress.NEXT
        if matched is not True:
            return matched
    return True


@dataclass
class Counted:
    """A router with counting rules, as collected."""

    router: Namespace
    ns: NetworkNamespace
    texts: Mapping[At, str]
    tool: str
    """That prints the rules with their counters."""
    existing: bool = False
    """Connections of the dump count."""
    known: int = 0
    unknown: set[str] = field(default_factory=set)
    """Texts of the rules that were not decided once."""

    def arrives(self, lab: RuleLab, packet: Packet) -> None:
        """Sent to the router by its device in0."""

        def walk(stack: Stack) -> None:
            receive.receive(stack, lab.in_device, packet)

        self._compare(walk, lambda: lab.send(packet), packet)

    def again(self) -> "Counted":
        """Collected once more; the connections that there are now count."""
        return replace(_collected(self.router, self.tool), existing=True)

    def leaves(self, packet: Packet, passage: Passage, send: Callable[[], object]) -> None:
        """Sent by the router itself; `send` does it."""

        def walk(stack: Stack) -> None:
            route = route_output(stack, ip.flow_key(packet, mark=passage.mark))
            assert isinstance(route, OutputRoute)
            ip.send(stack, packet, replace(passage), route)

        self._compare(walk, send, packet)

    def _compare(self, walk: Callable[[Stack], None], send: Callable[[], object], packet: Packet) -> None:
        answers: Answers = {}
        chains = tuple(
            base._replace(table=_HeardTable(base.table, answers)) for base in self.ns.netfilter.base_chains
        )
        ns = replace(self.ns, netfilter=replace(self.ns.netfilter, base_chains=chains))
        before = self._counts()
        walk(Stack(ns, Choices(), use_existing=self.existing))
        assert answers, "no rule was asked"
        send()
        deadline = time.monotonic() + _WAIT
        while (wrong := self._wrong(answers, before)) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not wrong, (wrong, packet)
        for place, answer in answers.items():
            if isinstance(answer, Unknown):
                self.unknown.add(self.texts[place])
            else:
                self.known += 1

    def _wrong(self, answers: Answers, before: Mapping[At, int]) -> list[str]:
        after = self._counts()
        return [
            f"kernel {after[place] > before[place]}: {place.chain}: {text}"
            for place, text in self.texts.items()
            if not isinstance(answer := answers.get(place, False), Unknown)
            and answer != (after[place] > before[place])
        ]

    def _counts(self) -> dict[At, int]:
        found: dict[At, int] = {}
        last: Counter[str] = Counter()
        for chain, packets in _listed(self.router, self.tool):
            last[chain] += 1
            found[At(chain, last[chain])] = packets
        return found


def _listed(router: Namespace, tool: str) -> Iterator[tuple[str, int]]:
    if tool != "nft":
        saved = _SAVED.findall(router.run(tool, "-c", "-t", "mangle"))
        yield from ((chain, int(packets)) for packets, chain in saved)
        return
    for each in json.loads(router.run("nft", "-j", "list", "ruleset"))["nftables"]:
        if "rule" in each:
            (counter,) = [part["counter"] for part in each["rule"]["expr"] if "counter" in part]
            yield each["rule"]["chain"], counter["packets"]


def _collected(router: Namespace, tool: str) -> Counted:
    dump = collect_node("router", router.path, {})
    ns = decode_namespace(dump.namespaces[0], dump.node, Place("node", dump.node))
    texts = {}
    for base in ns.netfilter.base_chains:
        chain = base.table.chain(base.chain)
        assert not isinstance(chain, Unknown)
        for number, rule in chain.all_rules:  # type: ignore[attr-defined]
            texts[At(base.chain, number)] = rule.text
    return Counted(router, ns, texts, tool)


def load_native(router: Namespace, chains: Mapping[str, Sequence[str]], family: str = "inet") -> Counted:
    """Matches by hook, each a rule that counts; they are asked behind conntrack and before translation."""
    text = ""
    for hook, matches in chains.items():
        rules = "\n".join(f"{match} counter" for match in (*matches, ""))
        text += f"chain {hook} {{ type filter hook {hook} priority -150; policy accept;\n{rules}\n}}\n"
    router.run("nft", "-f", "-", text=f"flush ruleset\ntable {family} t {{\n{text}}}\n")
    made = _collected(router, "nft")
    printed = [line.strip() for line in router.run("nft", "-s", "list", "table", family, "t").splitlines()]
    listed = [line for line in printed if line.endswith("counter")]
    unlike = [pair for pair in zip(made.texts.values(), listed, strict=True) if pair[0] != pair[1]]
    assert not unlike, unlike
    return made


def load_saved(router: Namespace, chains: Mapping[str, Sequence[str]], family: int = 4) -> Counted:
    """As load_native, of iptables-legacy in the table mangle."""
    rules = [f"-A {chain} {match}" for chain, matches in chains.items() for match in (*matches, "")]
    tool = "iptables" if family == 4 else "ip6tables"
    router.run(f"{tool}-legacy-restore", text="\n".join(["*mangle", *rules, "COMMIT", ""]))
    return _collected(router, f"{tool}-legacy-save")

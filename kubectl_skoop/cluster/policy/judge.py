"""Tiers of rules → which peers may pass on which ports: the one place that gives rules their meaning.

Whole sets of peers are judged at once. Where a term does not say whether it matches, both ways are followed:
what can be accepted in one and denied in the other is unknown.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kubectl_skoop.cluster.policy.interval import Intervals, contains, union
from kubectl_skoop.cluster.policy.port import EVERY, PROTOCOLS, port_at
from kubectl_skoop.cluster.policy.rule import Direction, Policy, Rule, Verdict
from kubectl_skoop.cluster.policy.term import Undecided, select
from kubectl_skoop.cluster.policy.tiers import Ruled, Stage
from kubectl_skoop.cluster.policy.universe import NOBODY, PeerSet, Universe


class Area(NamedTuple):
    """Peers, and the ports on which something holds for them."""

    ports: Intervals
    peers: PeerSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """For one subject and direction. What is in neither is denied."""

    allowed: tuple[Area, ...]
    """With disjoint ports."""
    unknown: tuple[Area, ...]
    reasons: tuple[str, ...] = ()
    """Why something is unknown."""


class Event(NamedTuple):
    """A rule that a single flow met, or the end of a tier."""

    policy: Policy
    rule: Rule | None
    """None: the tier's end denied."""
    verdict: Verdict
    doubt: str
    """Empty: it matched."""


class _Match(NamedTuple):
    ports: Intervals
    yes: PeerSet
    maybe: PeerSet
    reason: str


@dataclass(slots=True)
class _Fate:
    """Of the peers on one stretch of ports, while the tiers are asked."""

    left: PeerSet
    accepted: PeerSet = NOBODY
    denied: PeerSet = NOBODY
    passed: PeerSet = NOBODY
    """Out of this tier, on to the next."""
    reasons: dict[str, None] = field(default_factory=dict)

    def add(self, verdict: Verdict, peers: PeerSet) -> None:
        match verdict:
            case Verdict.ACCEPT:
                self.accepted = self.accepted | peers
            case Verdict.DENY:
                self.denied = self.denied | peers
            case _:
                self.passed = self.passed | peers


def judge(
    universe: Universe,
    subject: int,
    tiers: Sequence[Stage],
    direction: Direction,
    *,
    events: list[Event] | None = None,
    peers: PeerSet | None = None,
    ports: Intervals = EVERY,
) -> Judged:
    """What the subject, a party of the universe, sends to or takes from whom.

    `peers` and `ports` narrow the question; `events` is filled with what one flow meets.
    """
    asked = universe.everybody if peers is None else peers
    if not tiers:
        return Judged(allowed=(Area(ports, asked),), unknown=())
    matches = {
        id(rule): tuple(_matches(universe, subject, rule, direction))
        for stage in tiers
        for rank in stage.ranks
        for _, rules in rank
        for rule in rules.rules
    }
    allowed: dict[PeerSet, list[tuple[int, int]]] = {}
    unknown: dict[PeerSet, list[tuple[int, int]]] = {}
    reasons: dict[str, None] = {}
    edges = [match.ports for found in matches.values() for match in found]
    for stretch in stretches(ports, edges):
        fate = _Fate(asked)
        for stage in tiers:
            _ask(stage, stretch[0], matches, fate, events)
        fate.accepted = fate.accepted | fate.left
        both = fate.accepted & fate.denied
        if sure := fate.accepted - both:
            allowed.setdefault(sure, []).append(stretch)
        if both:
            unknown.setdefault(both, []).append(stretch)
            reasons.update(fate.reasons)
    return Judged(allowed=_areas(allowed), unknown=_areas(unknown), reasons=tuple(reasons))


def _ask(
    stage: Stage,
    port: int,
    matches: dict[int, tuple[_Match, ...]],
    fate: _Fate,
    events: list[Event] | None,
) -> None:
    """One tier: moves what is left on to accepted, denied or the next tier."""
    fate.passed = NOBODY
    for rank in stage.ranks:
        before = after = fate.left
        for ruled in rank:
            fate.left = before
            _ask_policy(ruled, port, matches, fate, events)
            after = after & fate.left
        fate.left = after
    if fate.left:
        _end(stage, fate, events)
    fate.left = fate.left | fate.passed


def _end(stage: Stage, fate: _Fate, events: list[Event] | None) -> None:
    """What no rule of the tier has matched is denied, if one of its policies isolates the pod."""
    isolating = sorted(stage.isolating, key=lambda ruled: bool(ruled[1].doubt))
    if not isolating:
        return
    policy, rules = isolating[0]
    fate.denied = fate.denied | fate.left
    if rules.doubt:
        fate.reasons[rules.doubt] = None
    else:
        fate.left = NOBODY
    if events is not None:
        events.append(Event(policy, None, Verdict.DENY, rules.doubt))


def _ask_policy(
    ruled: Ruled, port: int, matches: dict[int, tuple[_Match, ...]], fate: _Fate, events: list[Event] | None
) -> None:
    policy, rules = ruled
    for rule in rules.rules:
        for match in matches[id(rule)]:
            if not fate.left:
                return
            if not contains(match.ports, port):
                continue
            if maybe := fate.left & match.maybe:
                fate.add(rule.verdict, maybe)
                fate.reasons[match.reason] = None
                if events is not None:
                    events.append(Event(policy, rule, rule.verdict, match.reason))
            if yes := fate.left & match.yes:
                fate.add(rule.verdict, yes)
                fate.left = fate.left - yes
                if events is not None:
                    events.append(Event(policy, rule, rule.verdict, ""))


def _matches(universe: Universe, subject: int, rule: Rule, direction: Direction) -> Iterator[_Match]:
    """Whom a rule matches on which ports, as the subject meets it."""
    peers = select(rule.peers, universe)
    if rule.doubt:
        peers = select(Undecided(rule.peers, rule.doubt), universe)
    if rule.subject is not None:
        own = select(rule.subject, universe)
        bit = 1 << subject
        if not own.yes.bits & bit:
            if not own.maybe.bits & bit:
                return
            peers = select(Undecided(rule.peers, own.reason), universe)
    if rule.ports:
        yield _Match(rule.ports, peers.yes, peers.maybe, peers.reason)
    for port in rule.named:
        for number, bits in universe.serving(port.name, port.protocol).items():
            at = port_at(PROTOCOLS[port.protocol], number)
            if direction == "ingress":
                if bits >> subject & 1:
                    yield _Match(((at, at),), peers.yes, peers.maybe, peers.reason)
            else:
                serving = PeerSet(bits)
                yield _Match(((at, at),), peers.yes & serving, peers.maybe & serving, peers.reason)


def stretches(within: Intervals, edges: Sequence[Intervals]) -> Iterator[tuple[int, int]]:
    """Intervals inside which no rule makes a difference between ports."""
    cuts = sorted({cut for intervals in set(edges) for low, high in intervals for cut in (low, high + 1)})
    for low, high in within:
        for cut in cuts:
            if low < cut <= high:
                yield low, cut - 1
                low = cut
        yield low, high


def _areas(found: dict[PeerSet, list[tuple[int, int]]]) -> tuple[Area, ...]:
    return tuple(Area(union(stretches), peers) for peers, stretches in found.items())

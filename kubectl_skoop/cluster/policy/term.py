"""Conditions on a party, as an algebra: each kind of policy writes its selectors and peers in it.

A term selects the parties (and addresses outside) that meet it, and those of which nobody can tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Literal, NamedTuple, Protocol, cast

from kubectl_skoop.cluster.policy.interval import Intervals
from kubectl_skoop.cluster.policy.universe import NOBODY, PartyKind, PeerSet, Scope, Universe


class Selection(NamedTuple):
    yes: PeerSet = NOBODY
    maybe: PeerSet = NOBODY
    """Apart from `yes`."""
    reason: str = ""
    """Why maybe."""


class Term(Protocol):
    def select(self, universe: Universe) -> Selection: ...

    def inner(self) -> "tuple[Term, ...]":
        """The terms it is made of."""
        ...


def select(term: Term, universe: Universe) -> Selection:
    """What the term selects; computed once for equal terms."""
    found = universe.cache.get(term)
    if found is None:
        found = universe.cache[term] = term.select(universe)
    return cast(Selection, found)


def leaves(term: Term) -> "Iterator[Term]":
    inner = term.inner()
    if not inner:
        yield term
    for part in inner:
        yield from leaves(part)


class _Leaf:
    __slots__ = ()

    def inner(self) -> tuple[Term, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class Everybody(_Leaf):
    def select(self, universe: Universe) -> Selection:
        return Selection(universe.everybody)


EVERYBODY = Everybody()


@dataclass(frozen=True, slots=True)
class Nobody(_Leaf):
    def select(self, universe: Universe) -> Selection:
        return Selection()


@dataclass(frozen=True, slots=True)
class OfKind(_Leaf):
    kinds: tuple[PartyKind, ...]

    def select(self, universe: Universe) -> Selection:
        return Selection(PeerSet(universe.of_kind(*self.kinds)))


PODS = OfKind(("pod",))
"""Without those of the host's network: they have their node's address, and policies see the node."""
HOSTS = OfKind(("node", "host-pod"))


@dataclass(frozen=True, slots=True)
class Outside(_Leaf):
    block: Intervals

    def select(self, universe: Universe) -> Selection:
        return Selection(PeerSet(0, self.block))


@dataclass(frozen=True, slots=True)
class InNamespace(_Leaf):
    name: str

    def select(self, universe: Universe) -> Selection:
        return Selection(PeerSet(universe.in_namespace(self.name)))


@dataclass(frozen=True, slots=True)
class InBlock(_Leaf):
    """Whoever has an address of the block: outside, pods and nodes."""

    block: Intervals
    parties: bool = True
    """False: outside only."""

    def select(self, universe: Universe) -> Selection:
        return Selection(PeerSet(universe.in_block(self.block) if self.parties else 0, self.block))


@dataclass(frozen=True, slots=True)
class Labelled(_Leaf):
    scope: Scope
    key: str
    test: Literal["in", "exists", "contains", "starts with", "ends with"] = "exists"
    values: tuple[str, ...] = ()
    """One of them for `in`; the only one for the tests of parts."""

    def select(self, universe: Universe) -> Selection:
        by_value = universe.labelled(self.scope, self.key)
        match self.test:
            case "in":
                found = [by_value.get(value, 0) for value in self.values]
            case "exists":
                found = list(by_value.values())
            case "contains":
                found = [bits for value, bits in by_value.items() if self.values[0] in value]
            case "starts with":
                found = [bits for value, bits in by_value.items() if value.startswith(self.values[0])]
            case "ends with":
                found = [bits for value, bits in by_value.items() if value.endswith(self.values[0])]
        yes = reduce(int.__or__, found, 0)
        maybe = universe.unlabelled(self.scope, self.key) & ~yes
        reason = f"the labels of a namespace are not known (label {self.key})" if maybe else ""
        return Selection(PeerSet(yes), PeerSet(maybe), reason)


@dataclass(frozen=True, slots=True)
class Undecided:
    """Nobody can tell, for whoever meets the term."""

    term: Term
    reason: str

    def select(self, universe: Universe) -> Selection:
        found = select(self.term, universe)
        return Selection(NOBODY, found.yes | found.maybe, self.reason)

    def inner(self) -> tuple[Term, ...]:
        return (self.term,)


@dataclass(frozen=True, slots=True)
class Not:
    term: Term

    def select(self, universe: Universe) -> Selection:
        found = select(self.term, universe)
        return Selection(universe.everybody - found.yes - found.maybe, found.maybe, found.reason)

    def inner(self) -> tuple[Term, ...]:
        return (self.term,)


@dataclass(frozen=True, slots=True)
class All:
    """Each of the terms; without terms everybody."""

    terms: tuple[Term, ...]

    def select(self, universe: Universe) -> Selection:
        yes = possible = universe.everybody
        reason = ""
        for term in self.terms:
            found = select(term, universe)
            yes, possible = yes & found.yes, possible & (found.yes | found.maybe)
            reason = reason or found.reason
        maybe = possible - yes
        return Selection(yes, maybe, reason if maybe else "")

    def inner(self) -> tuple[Term, ...]:
        return self.terms


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of the terms; without terms nobody."""

    terms: tuple[Term, ...]

    def select(self, universe: Universe) -> Selection:
        yes = maybe = NOBODY
        reason = ""
        for term in self.terms:
            found = select(term, universe)
            yes, maybe = yes | found.yes, maybe | found.maybe
            reason = reason or found.reason
        maybe = maybe - yes
        return Selection(yes, maybe, reason if maybe else "")

    def inner(self) -> tuple[Term, ...]:
        return self.terms

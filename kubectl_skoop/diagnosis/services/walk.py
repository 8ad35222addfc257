"""One new connection through the chains that kube-proxy wrote, along every way that chance may take."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from kubectl_skoop.diagnosis.services.door import Door, Target
from kubectl_skoop.diagnosis.services.sources import covers
from kubectl_skoop.model.packet import Address

MAX_DEPTH = 16
"""kube-proxy's chains are five deep."""
MAX_ENTRIES = 16
"""Times that one chain is entered on all ways together: kube-proxy leads to each once. Without a bound,
chains that each jump twice to the next ask for years."""
MAX_LEAVES = 20_000
"""Ways of one connection: a service may have as many backends."""


WayKind = Literal["dnat", "jump", "goto", "return", "accept", "drop", "on"]


class Way(NamedTuple):
    """What a rule does with a share of the connections that it takes."""

    share: float
    kind: WayKind
    chain: str = ""
    """Of `jump` and `goto`."""
    target: Target | None = None
    """Of `dnat`."""


class Recall(NamedTuple):
    """A rule that sends clients where they were sent before."""

    memory: str
    """The name of the list of clients."""
    seconds: int
    chain: str


class Step(Protocol):
    """One rule, as far as it matters to a new connection."""

    @property
    def text(self) -> str: ...
    @property
    def never(self) -> bool:
        """Not for new connections of pods and of the outside: of clients seen before, of the node itself."""

    @property
    def source(self) -> str:
        """For `covers`."""

    @property
    def marks(self) -> bool:
        """What it takes is to be masqueraded."""

    @property
    def recall(self) -> Recall | None: ...
    @property
    def remembers(self) -> str:
        """The list that clients are put into."""

    @property
    def unread(self) -> bool: ...
    def ways(self, door: Door) -> Sequence[Way]:
        """Shares that are left go on to the next rule."""


class Chains(Protocol):
    def steps(self, chain: str, door: Door) -> Iterable[Step]:
        """The rules of the chain that may be for the door, in their order."""


class Leaf(NamedTuple):
    """One way that a connection can go."""

    share: float
    target: Target | None
    """None: it is not translated."""
    marking: tuple[str, ...]
    """Sources that are masqueraded, for `covers`; empty text: all."""
    steps: tuple[Step, ...]
    """The rules on the way."""
    unread: bool = False
    """The last of the rules may decide, but is not understood."""
    refused: bool = False
    """Dropped or rejected."""
    affinity: int = 0
    """Seconds that a client comes back to the same target; 0: chance decides each time."""

    def masquerades(self, source: Address) -> bool:
        return any(covers(wanted, source) for wanted in self.marking)


class _State(NamedTuple):
    """What is still on its way."""

    share: float
    marking: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    recalls: tuple[Recall, ...] = ()
    memories: tuple[str, ...] = ()

    def taken(self, share: float, step: Step) -> "_State":
        steps = (*self.steps, step)
        return _State(self.share * share, self.marking, steps, self.recalls, self.memories)

    def marked(self, step: Step) -> "_State":
        marking = self.marking if step.unread else (*self.marking, step.source)
        return _State(self.share, marking, (*self.steps, step), self.recalls, self.memories)

    def seconds_at(self, chain: str) -> int:
        """That a client comes back to the chain."""
        found = (one for one in self.recalls if one.chain == chain and one.memory in self.memories)
        return next((one.seconds for one in found), 0)


class Met(NamedTuple):
    """All that a walk may ask of a rule."""

    text: str
    never: bool
    source: str
    marks: bool
    recall: Recall | None
    remembers: str
    unread: bool
    ways: tuple[Way, ...]


Reach = tuple[tuple[str, tuple[Met, ...]], ...]
"""Chains by name, with the rules that may be for a door."""


def reach(chains: Chains, chain: str, door: Door) -> Reach:
    """What walks to a door may meet, whoever sends: where that is equal, walks of one sender are equal."""
    found: dict[str, tuple[Met, ...]] = {}
    rest = [chain]
    while rest:
        name = rest.pop()
        if name not in found:
            found[name] = tuple(_met(step, door) for step in chains.steps(name, door))
            rest += [way.chain for met in found[name] for way in met.ways if way.chain]
    return tuple(found.items())


def _met(step: Step, door: Door) -> Met:
    return Met(
        step.text,
        step.never,
        step.source,
        step.marks,
        step.recall,
        step.remembers,
        step.unread,
        tuple(step.ways(door)),
    )


def walk(chains: Chains, chain: str, door: Door, source: Address) -> list[Leaf]:
    """Every way; the shares add up to 1."""
    walking = _Walk(chains, door, source)
    untranslated = walking.run(chain, _State(1.0))
    return [*walking.leaves, *(_leaf(state, None) for state in untranslated)]


@dataclass(slots=True)
class _Walk:
    chains: Chains
    door: Door
    source: Address
    leaves: list[Leaf] = field(default_factory=list)
    entries: dict[str, int] = field(default_factory=dict)
    """How often each chain was entered."""

    def run(self, chain: str, start: _State, depth: int = 0) -> list[_State]:
        """The states that come out of the chain; what ends within it is added to the leaves."""
        self.entries[chain] = entered = self.entries.get(chain, 0) + 1
        going, returned = [start], list[_State]()
        for step in self.chains.steps(chain, self.door) if depth < MAX_DEPTH else ():
            if step.recall is not None:
                going = [state._replace(recalls=(*state.recalls, step.recall)) for state in going]
                continue
            if step.never:
                continue
            if step.marks:
                going = [state.marked(step) for state in going]
                continue
            if step.source and not covers(step.source, self.source):
                continue
            if step.unread or entered > MAX_ENTRIES:
                self.leaves += [_leaf(state, None, step, unread=True) for state in going]
                return returned
            if step.remembers:
                going = [state._replace(memories=(*state.memories, step.remembers)) for state in going]
            going = self._take(chain, step, going, returned, depth)
            if not going or len(self.leaves) > MAX_LEAVES:
                break
        return returned + going

    def _take(
        self, chain: str, step: Step, going: list[_State], returned: list[_State], depth: int
    ) -> list[_State]:
        """The states that the next rule meets."""
        left, rest = list[_State](), 1.0
        for way in step.ways(self.door):
            taken = [state.taken(way.share, step) for state in going]
            rest -= way.share
            match way.kind:
                case "dnat":
                    self.leaves += [_leaf(state, way.target, chain=chain) for state in taken]
                case "accept":
                    self.leaves += [_leaf(state, None) for state in taken]
                case "drop":
                    self.leaves += [_leaf(state, None, refused=True) for state in taken]
                case "return":
                    returned += taken
                case "jump":
                    left += [out for state in taken for out in self.run(way.chain, state, depth + 1)]
                case "goto":
                    returned += [out for state in taken for out in self.run(way.chain, state, depth + 1)]
                case "on":
                    left += taken
        if rest > 1e-9:
            left += [state._replace(share=state.share * rest) for state in going]
        return left


def _leaf(
    state: _State,
    target: Target | None,
    *steps: Step,
    chain: str = "",
    unread: bool = False,
    refused: bool = False,
) -> Leaf:
    return Leaf(
        state.share,
        target,
        state.marking,
        (*state.steps, *steps),
        unread,
        refused,
        affinity=state.seconds_at(chain) if state.recalls else 0,
    )

"""A plugin's wishes at the places of a walk, and how the state deviates from them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from kubectl_skoop.diagnosis.expectations.expectation import Deviation, Expectation
from kubectl_skoop.diagnosis.extension.interface import NetNodeAction, Passing
from kubectl_skoop.diagnosis.walk.branch import Branch, Visit
from kubectl_skoop.diagnosis.walk.paths import is_answer
from kubectl_skoop.diagnosis.walk.world import World
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Packet
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.netstack.namespace import NetworkNamespace

MAX_KEPT = 10_000
"""Wishes whose comparison is remembered."""


class Finding(NamedTuple):
    """A deviation at a place, and what becomes of the packet if it is put right."""

    place: Place
    deviation: Deviation
    suspicion: Suspicion


class Wished(NamedTuple):
    """What was found of the plugin's wishes."""

    findings: tuple[Finding, ...]
    remarks: tuple[Suspicion, ...]
    """Seen in objects only."""


class Compared(NamedTuple):
    """A wish, and how the state deviates from it; None: it does not, or the wish is a remark."""

    wish: Expectation | Suspicion
    deviation: Deviation | None


class Comparison:
    """Of wishes with one state of all places. Neither changes, so each wish is compared once."""

    def __init__(self) -> None:
        self._always: dict[Place, tuple[Compared, ...]] = {}
        self._known: dict[tuple[Place, Expectation], Compared] = {}

    def always(self, place: Place, action: NetNodeAction, ns: NetworkNamespace) -> tuple[Compared, ...]:
        """What is wanted there whatever the packet."""
        if place not in self._always:
            self._always[place] = tuple(self._compare(place, wish, ns) for wish in action.always())
        return self._always[place]

    def wishes(
        self, place: Place, action: NetNodeAction, ns: NetworkNamespace, passing: Passing
    ) -> Iterator[Compared]:
        """What is wanted there for one packet."""
        return (self._compare(place, wish, ns) for wish in action.wishes(passing))

    def _compare(self, place: Place, wish: Expectation | Suspicion, ns: NetworkNamespace) -> Compared:
        if isinstance(wish, Suspicion):
            return Compared(wish, None)
        key = place, wish
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MAX_KEPT:
                self._known, self._always = {}, {}
            known = self._known[key] = Compared(wish, wish.compare(ns))
        return known


def compare(
    world: World,
    plugin: str,
    branch: Branch,
    action_of: Callable[[Place], NetNodeAction | None],
    extra: Iterable[Place],
    expected: Sequence[Packet],
    comparison: Comparison,
) -> Wished:
    """Ask the plugin at every place that the packets came to, and at `extra`; compare with the state.

    `expected`: the packets that places of `extra` should have seen. Of packets of one connection that came
    and went the same way only the first is asked about. `comparison`: with the state of `world`.
    """
    found: dict[tuple[Place, Expectation], Finding] = {}
    remarks: dict[Suspicion, None] = {}
    here: dict[Place, tuple[NetNodeAction, NetworkNamespace] | None] = {}
    asked: dict[tuple[object, ...], Passing] = {}

    def take(place: Place, compared: Iterable[Compared]) -> None:
        for wish, deviation in compared:
            if isinstance(wish, Suspicion):
                remarks[wish] = None
            elif deviation is not None and (place, wish) not in found:
                found[place, wish] = Finding(place, deviation, deviation.suspicion(plugin, place))

    seen_there = [(visit.place, _passings(visit)) for visit in branch.visits if visit.ns_id]
    should = [Passing(upstream=None, arrived=packet, left=(packet,)) for packet in expected]
    for place, passings in [*seen_there, *((place, should) for place in extra)]:
        if place not in here:
            action, ns = action_of(place), world.at(place)
            there = None if action is None or isinstance(ns, NotCollected) else (action, ns)
            here[place] = there
            if there is not None:
                take(place, comparison.always(place, *there))
        asking = here[place]
        if asking is None:
            continue
        for passing in passings:
            if asked.setdefault((place, *_alike(passing)), passing) is passing:
                take(place, comparison.wishes(place, *asking, passing))
    return Wished(tuple(found.values()), tuple(remarks))


def _alike(passing: Passing) -> tuple[object, ...]:
    """Equal for packets of one connection that came and went the same way."""
    link = passing.upstream
    came = None if link is None else (link.kind, link.source, link.oif, link.hop)
    return came, _flow(passing.arrived), *map(_flow, passing.left)


def _flow(packet: Packet) -> tuple[object, ...]:
    """With those of its tunnels, outermost first."""
    flow = (packet.src, packet.dst, packet.protocol, packet.sport, packet.dport, packet.icmp_type, packet.vni)
    return (*flow, *_flow(packet.inner)) if isinstance(packet.inner, Packet) else flow


def _passings(visit: Visit) -> Iterable[Passing]:
    """What came and what went on, or was lost on its way on; an answer is a packet of its own."""
    onward = [link.packet for link in visit.outputs if isinstance(link.packet, Packet)]
    lost = [loss.frame for loss in visit.journey.losses if isinstance(loss.frame, Packet)]
    if visit.packet is None:
        left = onward or lost
        if left:
            yield Passing(upstream=None, arrived=left[0], left=tuple(packet.innermost for packet in left))
        return
    answers = [
        link.packet for link in visit.outputs if isinstance(link.packet, Packet) and is_answer(visit, link)
    ]
    through = [packet for packet in onward if packet not in answers] or lost
    yield Passing(
        upstream=visit.input, arrived=visit.packet, left=tuple(packet.innermost for packet in through)
    )
    for answer in answers:
        yield Passing(upstream=None, arrived=answer.innermost, left=(answer.innermost,))

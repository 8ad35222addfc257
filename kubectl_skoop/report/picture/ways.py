"""The branches of a diagnosis as two trees, the ways and the ways back, with equal beginnings joined."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, NamedTuple

from kubectl_skoop.diagnosis.result import Diagnosis, Ending
from kubectl_skoop.model.packet import Arp
from kubectl_skoop.model.path import Action, Link, PacketPath
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Suspicion

Direction = Literal["way", "back"]
Fate = Literal["arrives", "told", "refused", "dropped", "unknown", "ignored"]
"""`told`: an error message arrives; `ignored`: a copy that a bridge flooded, which its receiver leaves."""

DRAWN_BRANCHES = 6
DRAWN_STOPS = 16
"""Of one way: a packet in a loop makes many more."""
DRAWN_COPIES = 6
"""Of a packet that a bridge floods."""


class Origin(NamedTuple):
    """Where a card or an arrow stands in the Diagnosis."""

    direction: Direction
    branch: int | None
    """Position in `branches`; None: it is in `path` or `reply`."""
    node: int
    """Position in `nodes` of the path; -1: a place that the link leads to, where nothing was walked."""
    action: int


class End(NamedTuple):
    """How a way ends."""

    fate: Fate
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """What one place did with the packet, and where it went from there."""

    origin: Origin
    place: Place
    action: Action | None
    arrived: Link | None
    share: Fraction
    onward: tuple["Stop", ...] = ()
    copies: int = 0
    """That went on from here, too, and are not drawn."""
    end: End | None = None
    causes: tuple[Suspicion, ...] = ()
    """Of the branches that pass here, what is about this place; told at the last visit."""

    def walk(self) -> Iterator["Stop"]:
        """This stop and all behind it, in the order of the ways."""
        yield self
        for stop in self.onward:
            yield from stop.walk()

    def ends(self) -> Iterator["Stop"]:
        """Where the ways from here end."""
        return (stop for stop in self.walk() if not stop.onward)


class Ways(NamedTuple):
    """A forest for each direction: ways that do not begin alike are trees of their own."""

    way: tuple[Stop, ...]
    back: tuple[Stop, ...]
    left_out: tuple[Ending, ...]
    """Branches that would be too many to draw."""


class Told(NamedTuple):
    """One branch, as far as it is drawn."""

    branch: int | None
    ending: Ending


def ways(diagnosis: Diagnosis) -> Ways:
    """The path of the diagnosis first, then the other branches, largest first; one way back: the first."""
    main, others = branches(diagnosis)
    drawn = [main, *others[: DRAWN_BRANCHES - 1]]
    trees = [_stops(told, told.ending.path, "way") for told in drawn]
    reply = main.ending.reply
    back = _stops(main, reply, "back") if reply else ()
    return Ways(_joined(trees), back, tuple(told.ending for told in others[DRAWN_BRANCHES - 1 :]))


def branches(diagnosis: Diagnosis) -> tuple[Told, list[Told]]:
    """The branch that `path` and `reply` belong to, and the others, largest first."""
    told = [Told(position, ending) for position, ending in enumerate(diagnosis.branches)]
    wanted = (_walked(diagnosis.path), _walked(diagnosis.reply))
    for position, (_, ending) in enumerate(told):
        if (_walked(ending.path), _walked(ending.reply)) == wanted:
            first = ending._replace(path=diagnosis.path, reply=diagnosis.reply, cause=diagnosis.cause)
            return Told(None, first), told[:position] + told[position + 1 :]
    return Told(None, _alone(diagnosis)), told


def _alone(diagnosis: Diagnosis) -> Ending:
    """The path of a diagnosis that is of none of its branches."""
    return Ending(
        share=Fraction(0),
        fate="served" if diagnosis.verdict == "reachable" else "unknown",
        symptom=diagnosis.symptom,
        cause=diagnosis.cause,
        choices=(),
        path=diagnosis.path,
        reply=diagnosis.reply,
    )


def _walked(path: PacketPath | None) -> object:
    """A path without its findings, which differ between a branch and the diagnosis."""
    return path and ([node[:2] for node in path.nodes], path.links)


def _stops(told: Told, path: PacketPath, direction: Direction) -> tuple[Stop, ...]:
    links = {link.id: link for link in path.links if not isinstance(link.packet, Arp)}
    arriving = {
        action.input: (node, number)
        for node, entry in enumerate(path.nodes)
        for number, action in enumerate(entry.actions)
        if action.input is not None
    }
    first = [
        (node, number)
        for node, entry in enumerate(path.nodes)
        for number, action in enumerate(entry.actions)
        if action.input is None
    ]
    causes = _causes(told.ending) if _failed(told.ending) == direction else {}

    def stop(node: int, number: int, arrived: Link | None) -> Stop:
        entry = path.nodes[node]
        action = entry.actions[number]
        onward = [follow(links[output]) for output in action.outputs if output in links]
        # The packet itself before its copies.
        onward.sort(key=lambda child: all(each.end and each.end.fate == "ignored" for each in child.ends()))
        return Stop(
            origin=Origin(direction, told.branch, node, number),
            place=entry.place,
            action=action,
            arrived=arrived,
            share=told.ending.share,
            onward=tuple(onward[:DRAWN_COPIES]),
            copies=len(onward[DRAWN_COPIES:]),
            end=None if onward else _end(told.ending, action, direction),
            causes=causes.get(entry.place, ()) if number == len(entry.actions) - 1 else (),
        )

    def follow(link: Link) -> Stop:
        if link.id in arriving:
            return stop(*arriving[link.id], link)
        return Stop(
            origin=Origin(direction, told.branch, -1, -1),
            place=link.hop.place,
            action=None,
            arrived=link,
            share=told.ending.share,
            end=_end(told.ending, None, direction),
        )

    return tuple(_shortened(stop(node, number, None), DRAWN_STOPS) for node, number in first)


def _shortened(stop: Stop, most: int) -> Stop:
    """No more than so many stops in a row: the last tells how many follow, and how that ends."""
    if most > 1 or not stop.onward:
        return replace(stop, onward=tuple(_shortened(child, most - 1) for child in stop.onward))
    left = len(list(stop.walk())) - 1
    end = next(stop.ends()).end or End("unknown", "not known what becomes of it")
    causes = tuple(dict.fromkeys(cause for each in stop.walk() for cause in each.causes))
    return replace(stop, onward=(), end=End(end.fate, f"after {left} more stops: {end.text}"), causes=causes)


def _end(ending: Ending, action: Action | None, direction: Direction) -> End:
    if action is not None and action.kind == "serve":
        if direction == "way":
            return End("arrives", "arrives")
        if ending.fate == "served":
            return End("arrives", "the answer arrives")
        return End("told", f"the sender sees: {ending.symptom}")
    if ending.fate == "served" or (direction, _failed(ending)) == ("way", "back"):
        return End("ignored", "not for it: left alone")
    match ending.fate:
        case "refused":
            return End("refused", f"refused: {ending.symptom}")
        case "dropped":
            return End("dropped", f"ends here: {ending.symptom}")
        case "unknown":
            return End("unknown", "not known what becomes of it")


def _failed(ending: Ending) -> Direction:
    """On which way a branch ends: the way back, if the packet was served."""
    served = any(action.kind == "serve" for node in ending.path.nodes for action in node.actions)
    return "back" if served and ending.reply else "way"


def _causes(ending: Ending) -> dict[Place, tuple[Suspicion, ...]]:
    """By place: what is shown as the cause there."""
    place = ending.cause and ending.cause.where.place
    return {place: (ending.cause,)} if place and ending.cause else {}


def _joined(forests: Iterable[Sequence[Stop]]) -> tuple[Stop, ...]:
    joined: list[Stop] = []
    for forest in forests:
        for stop in forest:
            for position, known in enumerate(joined):
                if _same(known, stop):
                    joined[position] = _join(known, stop)
                    break
            else:
                joined.append(stop)
    return tuple(joined)


def _join(one: Stop, other: Stop) -> Stop:
    return replace(
        one,
        share=one.share + other.share,
        onward=_joined((one.onward, other.onward)),
        causes=tuple(dict.fromkeys((*one.causes, *other.causes))),
    )


def _same(one: Stop, other: Stop) -> bool:
    """The same packet came by the same device, and the same was done with it."""

    def sign(stop: Stop) -> object:
        arrived = stop.arrived
        came = arrived and (arrived.source, arrived.oif, arrived.hop, arrived.packet)
        return stop.place, stop.action and stop.action.kind, came, stop.end

    return sign(one) == sign(other)

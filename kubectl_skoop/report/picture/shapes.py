"""A picture as shapes with places in px: what a renderer needs, and nothing of how it is drawn."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from kubectl_skoop.model.place import Place
from kubectl_skoop.report.picture.ways import Fate, Origin

TextKind = Literal[
    "question", "answer", "heading", "place", "kind", "action", "note",
    "device", "change", "packet", "tunnel", "share", "end", "cause",
]  # fmt: skip

Sign = Fate | Literal["partial"]


class Text(NamedTuple):
    """One line: `x` is its left end, `y` its base line."""

    x: int
    y: int
    text: str
    kind: TextKind


class Point(NamedTuple):
    x: int
    y: int


class Symbol(NamedTuple):
    """The sign of an end or of the verdict, by its middle."""

    x: int
    y: int
    sign: Sign


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A rectangle: the lane of a place, or the frame of a machine around its lanes."""

    id: str
    x: int
    y: int
    width: int
    height: int
    place: Place
    texts: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What one place did with the packet."""

    id: str
    x: int
    y: int
    width: int
    height: int
    place: Place
    origin: Origin
    label: str
    """All of it as text: a tool tip, and what a screen reader says."""
    texts: tuple[Text, ...]
    symbol: Symbol | None
    cause: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """A packet that crosses from one card to another; the last point is its head."""

    id: str
    points: tuple[Point, ...]
    origin: Origin
    """Of the card that it leads to."""
    link: int
    """Id of the Link in its path."""
    tunnel: bool
    label: str
    texts: tuple[Text, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """All shapes, in the order that they are drawn."""

    width: int
    height: int
    title: str
    description: str
    texts: tuple[Text, ...]
    symbols: tuple[Symbol, ...]
    frames: tuple[Area, ...]
    lanes: tuple[Area, ...]
    cards: tuple[Card, ...]
    arrows: tuple[Arrow, ...]

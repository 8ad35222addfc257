"""The way of a packet as a graph: NetNodes, the Links between them, what each NetNode did."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from kubectl_skoop.model.packet import Frame
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.model.trace import Trace

LinkKind = Literal["veth", "infra", "external"]
ActionKind = Literal["send", "forward", "service", "serve", "drop"]


class Hop(NamedTuple):
    """Where a Link leads: a place and the device that the packet comes in by (empty: outside)."""

    place: Place
    iif: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A crossing between two NetNodes; the packet as on the wire."""

    id: int
    """Position in its path, from 0."""
    kind: LinkKind
    source: Place
    oif: str
    hop: Hop
    packet: Frame


class Action(NamedTuple):
    """What a NetNode did with one packet."""

    kind: ActionKind
    input: int | None
    """Link id that it came by; None: made here."""
    outputs: tuple[int, ...]
    trace: tuple[Trace, ...]


class NetNode(NamedTuple):
    """A place with all that happened to packets there."""

    place: Place
    actions: tuple[Action, ...]
    suspicions: tuple[Suspicion, ...] = ()


class PacketPath(NamedTuple):
    """NetNodes in the order that the packet reached them."""

    nodes: tuple[NetNode, ...]
    links: tuple[Link, ...]

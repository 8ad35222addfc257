"""A full table of neighbours takes no new ones (net/core/neighbour.c: neigh_alloc, neigh_forced_gc; K-91).

There is one table a family for all namespaces of a kernel. What counts against `gc_thresh3` are entries that
may be thrown out at all: neither permanent ones nor those that a control plane has learned (gc_entries). A
full table throws out what nothing refers to, if it has failed, is a group's, or is the same for five seconds;
of IPv6, whose groups come and go by themselves, that is not proven, and unknown.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack import gap
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.neighbours.neighbour_types import (
    NTF_EXT_LEARNED,
    NUD_FAILED,
    NUD_NOARP,
    NUD_PERMANENT,
    Neighbour,
    NeighbourTable,
)
from kubectl_skoop.netstack.release import release

if TYPE_CHECKING:
    from kubectl_skoop.netstack.namespace import NetworkNamespace
    from kubectl_skoop.netstack.stack import Stack

SETTING = {4: "net.ipv4.neigh.default.gc_thresh3", 6: "net.ipv6.neigh.default.gc_thresh3"}
COUNTED_APART = (4, 20)
"""Since this Linux permanent entries do not count."""
LOOPBACK_APART = (6, 10)
"""Since this one, neither do those of loopback devices (__neigh_create)."""
SPARED = 5.0
"""Seconds that an entry is kept for after a change."""


class Key(NamedTuple):
    """One entry of a node's table."""

    netns: str
    device: int
    address: Address


class NodeNeighbours:
    """The entries of all namespaces of a node, in one branch."""

    __slots__ = ("made", "namespaces", "thrown_out", "used")

    def __init__(self, namespaces: "Callable[[], Iterable[NetworkNamespace]]" = lambda: ()) -> None:
        self.namespaces = namespaces
        self.made: set[Key] = set()
        """By packets of this branch."""
        self.used: set[Key] = set()
        """By packets of this branch: a timer holds them now."""
        self.thrown_out: dict[int, int] = {}
        """To make room in this branch, by family."""

    def throw_out(self, family: int, found: "Occupancy") -> None:
        """neigh_forced_gc"""
        wanted = max(found.counted + 1 - found.table.target, 1)
        thrown = min(found.yielding, wanted)
        self.thrown_out[family] = self.thrown_out.get(family, 0) + thrown


class Occupancy(NamedTuple):
    """What is known of a table."""

    table: NeighbourTable
    counted: int
    """Entries that count for certain."""
    yielding: int
    """Those of them that give way."""
    other: int
    """Entries of namespaces that were not collected: they may count, and give way."""

    @property
    def room(self) -> bool | None:
        """For one more; None: not known."""
        if self.counted + self.other < self.table.most or self.yielding:
            return True
        return False if not self.other else None


def occupancy(family: int, table: NeighbourTable, neighbours: NodeNeighbours) -> Occupancy:
    """`family`: 4 or 6. Of a kernel that counts permanent entries apart."""
    counted = yielding = exempt = 0
    for ns in neighbours.namespaces():
        for entry in ns.neighbours:
            if entry.address.version != family or entry.proxy:
                continue
            device = ns.devices.get(entry.device)
            if (
                entry.state & NUD_PERMANENT
                or entry.flags & NTF_EXT_LEARNED
                or (device is not None and _spared(ns, device))
            ):
                exempt += 1
            else:
                counted += 1
                yielding += _yields(entry) and Key(ns.id, entry.device, entry.address) not in neighbours.used
    other = max(table.entries - counted - exempt, 0)
    made = [key for key in neighbours.made if key.address.version == family]
    counted += len(made) - neighbours.thrown_out.get(family, 0)
    yielding += sum(key.address.is_multicast for key in made) - neighbours.thrown_out.get(family, 0)
    return Occupancy(table, counted, yielding, other)


def _spared(ns: "NetworkNamespace", device: Device) -> bool:
    """What is on this device does not count."""
    return device.loopback and (release(ns) or LOOPBACK_APART) >= LOOPBACK_APART


def _yields(entry: Neighbour) -> bool:
    return not entry.held and (
        bool(entry.state & (NUD_FAILED | NUD_NOARP)) or entry.address.is_multicast or entry.unchanged > SPARED
    )


def refusal(stack: "Stack", device: Device, address: Address) -> str:
    """Why no entry can be made for a neighbour that has none; empty: it has one, or there is room.

    Dumps of older agents have no such table: there is taken to be room.
    """
    family = address.version
    neighbours, key = stack.node_neighbours, Key(stack.ns.id, device.index, address)
    if key in neighbours.made or (device.index, address) in stack.ns.neighbour_by_key:
        neighbours.used.add(key)
        return ""
    if _spared(stack.ns, device):
        return ""
    table = stack.ns.neighbour_tables.get(family)
    if table is None:
        unread = gap.table(stack, "neighbour_tables")
        question = f"{unread}: whether there is room for {address} is not known"
        return unread if unread and stack.choices.undecided(Unknown(question)) else ""
    if table.entries + len(neighbours.made) < table.most:
        neighbours.made.add(key)
        return ""
    found = occupancy(family, table, neighbours)
    because = f"{SETTING[family]} = {table.most}, and {table.entries} entries"
    if (release(stack.ns) or COUNTED_APART) < COUNTED_APART:
        question = f"the table of neighbours is full ({because}): which of them give way is not known"
        return because if stack.choices.undecided(Unknown(question)) else ""
    room, full = found.room, found.counted + found.other >= table.most
    question = ""
    if room is None:
        question = f"the table of neighbours may be full ({because}): not all of them were collected"
    elif room and full and family == 6:
        question = f"the table of neighbours is full ({because}): whether others give way is not known"
    if question:
        room = not stack.choices.undecided(Unknown(question))
    if not room:
        return because
    if full:
        neighbours.throw_out(family, found)
    neighbours.made.add(key)
    return ""

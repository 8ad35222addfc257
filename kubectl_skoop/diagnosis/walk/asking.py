"""Questions for neighbours whose entries may expire: what one teaches is the same for each flow."""

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, NamedTuple

from kubectl_skoop.diagnosis.walk.branch import Branch
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.neighbours import arp, neighbour
from kubectl_skoop.netstack.neighbours.capacity import Key
from kubectl_skoop.netstack.reliance import Remembered

if TYPE_CHECKING:
    from kubectl_skoop.diagnosis.walk.walk import Walk

MAX_KEPT = 10_000
"""Questions of which it is remembered what they teach."""


class Question(NamedTuple):
    """Who has this address, tell that one: an ARP request, and the device that it leaves by."""

    asked: Remembered
    teller: IPv4Address


class Learned(NamedTuple):
    """What those that a question and its answer come to make of them."""

    neighbours: tuple[tuple[Key, str], ...]
    """With their MACs."""
    ports: tuple[tuple[str, tuple[int, int, str], int], ...]
    """Namespace, key of `Stack.fdb`, port."""
    used: frozenset[Key]
    """Entries that they had."""

    def tell(self, branch: Branch) -> None:
        """As if it was asked there; a MAC that is known stays (`neighbour.learn`)."""
        for key, mac in self.neighbours:
            if (stack := branch.stack_of(key.netns)) is not None:
                stack.neighbours.setdefault((key.device, key.address), mac)
        for netns, entry, port in self.ports:
            if (stack := branch.stack_of(netns)) is not None:
                stack.fdb[entry] = port
        for key in self.used:
            if (stack := branch.stack_of(key.netns)) is not None:
                stack.node_neighbours.used.add(key)


Lessons = dict[Question, Learned | None]
"""What is learned of each; None: not the same whoever needs it."""


def ask(walk: "Walk", one: Remembered, source: Address) -> None:
    """`source`: of the packet that is to be sent to that neighbour."""
    learned = _apart(walk, one, source)
    if learned is None:
        _put(walk, one, source)
    else:
        learned.tell(walk.branch)


def _put(walk: "Walk", one: Remembered, source: Address) -> None:
    stack = walk.begin(walk.branch.stacks[one.netns].ns)
    neighbour.solicit(stack, stack.ns.devices[one.device], one.address, source)
    walk.pump()


def _apart(walk: "Walk", one: Remembered, source: Address) -> Learned | None:
    """What comes of an ARP request where nothing was said before, asked once in a world. None: it has to be
    asked in the connection itself, since that is not plain, or may be another thing there.

    What a connection leaves behind means nothing to the request, which goes everywhere, nor to the answer,
    which goes back to where the request came from.
    """
    branch = walk.branch
    stack = branch.stacks[one.netns]
    if not isinstance(one.address, IPv4Address) or branch.forgiven:
        return None
    teller = arp.announced(stack, stack.ns.devices[one.device], one.address, source)
    question, known = Question(one, teller), branch.world.lessons
    if question not in known:
        if len(known) >= MAX_KEPT:
            known.clear()
        known[question] = _asked(walk, one, source)
    return known[question]


def _asked(walk: "Walk", one: Remembered, source: Address) -> Learned | None:
    """None: it was not answered, or by chance, or something is not known; packets of IP were sent for it,
    which meet rules that see connections; or it took room in a table of neighbours."""
    world = walk.branch.world
    alone = walk.apart(Branch(world, Choices(), cold=True))
    alone.branch.stack(walk.branch.stacks[one.netns].ns)
    _put(alone, one, source)
    stacks, tables = alone.branch.stacks.values(), alone.branch.node_neighbours.values()
    answered = (one.device, one.address) in alone.branch.stacks[one.netns].neighbours
    plain = not (alone.branch.choices.made or alone.branch.links or world.missing)
    if not answered or not plain or any(table.made for table in tables):
        return None
    return Learned(
        tuple((Key(stack.ns.id, *key), mac) for stack in stacks for key, mac in stack.neighbours.items()),
        tuple((stack.ns.id, entry, port) for stack in stacks for entry, port in stack.fdb.items()),
        frozenset(key for table in tables for key in table.used),
    )

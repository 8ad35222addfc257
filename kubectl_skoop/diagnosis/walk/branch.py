"""One branch of a walk: its stacks, and a record of every frame that crossed between them."""

from dataclasses import dataclass, field
from typing import NamedTuple

from kubectl_skoop.diagnosis.extension.interface import Balanced
from kubectl_skoop.diagnosis.walk.world import Port, World
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Address, Packet
from kubectl_skoop.model.path import Link
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours.capacity import NodeNeighbours
from kubectl_skoop.netstack.reliance import Reliance
from kubectl_skoop.netstack.stack import Journey, Loss, Stack

STRAY = "neighbour.other-host"
"""Code of a frame that was for somebody else, as copies of flooded ones are."""


class Flow(NamedTuple):
    """A connection, whichever of its packets it was read from."""

    ends: frozenset[tuple[Address, int]]
    protocol: int


class Crossed(NamedTuple):
    """A connection that passed a node's interface."""

    end: str
    """Namespace and device."""
    flow: Flow


def flow_of(packet: Packet) -> Flow:
    """Of an echo the identifier stands for both ports."""
    sport, dport = (packet.icmp_id, packet.icmp_id) if packet.icmp_id else (packet.sport, packet.dport)
    return Flow(frozenset({(packet.src, sport), (packet.dst, dport)}), packet.protocol)


class Asked(NamedTuple):
    """What an answer is translated back by on its way outside."""

    packet: Packet
    """As the outside sent it."""
    balancer: Place | None
    """The load balancer that it came by."""


@dataclass(eq=False, slots=True, kw_only=True)
class Visit:
    """What one NetNode did with one packet."""

    place: Place
    ns_id: str
    """Empty for the outside."""
    input: Link | None
    packet: Packet | None
    """As it came; None: it was made here."""
    journey: Journey
    outputs: list[Link] = field(default_factory=list)


class Branch:
    """Everything that is true in one branch only."""

    def __init__(
        self,
        world: World,
        choices: Choices,
        *,
        cold: bool = False,
        forgiven: frozenset[tuple[Where, str]] = frozenset(),
        use_existing: bool = False,
    ) -> None:
        self.world, self.choices = world, choices
        self.cold, self.forgiven, self.use_existing = cold, forgiven, use_existing

        self.stacks: dict[str, Stack] = {}
        self.reliance = Reliance()
        self.node_neighbours: dict[str, NodeNeighbours] = {}
        """By node."""
        self.crossed: set[Crossed] = set()
        """What stateful filters of the underlay remember."""
        self.balanced: dict[Flow, Balanced] = {}
        """Targets that load balancers chose for connections; later packets go the same way."""
        self.translated: dict[Flow, Asked] = {}
        """Connections from outside that the underlay translates, as the nodes see them."""

        self.visits: list[Visit] = []
        self.links: list[Link] = []
        self.neighbour_losses: list[Loss] = []
        """Of ARP and neighbour discovery."""
        self.assumptions: dict[str, None] = {}
        """A set that keeps its order."""
        self.findings: list[Suspicion] = []
        """Remarks of the provider; what stops a packet is among the losses."""

    def stack(self, ns: NetworkNamespace) -> Stack:
        stack = self.stacks.get(ns.id)
        if stack is None:
            stack = Stack(
                ns,
                self.choices,
                cold=self.cold,
                use_existing=self.use_existing,
                forgiven=self.forgiven,
                above=self.world.above,
                node_neighbours=self._node_neighbours(ns.node),
                reliance=self.reliance,
            )
            self.stacks[ns.id] = stack
        return stack

    def stack_of(self, netns: str) -> Stack | None:
        """By the id of its namespace; None: that was not collected."""
        known = self.stacks.get(netns)
        if known is not None:
            return known
        ns = self.world.by_id(netns)
        return None if isinstance(ns, NotCollected) else self.stack(ns)

    def _node_neighbours(self, node: str) -> NodeNeighbours:
        if node not in self.node_neighbours:
            # Not by way of the branch: that cycle would hold its namespaces until somebody looks for cycles.
            world = self.world
            self.node_neighbours[node] = NodeNeighbours(lambda: world.of_node(node))
        return self.node_neighbours[node]

    def onward(self) -> "Branch":
        """The same stacks, which go on changing, and a new record; stacks that are met later are its own."""
        onward = Branch(
            self.world,
            self.choices,
            cold=self.cold,
            forgiven=self.forgiven,
            use_existing=self.use_existing,
        )
        onward.stacks, onward.reliance = dict(self.stacks), self.reliance
        onward.node_neighbours = self.node_neighbours
        onward.crossed, onward.balanced, onward.translated = self.crossed, self.balanced, self.translated
        return onward

    def visit_of(self, journey: Journey) -> Visit | None:
        return next((visit for visit in reversed(self.visits) if visit.journey is journey), None)

    def assume(self, sentence: str) -> None:
        self.assumptions[sentence] = None

    def door_of_pod(self, address: Address) -> Port | None:
        """As `World.door_of_pod`, which is an assumption."""
        port = self.world.door_of_pod(address)
        if port is not None:
            self.assume(f"the nodes' network leads {address} to {port.device.name} of {port.ns.place}")
        return port

    def losses(self) -> list[Loss]:
        """Of packets, in the order in which they were lost; an unresolved neighbour is explained by what
        became of the question for it."""
        found = []
        for visit in self.visits:
            for loss in visit.journey.losses:
                found.append(self._explained(loss))
        return found

    def _explained(self, loss: Loss) -> Loss:
        if loss.unanswered is None:
            return loss
        sought = loss.unanswered
        about = [asked for asked in self.neighbour_losses if asked.frame.neighbour == sought]
        about = [asked for asked in about if not self._stood_by(asked, sought)]
        about.sort(key=lambda asked: asked.because.code == STRAY)
        if not about:
            return loss
        return Loss(because=about[0].because, frame=loss.frame, unknown=about[0].unknown)

    def _stood_by(self, loss: Loss, address: Address) -> bool:
        """A question was lost at a pod that it was only flooded to: that pod would not have answered."""
        place = loss.because.where.place
        at_pod = loss.frame.asks and place is not None and place.kind == "pod"
        return at_pod and loss.unknown is None and not self._owns(loss, address)

    def _owns(self, loss: Loss, address: Address) -> bool:
        """It was lost where the address is."""
        place = loss.because.where.place
        return any(
            stack.ns.place == place and address in stack.ns.local_addresses for stack in self.stacks.values()
        )

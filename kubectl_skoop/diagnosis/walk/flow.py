"""One flow in one branch: request, reply, and for TCP the data that follows the handshake."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from kubectl_skoop.diagnosis.result import FateKind
from kubectl_skoop.diagnosis.walk import asking, paths
from kubectl_skoop.diagnosis.walk.branch import STRAY, Branch
from kubectl_skoop.diagnosis.walk.outside import Outside
from kubectl_skoop.diagnosis.walk.shim import Underlay
from kubectl_skoop.diagnosis.walk.walk import Walk
from kubectl_skoop.diagnosis.walk.world import World
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.place import Where
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.model.verdict import Choices, Unknown
from kubectl_skoop.netstack.l4 import tcp, udp
from kubectl_skoop.netstack.l4.endpoint import Client, Refusal, Server
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.reliance import BOUNDLESS
from kubectl_skoop.netstack.stack import Loss, Stack

if TYPE_CHECKING:
    from kubectl_skoop.diagnosis.walk.entrance import Entrance

SMALL_SEGMENT = 140
"""IP length in bytes of the data that follows a handshake, both ways."""

Progress = tuple[int, int]
"""How far a flow got: stage of the conversation, crossings. Compared when a mended state is tried."""


class Setting(NamedTuple):
    """How a flow is walked, beside the probe."""

    full: bool = False
    """TCP: bulk data both ways after the handshake, in buffers that the devices cut into full segments."""
    segment: int = 0
    """TCP: IP length in bytes of single segments both ways after the handshake (after the bulk data, if there
    is some); 0: small ones, unless there is bulk data."""
    cold: bool = False
    """As if resolved neighbours were not there."""
    use_existing: bool = False
    """Conntrack entries of the snapshot may match."""
    forgiven: frozenset[tuple[Where, str]] = frozenset()
    """Rules and policies that do not stop the packet, by place and text."""


class FlowResult(NamedTuple):
    fate: FateKind
    symptom: str
    loss: Loss | None
    unknown: Unknown | None
    progress: Progress
    branch: Branch
    conversation: "Conversation | None" = None
    """Of TCP: more can be said."""


def outcome(result: FlowResult) -> str:
    """What must agree where an unknown decides: whether the flow works."""
    return "lost" if result.fate in ("dropped", "refused") else result.fate


class Runner(NamedTuple):
    """Runs a probe in a world; calls are independent of each other."""

    world: World
    underlay: Underlay
    outside: Outside
    source: Callable[[World], NetworkNamespace | NotCollected]
    entrance: "Entrance | None" = None
    """For a sender outside of the cluster."""

    def run(self, probe: Probe, setting: Setting, choices: Choices, world: World | None = None) -> FlowResult:
        """Raises nothing: what is not there makes the fate unknown."""
        here = world or self.world
        branch = Branch(
            here,
            choices,
            cold=setting.cold,
            forgiven=setting.forgiven,
            use_existing=setting.use_existing,
        )
        start = self.source(here)
        if isinstance(start, NotCollected):
            unknown = Unknown(f"{start.what} was not collected: {start.reason or start.state}")
            return FlowResult(
                fate="unknown", symptom="", loss=None, unknown=unknown, progress=(0, 0), branch=branch
            )
        walk = Walk(branch, self.underlay, self.outside, self.entrance)
        stack = walk.begin(start)
        client = (tcp.connect if probe.protocol == Protocol.TCP else udp.send)(stack, probe)
        walk.pump()
        if not isinstance(client, Client) or probe.protocol != Protocol.TCP:
            return _result(branch, client)
        conversation = Conversation(walk, stack, client)
        roomy = False
        if setting.full:
            conversation.talk(full=True)
        if not setting.full or (setting.segment and client.answered):
            roomy = conversation.say(setting.segment or probe.size or SMALL_SEGMENT)
        return _result(branch, client)._replace(conversation=conversation._replace(roomy=roomy))


class Conversation(NamedTuple):
    """A TCP connection, or the attempt at one."""

    walk: Walk
    stack: Stack
    """Where the client is."""
    client: Client
    roomy: bool = False
    """Full segments would have gone the way of the single ones that were said."""

    def say(self, length: int) -> bool:
        """Single segments there and back; `length`: of the IP packet, bytes. See `talk`."""
        return self.talk(length - tcp.headers(self.client.remote))

    def talk(self, payload: int = 0, *, full: bool = False) -> bool:
        """Data there and back, once the handshake is done; what was said before does not count.

        Whether full segments would have gone the same way.
        """
        walk, client = self.walk, self.client
        if not client.established or client.failed:
            return False
        client.wait()
        for other in walk.branch.stacks.values():
            for server in other.servers:
                server.received = 0
        roomy = self._speak(self.stack, client, payload, full=full)
        for other in list(walk.branch.stacks.values()):
            for server in list(other.servers):
                if server.protocol == Protocol.TCP and server.received:
                    roomy &= self._speak(other, server, payload, full=full)
        return roomy

    def _speak(self, stack: Stack, end: Client | Server, payload: int, *, full: bool) -> bool:
        """Data of one end."""
        reliance = self.walk.branch.reliance
        reliance.room = BOUNDLESS
        self.walk.begin(stack.ns)
        growth = tcp.send(stack, end, payload, full=full)
        self.walk.pump()
        return growth <= reliance.room

    def go_on(self, segment: int) -> Branch | None:
        """More of it, whatever one could ask: over neighbours that have to be asked for, bulk data both ways,
        then single segments of this size, unless it is 0. Where full segments would go the way of those that
        were said, over the same neighbours and ports of bridges, they need not be walked.

        None: it does not arrive, or meets choices that were not met before. The stacks remember it, the
        record does not.
        """
        walk, client = self.walk, self.client
        branch = walk.branch.onward()
        branch.cold = True
        for stack in branch.stacks.values():
            stack.cold = True
        before = len(branch.choices.made)
        further = self._replace(walk=walk.apart(branch))
        ports = [dict(stack.fdb) for stack in branch.stacks.values()]
        if not further._ask_for_neighbours():
            return None
        if not self.roomy or ports != [stack.fdb for stack in branch.stacks.values()][: len(ports)]:
            further.talk(full=True)
            if client.answered and segment:
                further.say(segment)
        return branch if client.answered and len(branch.choices.made) == before else None

    def _ask_for_neighbours(self) -> bool:
        """For those whose entries may expire, in the order of their use; who was asked knows the asker.

        False: one does not answer.
        """
        branch = self.walk.branch
        for one, source in branch.reliance.remembered.items():
            stack = branch.stacks[one.netns]
            key = one.device, one.address
            if key not in stack.neighbours and stack.ns.devices[one.device].arp:
                asking.ask(self.walk, one, source)
            if key not in stack.neighbours:
                return False
        return True


def _result(branch: Branch, client: Client | Refusal) -> FlowResult:
    loss = significant(branch.losses())
    if isinstance(client, Client) and client.answered:
        return FlowResult(
            fate="served",
            symptom="answer",
            loss=None,
            unknown=None,
            progress=(4, paths.crossings(branch)),
            branch=branch,
        )
    unknown = loss.unknown if loss else Unknown("no loss was recorded, and no answer came")
    symptom = client.symptom
    fate: FateKind = "refused" if symptom == "connection refused" else "dropped"
    if unknown is not None:
        fate = "unknown"
    return FlowResult(
        fate=fate,
        symptom=symptom,
        loss=loss,
        unknown=unknown,
        progress=(_stage(branch, client), paths.crossings(branch)),
        branch=branch,
    )


def _stage(branch: Branch, client: Client | Refusal) -> int:
    if isinstance(client, Refusal):
        return 0
    servers = [server for stack in branch.stacks.values() for server in stack.servers]
    if client.established:
        return 3 if any(server.established for server in servers) else 2
    return 1 if servers else 0


def significant(losses: list[Loss]) -> Loss | None:
    """The loss that decides: the first, but copies of a flooded frame that were for others do not count."""
    return next((loss for loss in losses if loss.because.code != STRAY), None) or (
        losses[0] if losses else None
    )

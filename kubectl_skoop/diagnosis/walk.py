"""The walk: frames go from stack to stack until none is under way (a small discrete-event simulation)."""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from kubectl_skoop.diagnosis import wire
from kubectl_skoop.diagnosis.branch import Branch, Visit
from kubectl_skoop.diagnosis.outside import Outside as OutsideActor
from kubectl_skoop.diagnosis.shim import Underlay
from kubectl_skoop.diagnosis.world import Port
from kubectl_skoop.model.packet import Arp, Frame, Packet
from kubectl_skoop.model.path import Hop, Link, LinkKind
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack import neighbour, receive, xmit
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.stack import Emission, Journey, Loss, Stack

OUTSIDE_MAC = "02:00:00:00:00:00"
"""Stands for the MAC of a host that was not collected."""
MAX_FRAMES = 3000
"""Frames of one branch before it is called a loop."""


class _Arriving(NamedTuple):
    """A frame on its way to a port."""

    port: Port
    frame: Frame
    link: Link | None


@dataclass(slots=True)
class Walk:
    """Moves the frames of one branch."""

    branch: Branch
    underlay: Underlay
    outside: OutsideActor
    under_way: deque[_Arriving] = field(default_factory=deque)
    frames: int = 0

    def begin(self, ns: NetworkNamespace) -> Stack:
        """The stack of the place that sends; what it does next is a visit of its own."""
        stack = self.branch.stack(ns)
        stack.journey = Journey()
        self.branch.visits.append(
            Visit(place=ns.place, ns_id=ns.id, input=None, packet=None, journey=stack.journey)
        )
        return stack

    def pump(self) -> None:
        """Until nothing moves. Questions that nobody answers end last, as their timers do."""
        self._collect()
        while self.frames < MAX_FRAMES:
            if self.under_way:
                self._arrive(self.under_way.popleft())
            elif not any(neighbour.expire(stack) for stack in self.branch.stacks.values()):
                return
            self._collect()
        arriving = self.under_way[0] if self.under_way else None
        if arriving is not None:
            stack = self.branch.stack(arriving.port.ns)
            stack.give_up("forwarding.ttl", arriving.frame, f"more than {MAX_FRAMES} frames: a loop")

    def _arrive(self, arriving: _Arriving) -> None:
        self.frames += 1
        stack = self.branch.stack(arriving.port.ns)
        stack.journey = Journey()
        message = arriving.frame.neighbour is not None
        if isinstance(arriving.frame, Packet) and not message:
            self.branch.visits.append(
                Visit(
                    place=stack.ns.place,
                    ns_id=stack.ns.id,
                    input=arriving.link,
                    packet=arriving.frame,
                    journey=stack.journey,
                )
            )
        journey = stack.journey
        device = stack.ns.devices[arriving.port.device.index]
        if xmit.fits(stack, device, arriving.frame):
            receive.receive(stack, device.index, arriving.frame)
        if message:
            self.branch.neighbour_losses.extend(journey.losses)

    def _collect(self) -> None:
        for stack in list(self.branch.stacks.values()):
            while stack.out:
                self._cross(stack, stack.out.popleft())
            for sentence in stack.assumptions:
                self.branch.assume(sentence)

    def _cross(self, stack: Stack, emission: Emission) -> None:
        device = stack.ns.devices[emission.device]
        frame = emission.frame
        stack.journey = emission.journey
        match wire.lead(self.branch, stack, device, frame):
            case wire.Arrival(kind=kind, port=port):
                link = self._link(
                    stack, device.name, frame, kind, Hop(place=port.ns.place, iif=port.device.name)
                )
                self._record(emission.journey, link)
                if kind == "veth" or self.underlay.between(self.branch, stack, device, port, frame):
                    self.under_way.append(_Arriving(port, frame, link))
            case wire.Outside(nexthop=nexthop):
                if isinstance(frame, Packet) and frame.neighbour is None:
                    self._leave(stack, device.name, frame, emission, str(nexthop or frame.dst))
                elif frame.neighbour is not None and frame.asks:
                    how = "ARP" if frame.neighbour.version == 4 else "neighbour solicitations"
                    self.branch.assume(f"{frame.neighbour} outside of the cluster answers {how}")
                    neighbour.learn(stack, device, frame.neighbour, OUTSIDE_MAC)
            case wire.Nowhere(reason=reason):
                if frame.neighbour is None:
                    stack.give_up("external.unknown", frame, reason, where=stack.where(device=device.name))
                else:
                    self._unheard(stack, frame, reason)
            case None:
                pass

    def _unheard(self, stack: Stack, question: Frame, reason: str) -> None:
        """A question came to where nobody can tell who hears it: no answer is no certainty then."""
        because = Suspicion(code="external.unknown", level=Level.WARNING, where=stack.where(), message=reason)
        self.branch.neighbour_losses.insert(0, Loss(because=because, frame=question, unknown=Unknown(reason)))

    def _leave(self, stack: Stack, oif: str, packet: Packet, emission: Emission, nexthop: str) -> None:
        place = Place("external", str(packet.dst))
        link = self._link(stack, oif, packet, "external", Hop(place=place))
        self._record(emission.journey, link)
        device = stack.ns.devices[emission.device]
        if not self.underlay.leaving(self.branch, stack, device, packet):
            return
        journey = Journey()
        visit = Visit(place=place, ns_id="", input=link, packet=packet, journey=journey)
        self.branch.visits.append(visit)
        answer = self.outside.receive(self.branch, stack, device, packet, nexthop, journey, emission.journey)
        if answer is None:
            return
        port, reply = answer
        back = Link(
            id=len(self.branch.links),
            kind="external",
            source=place,
            oif="",
            hop=Hop(place=port.ns.place, iif=port.device.name),
            packet=reply,
        )
        self.branch.links.append(back)
        visit.outputs.append(back)
        self.under_way.append(_Arriving(port, reply, back))

    def _link(self, stack: Stack, oif: str, frame: Frame, kind: LinkKind, hop: Hop) -> Link | None:
        if isinstance(frame, Arp) or frame.neighbour is not None:
            return None
        link = Link(
            id=len(self.branch.links), kind=kind, source=stack.ns.place, oif=oif, hop=hop, packet=frame
        )
        self.branch.links.append(link)
        return link

    def _record(self, journey: Journey, link: Link | None) -> None:
        visit = self.branch.visit_of(journey)
        if visit is not None and link is not None:
            visit.outputs.append(link)

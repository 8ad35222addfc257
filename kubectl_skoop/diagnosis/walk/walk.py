"""The walk: frames go from stack to stack until none is under way (a small discrete-event simulation)."""

from collections import deque
from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from kubectl_skoop.diagnosis.walk import router, wire
from kubectl_skoop.diagnosis.walk.branch import Asked, Branch, Visit, flow_of
from kubectl_skoop.diagnosis.walk.outside import Outside as OutsideActor
from kubectl_skoop.diagnosis.walk.outsider import ASSUMED, OUTSIDE_MAC, translated_back
from kubectl_skoop.diagnosis.walk.shim import Underlay
from kubectl_skoop.diagnosis.walk.world import Port
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Address, Arp, Frame, Packet, Passage, Protocol
from kubectl_skoop.model.path import Hop, Link, LinkKind
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack import receive, xmit
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices import flooded, layered
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours import neighbour, neighbour_answer
from kubectl_skoop.netstack.stack import Emission, Handover, Journey, Loss, Stack, Way

if TYPE_CHECKING:
    from kubectl_skoop.diagnosis.walk.entrance import Entrance, Turned

MAX_FRAMES = 3000
"""Frames of one branch before it is called a loop."""


class _Arriving(NamedTuple):
    """A frame on its way to a port."""

    port: Port
    frame: Frame
    link: Link | None
    handed: Way | None = None
    """From a device on top of this one, or below it: there is no wire between."""


class Walk:
    """Moves the frames of one branch."""

    def __init__(
        self, branch: Branch, underlay: Underlay, outside: OutsideActor, entrance: "Entrance | None" = None
    ) -> None:
        """`entrance`: for packets from outside; without one none are sent."""
        self.branch, self.underlay, self.outside, self.entrance = branch, underlay, outside, entrance
        self.under_way: deque[_Arriving] = deque()
        self.frames = 0

    def apart(self, branch: Branch) -> "Walk":
        """Of the frames of another branch."""
        return Walk(branch, self.underlay, self.outside, self.entrance)

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
            stack = self.begin(arriving.port.ns)
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
        match arriving.handed:
            case "down":
                xmit.transmit(stack, device, arriving.frame, Passage())
            case "routed" | "delivered":
                layered.enter(stack, device, arriving.frame, arriving.handed)
            case "up":
                receive.receive(stack, device.index, arriving.frame)
            case None if xmit.fits(stack, device, arriving.frame):
                receive.receive(stack, device.index, arriving.frame)
        if message:
            self.branch.neighbour_losses.extend(journey.losses)

    def _collect(self) -> None:
        for stack in list(self.branch.stacks.values()):
            while stack.out:
                emission = stack.out.popleft()
                if isinstance(emission, Handover):
                    self._hand_over(stack, emission)
                else:
                    self._cross(stack, emission)
            for sentence in stack.assumptions:
                self.branch.assume(sentence)

    def _hand_over(self, stack: Stack, handover: Handover) -> None:
        ns, frame = self.branch.world.by_id(handover.netns), handover.frame
        stack.journey = handover.journey
        if isinstance(ns, NotCollected) or handover.device not in ns.devices:
            why = f"{ns.what}: {ns.reason or ns.state}" if isinstance(ns, NotCollected) else "it is not there"
            reason = f"the device below {handover.by} of {stack.ns.place} was not collected: {why}"
            self._unheard(stack, frame, reason) if frame.neighbour is not None else stack.give_up(
                "external.unknown", frame, reason, where=stack.where(device=handover.by)
            )
            return
        port = Port(ns, ns.devices[handover.device])
        link = self._link(stack, handover.by, frame, "veth", Hop(place=ns.place, iif=port.device.name))
        self._record(handover.journey, link)
        self.under_way.append(_Arriving(port, frame, link, handover.way))

    def _cross(self, stack: Stack, emission: Emission) -> None:
        device = stack.ns.devices[emission.device]
        frame = emission.frame
        stack.journey = emission.journey
        if stack.ns is self.branch.world.outsider:
            if isinstance(frame, Packet):
                self._enter(stack, frame, emission)
            return
        match wire.lead(self.branch, stack, device, frame):
            case wire.Arrival(kind="infra", port=port) if frame.neighbour is not None and frame.asks:
                heard = self.underlay.hears(stack, device, port, frame)
                if isinstance(heard, Unknown):
                    self._unheard(stack, frame, heard.reason)
                elif heard:
                    self._pass_on(stack, device, frame, "infra", port)
            case wire.Arrival(kind=kind, port=port):
                self._pass_on(stack, device, frame, kind, port)
            case wire.Outside(nexthop=nexthop):
                if isinstance(frame, Packet) and frame.neighbour is None:
                    onward = self._routed(stack, device, frame, nexthop)
                    match onward:
                        case Port():
                            if self._found(stack, device, frame, nexthop, onward):
                                self._pass_on(stack, device, onward.addressed(frame), "infra", onward)
                        case wire.Nobody():
                            self._nobody(stack, frame, onward)
                        case Unknown(reason=reason):
                            where = stack.where(device=device.name)
                            stack.give_up("external.unknown", frame, reason, where=where)
                        case None:
                            self._leave(stack, device.name, frame, emission, str(nexthop or frame.dst))
                elif (
                    frame.neighbour is not None
                    and frame.asks
                    and self._told(stack, device, frame, frame.neighbour)
                ):
                    how = "ARP" if frame.neighbour.version == 4 else "neighbour solicitations"
                    self.branch.assume(f"{frame.neighbour} outside of the cluster answers {how}")
                    self._answer(stack, device, frame, frame.neighbour)
            case wire.Nowhere(reason=reason):
                if frame.neighbour is None:
                    stack.give_up("external.unknown", frame, reason, where=stack.where(device=device.name))
                else:
                    self._unheard(stack, frame, reason)
            case None:
                pass

    def _told(self, stack: Stack, device: Device, question: Frame, address: Address) -> bool:
        """Whether somebody outside answers for an address. Linux as a router does not for one that it leads
        back by where the question came from (net/ipv4/arp.c, arp_process); of a cloud that is not known.
        Only pods are sought there: an interface's prefix may hold its router's address, too."""
        if self.outside.kind_of(address) != "pod":
            return True
        sought = Packet(src=address, dst=address, protocol=Protocol.ICMP, src_mac=question.src_mac)
        door = self._door(stack, sought)
        if not (isinstance(door, Port) and door.sent(stack.ns, device, question)):
            return True
        reason = (
            f"whether the network between the nodes answers {stack.ns.place} for {address}, which it leads "
            f"to {device.name} there, is not known"
        )
        return stack.choices.undecided(Unknown(reason))

    def _answer(self, stack: Stack, device: Device, question: Frame, address: Address) -> None:
        """Of somebody outside, by the device that the question left by."""
        asker = neighbour.asker_of(stack, question)
        if asker is not None:
            neighbour.learn(stack, asker, address, OUTSIDE_MAC)
        elif (answer := neighbour_answer.in_its_name(question, OUTSIDE_MAC)) is not None:
            back = replace(answer, vlan=question.vlan)
            self.under_way.append(_Arriving(Port(stack.ns, device), back, None))

    def _unheard(self, stack: Stack, question: Frame, reason: str) -> None:
        """A question came to where nobody can tell who hears it: no answer is no certainty then."""
        because = Suspicion(code="external.unknown", level=Level.WARNING, where=stack.where(), message=reason)
        self.branch.neighbour_losses.insert(0, Loss(because=because, frame=question, unknown=Unknown(reason)))

    def _pass_on(self, stack: Stack, device: Device, frame: Frame, kind: LinkKind, port: Port) -> None:
        """To another place that was collected."""
        link = self._link(stack, device.name, frame, kind, Hop(place=port.ns.place, iif=port.device.name))
        self._record(stack.journey, link)
        if kind == "veth":
            if isinstance(frame, Arp) and flooded.goes_unheard(
                self.branch.stack(port.ns), port.device, frame
            ):
                return
        elif not self.underlay.between(self.branch, stack, device, port, frame):
            return
        self.under_way.append(_Arriving(port, frame, link))

    def _routed(
        self, stack: Stack, device: Device, packet: Packet, nexthop: Address | None
    ) -> Port | wire.Nobody | Unknown | None:
        """As `_door`. A router may lead a packet back to where it came from."""
        door = self._door(stack, packet)
        same = isinstance(door, Port) and door.sent(stack.ns, device, packet)
        return None if same and nexthop in (None, packet.dst) else door

    def _door(self, stack: Stack, packet: Packet) -> Port | wire.Nobody | Unknown | None:
        """The device that the cloud itself leads a packet to, also for an address of a node's further
        interfaces, which no object tells."""
        kind = self.outside.kind_of(packet.dst)
        if kind not in ("pod", "node", "external"):
            return None
        mac = self.underlay.interface_of(stack, packet)
        port = self.branch.world.owner_of_mac(mac, [packet.dst]) if mac else None
        if port is None and kind == "pod":
            if mac and (nobody := wire.nobody(self.branch, packet, mac)):
                return nobody
            port = self.branch.door_of_pod(packet.dst)
            if port is None and (reason := self.branch.world.no_door(packet.dst)):
                return Unknown(reason)
        return port

    def _found(self, stack: Stack, device: Device, packet: Packet, by: Address | None, port: Port) -> bool:
        """By the router that the packet was sent to, which tells its sender if not."""
        asks = self.underlay.router_asks(port)
        named = router.beside(by, stack.ns, device, self.underlay.node(port.ns.node))
        there = self.branch.stack(port.ns)
        lost = router.silence(there, port, packet, by, named) if asks is not False else None
        if lost is None or by is None:
            return True
        if not asks and not lost.unknown and stack.choices.undecided(router.doubt(lost, by)):
            return True
        stack.journey.losses.append(lost)
        complaint = router.complaint(by, packet)
        place = Place("external", str(by))
        link = self._link(stack, device.name, packet, "infra", Hop(place=place))
        self._record(stack.journey, link)
        if complaint is not None and link is not None:
            home = self.branch.door_of_pod(packet.src) or Port(stack.ns, device)
            back = self._through(place, link, packet, complaint, home)
            self.under_way.append(_Arriving(home, home.addressed(complaint), back))
        return False

    def _nobody(self, stack: Stack, packet: Packet, lead: wire.Nobody) -> None:
        link = self._link(stack, stack.where().device, packet, "infra", Hop(place=lead.node))
        self._record(stack.journey, link)
        message = (
            f"the network of the nodes leads {packet.dst} to the interface with the MAC {lead.mac}, which no "
            f"device of {lead.node} has"
        )
        remedy = "look at the log of the CNI's agent there, and start the pod anew"
        stack.lose("external.no-interface", packet, message, where=Where(place=lead.node), remedy=remedy)

    def _enter(self, stack: Stack, packet: Packet, emission: Emission) -> None:
        """From outside to a node, perhaps by a load balancer."""
        if self.entrance is None:
            raise RuntimeError("a packet from outside without an entrance")
        from kubectl_skoop.diagnosis.walk.entrance import NO_TARGET, Turned

        found = self.entrance.admit(self.branch, packet)
        if isinstance(found, Turned):
            if found.code != NO_TARGET or self.underlay.balancing(self.branch, stack, packet):
                self._turn(stack, packet, found)
            return
        self.branch.assume(ASSUMED)
        port, arriving, balancer = found
        first, journey = packet if balancer else arriving, emission.journey
        hop = Hop(place=balancer) if balancer else Hop(place=port.ns.place, iif=port.device.name)
        oif = stack.ns.device_name(emission.device)
        link = self._link(stack, oif, first, "external", hop)
        self._record(journey, link)
        if balancer is not None and link is not None:
            if not self.underlay.balancing(self.branch, stack, packet):
                return
            link = self._through(balancer, link, packet, arriving, port)
        if (arriving.src, arriving.dst) != (packet.src, packet.dst):
            self.branch.translated[flow_of(arriving)] = Asked(packet, balancer)
        if self.underlay.entering(self.branch, stack, port, arriving, balancer):
            self.under_way.append(_Arriving(port, arriving, link))

    def _turn(self, stack: Stack, packet: Packet, turned: "Turned") -> None:
        if turned.unknown:
            stack.give_up(turned.code, packet, turned.message)
        else:
            stack.lose(turned.code, packet, turned.message, remedy=turned.remedy)

    def _leave(self, stack: Stack, oif: str, packet: Packet, emission: Emission, nexthop: str) -> None:
        asked = self.branch.translated.get(flow_of(packet.quoted or packet))
        home = self.branch.world.outsider
        if asked is not None or (home is not None and packet.dst in home.local_addresses):
            self._go_home(stack, oif, packet, emission, asked)
            return
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
        if reply.dst == packet.dst and not self._found(stack, device, packet, ip_address(nexthop), port):
            return
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
        stack.journey = journey
        if self.underlay.entering(self.branch, stack, port, reply):
            self.under_way.append(_Arriving(port, reply, back))

    def _go_home(
        self, stack: Stack, oif: str, packet: Packet, emission: Emission, asked: Asked | None
    ) -> None:
        """To the host outside that asked, translated back as the underlay does it."""
        home = self.branch.world.outsider
        if home is None:
            return
        device = home.devices[max(home.devices)]
        balancer = asked.balancer if asked else None
        outside = Hop(place=home.place, iif=device.name)
        link = self._link(stack, oif, packet, "external", Hop(place=balancer) if balancer else outside)
        self._record(emission.journey, link)
        own = stack.ns.devices[emission.device]
        if not self.underlay.leaving(self.branch, stack, own, packet, balancer):
            return
        arriving = translated_back(packet, asked.packet) if asked else packet
        if balancer is not None and link is not None:
            link = self._through(balancer, link, packet, arriving, Port(home, device))
        self.under_way.append(_Arriving(Port(home, device), arriving, link))

    def _through(self, balancer: Place, link: Link, came: Packet, goes: Packet, port: Port) -> Link:
        """A load balancer's part: the link that goes on from there."""
        onward = Link(
            id=len(self.branch.links),
            kind="external",
            source=balancer,
            oif="",
            hop=Hop(place=port.ns.place, iif=port.device.name),
            packet=goes,
        )
        self.branch.links.append(onward)
        self.branch.visits.append(
            Visit(place=balancer, ns_id="", input=link, packet=came, journey=Journey(), outputs=[onward])
        )
        return onward

    def _link(self, stack: Stack, oif: str, frame: Frame, kind: LinkKind, hop: Hop) -> Link | None:
        if isinstance(frame, Arp) or frame.neighbour is not None:
            return None
        link = Link(
            id=len(self.branch.links), kind=kind, source=stack.ns.place, oif=oif, hop=hop, packet=frame
        )
        self.branch.links.append(link)
        return link

    def _record(self, journey: Journey, link: Link | None) -> None:
        visit = None if link is None else self.branch.visit_of(journey)
        if visit is not None and link is not None:
            visit.outputs.append(link)

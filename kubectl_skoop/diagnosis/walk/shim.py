"""The underlay as a provider sees it, asked on each link that leaves a node or comes to one."""

from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network
from typing import NamedTuple, TypeVar

from kubectl_skoop.cluster.objects import NodeInfo
from kubectl_skoop.diagnosis.extension.guard import FAILURES, told
from kubectl_skoop.diagnosis.extension.interface import Balanced, InfraShim, Tracked
from kubectl_skoop.diagnosis.walk.branch import Branch, Crossed, flow_of
from kubectl_skoop.diagnosis.walk.world import Port
from kubectl_skoop.model.packet import Address, Frame, Network, Packet, Protocol
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.stack import Stack

T = TypeVar("T")
FAILED = "provider.failed"


class Underlay(NamedTuple):
    """The provider's network between the nodes, and to and from the outside.

    Each question that a packet is put to answers whether it goes on; if not, the loss is recorded.
    """

    shim: InfraShim
    node: Callable[[str], NodeInfo | None]

    def between(self, branch: Branch, stack: Stack, device: Device, port: Port, frame: Frame) -> bool:
        """From a node to another one."""
        source, target = self.node(stack.ns.node), self.node(port.ns.node)
        if not isinstance(frame, Packet) or source is None or target is None:
            return True
        here, there = _end(stack, device, frame), _end_of(port)
        tracked = _tracked(branch, frame, here, there)
        return self._judge(
            branch,
            stack,
            frame,
            (here, there),
            lambda: self.shim.node_to_node(source, device.name, target, frame, tracked),
        )

    def hears(self, stack: Stack, device: Device, port: Port, question: Frame) -> bool | Unknown:
        """Whether a question for a neighbour gets from a node to another one: routers pass none on."""
        source, target = self.node(stack.ns.node), self.node(port.ns.node)
        address = question.neighbour
        if address is None or source is None or target is None:
            return True
        apart = _between_links(stack, device, port, question)
        if apart is True:
            return True
        told = _guarded(
            lambda: self.shim.on_link(source, question.src_mac, target, address), lambda reason: None
        )
        return apart if told is None else told

    def router_asks(self, port: Port) -> bool | None:
        """Whether a router asks for a node's device before it leads a packet there; None: not known."""
        target = self.node(port.ns.node)
        if target is None:
            return None
        return _guarded(lambda: self.shim.router_asks(target), lambda reason: None)

    def leaving(
        self, branch: Branch, stack: Stack, device: Device, packet: Packet, balancer: Place | None = None
    ) -> bool:
        """From a node to the outside, or back to the load balancer that it answers."""
        source = self.node(stack.ns.node)
        if source is None:
            return True
        here = _end(stack, device, packet)
        tracked = _tracked(branch, packet, here, "")

        def ask() -> Sequence[Suspicion]:
            if balancer is None:
                return self.shim.node_to_external(source, device.name, packet, tracked)
            address = ip_address(balancer.name)
            return self.shim.node_to_load_balancer(source, device.name, address, packet, tracked)

        return self._judge(branch, stack, packet, (here,), ask)

    def entering(
        self, branch: Branch, stack: Stack, port: Port, packet: Packet, balancer: Place | None = None
    ) -> bool:
        """From the outside or a load balancer to a node; `stack`: whose packet it is."""
        target = self.node(port.ns.node)
        if target is None:
            return True
        there = _end_of(port)
        tracked = _tracked(branch, packet, "", there)

        def ask() -> Sequence[Suspicion]:
            if balancer is None:
                return self.shim.external_to_node(target, packet, tracked)
            return self.shim.load_balancer_to_node(ip_address(balancer.name), target, packet, tracked)

        return self._judge(branch, stack, packet, (there,), ask)

    def balancing(self, branch: Branch, stack: Stack, packet: Packet) -> bool:
        """From the outside to a load balancer."""
        return self._judge(branch, stack, packet, (), lambda: self.shim.external_to_load_balancer(packet))

    def balance(self, packet: Packet) -> Sequence[Balanced] | Unknown | None:
        return _guarded(lambda: self.shim.balance(packet), Unknown)

    def has_balancer(self, address: Address) -> bool:
        """A load balancer has it, whether or not it serves any port."""
        return self.balance(Packet(src=address, dst=address, protocol=Protocol.TCP)) is not None

    def addresses_of(self, name: str) -> Sequence[Address] | Unknown:
        """Of a load balancer's host name."""
        return _guarded(lambda: self.shim.addresses_of(name), Unknown)

    def interface_of(self, stack: Stack, packet: Packet) -> str:
        """MAC of the interface that the underlay routes a packet to; empty: it knows none."""
        source = self.node(stack.ns.node)
        return "" if source is None else self._interface_of(source, packet)

    def routed_in(self, branch: Branch, packet: Packet) -> Port | None:
        """The node's device that it routes a packet of a load balancer to; None: it knows none."""
        mac = self._interface_of(None, packet)
        return branch.world.owner_of_mac(mac, [packet.dst]) if mac else None

    def _interface_of(self, source: NodeInfo | None, packet: Packet) -> str:
        return _guarded(lambda: self.shim.interface_of(source, packet), lambda reason: "")

    def _judge(
        self,
        branch: Branch,
        stack: Stack,
        packet: Packet,
        ends: Sequence[str],
        ask: Callable[[], Sequence[Suspicion]],
    ) -> bool:
        passes = True
        for finding in _guarded(lambda: tuple(ask()), lambda reason: (_failure(stack, reason),)):
            if not finding.effect:
                branch.findings.append(finding)
            elif finding.effect == "unknown":
                stack.give_up(finding.code, packet, finding.message, where=finding.where)
                passes = False
            else:
                stack.lose(
                    finding.code,
                    packet,
                    finding.message,
                    where=finding.where,
                    evidence=finding.evidence,
                    remedy=finding.remedy,
                )
                passes = False
        if passes:
            branch.crossed.update(Crossed(end, flow_of(packet)) for end in ends)
        return passes


def _between_links(stack: Stack, device: Device, port: Port, question: Frame) -> bool | Unknown:
    """By the networks of the two devices: where they are apart a router is between them, or they share a
    link. Of devices on top of them nothing is said."""
    address = question.neighbour
    entry = port.ns.local_addresses.get(address) if address is not None else None
    own = question.src_mac == device.mac and not question.vlan
    if address is None or entry is None or entry.device != port.device.index or not own:
        return True
    here = _networks(stack.ns, device, address.version)
    there = _networks(port.ns, port.device, address.version)
    if not here or not there or any(one.overlaps(other) for one in here for other in there):
        return True
    ends = (
        f"{device.name} of {stack.ns.place} is in {', '.join(map(str, here))}, {port.device.name} of "
        f"{port.ns.place} in {', '.join(map(str, there))}"
    )
    return Unknown(f"whether both are on one link is not known, and a router passes no such question: {ends}")


def _networks(ns: NetworkNamespace, device: Device, version: int) -> list[Network]:
    """Those that say who is on the link."""
    own = (one for one in ns.addresses if one.device == device.index and one.address.version == version)
    found = (
        ip_network((one.address, one.prefix), strict=False) for one in own if not one.address.is_link_local
    )
    return [one for one in found if one.prefixlen < one.max_prefixlen]


def _end(stack: Stack, device: Device, sent: Packet) -> str:
    """An interface of the underlay: of those that share a device each has a MAC of its own."""
    return f"{stack.ns.id} {device.name} {sent.src_mac}"


def _end_of(port: Port) -> str:
    return f"{port.ns.id} {port.device.name} {port.mac}"


def _tracked(branch: Branch, packet: Packet, here: str, there: str) -> Tracked:
    """An ICMP error belongs to the connection of the packet that it is about."""
    flow = flow_of(packet.quoted or packet)
    return Tracked(Crossed(here, flow) in branch.crossed, Crossed(there, flow) in branch.crossed)


def _guarded(ask: Callable[[], T], otherwise: Callable[[str], T]) -> T:
    """Whatever a stranger's code raises makes what it was asked unknown."""
    try:
        return ask()
    except FAILURES as error:
        return otherwise(f"the provider failed here: {told(error)}")


def _failure(stack: Stack, reason: str) -> Suspicion:
    return Suspicion(
        code=FAILED,
        level=Level.WARNING,
        where=Where(place=stack.ns.place),
        message=f"what the cloud does to the packet is not known: {reason}",
        remedy="report this to the author of the provider; --cloud-provider generic does without it",
        effect="unknown",
    )

"""What lies beyond the underlay: nothing of it is collected, so all of it is assumption, and said to be."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from kubectl_skoop.diagnosis.walk.branch import Branch
from kubectl_skoop.diagnosis.walk.world import Port
from kubectl_skoop.model.packet import Address, Network, Packet, Protocol, TcpFlags
from kubectl_skoop.model.place import EndpointKind, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.l4 import icmp, tcp
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.conntrack import IPS_SEEN_REPLY
from kubectl_skoop.netstack.stack import Journey, Loss, Stack

_PRIVATE = tuple(
    ip_network(network)
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
"""RFC 1918, RFC 6598, RFC 4193."""


class Outside(NamedTuple):
    """Answers as a host would, to addresses that the outside can know; routes to nodes, not to pods."""

    kind_of: Callable[[Address], EndpointKind]
    no_service: Callable[[Address], str] = lambda _: ""
    """That the address can only be a service's, but is none's; empty: it may be somebody else's."""
    node_of: Callable[[Address], str] = lambda _: ""
    """Name of the node that should have the address itself (InternalIP); empty: none."""
    node_of_range: Callable[[Address], str] = lambda _: ""
    """Name of the node whose range for pods the address is in, where the nodes' network knows pods; empty:
    none."""

    def receive(
        self,
        branch: Branch,
        stack: Stack,
        device: Device,
        packet: Packet,
        nexthop: str,
        journey: Journey,
        sent: Journey,
    ) -> tuple[Port, Packet] | None:
        """The answer with the node's device that it arrives at; None: there is none.

        `sent`: what the node did with the packet before it left.
        """
        kind = self.kind_of(packet.dst)
        where = Where(place=stack.ns.place, device=device.name)
        if reason := branch.world.unread_owner(packet.dst, ip_address(nexthop)):
            _give_up(journey, packet, where, reason)
            return None
        if kind == "service":
            message = (
                f"no rule of {stack.ns.place} translates service address {packet.dst} port {packet.dport}: "
                f"the packet leaves as it is by {device.name} towards {nexthop}"
            )
            branch.assume("the underlay has no route to service addresses")
            rules = [step.text for step in sent.trace if step.kind == "rule" and step.where.table != "filter"]
            if held := _held(stack, packet):
                rules.insert(0, f"a conntrack entry holds the flow as it is, so no rule is asked: {held}")
            _lose(journey, "service.untranslated", packet, where, message, rules)
            return None
        if kind == "pod":
            message = (
                f"the packet for pod address {packet.dst} leaves {stack.ns.place} by {device.name} towards "
                f"{nexthop}, which is not part of the cluster"
            )
            branch.assume("the underlay has no route to pod addresses")
            routed = [f"{step.text} ({step.effect})" for step in sent.trace if step.kind == "route"]
            _lose(journey, "external.pod-address", packet, where, message, routed[-1:])
            return None
        if kind in ("node", "lb"):
            owner = branch.world.owner_of_address(packet.dst)
            if owner is not None:
                branch.assume(f"{nexthop} routes to {packet.dst}")
                return owner, owner.addressed(replace(packet, ttl=packet.ttl - 1, src_mac=""))
        if node := self.node_of(packet.dst):
            message = (
                f"no device of {node} has {packet.dst}, which is its InternalIP: the packet leaves "
                f"{stack.ns.place} by {device.name} towards {nexthop}, and nobody takes it"
            )
            _lose(journey, "external.no-node", packet, where, message)
            return None
        if packet.inner is not None:
            _end_of_tunnel(stack, device, packet, nexthop, journey, where)
            return None
        if node := self.node_of_range(packet.dst):
            reason = (
                f"whether the nodes' network leads {packet.dst}, which no pod has, to {node}, as it is in "
                "the range of its pods, is not known"
            )
            _give_up(journey, packet, where, reason)
            return None
        if _is_answer(branch, packet):
            message = (
                f"the answer for {packet.dst} leaves {stack.ns.place} by {device.name} towards {nexthop}: "
                "nobody in the cluster has that address"
            )
            _lose(journey, "external.no-return", packet, where, message)
            return None
        if _is_private(packet.dst) and (reason := self.no_service(packet.dst)):
            reason = f"{reason}: the packet leaves {stack.ns.place} by {device.name} towards {nexthop}"
            _give_up(journey, packet, where, reason, "service.no-such-address")
            return None
        reply = _reply(packet)
        if reply is None:
            return None
        if finding := _unseen(stack, device, packet):
            branch.findings.append(finding)
        journey.served = True
        branch.assume(f"{packet.dst} outside of the cluster answers")
        return self._back(branch, Port(stack.ns, device), reply, journey, where)

    def _back(
        self, branch: Branch, port: Port, reply: Packet, journey: Journey, where: Where
    ) -> tuple[Port, Packet] | None:
        owner = branch.world.owner_of_address(reply.dst)
        kind = self.kind_of(reply.dst)
        if owner is None and kind == "node":
            owner = port
        door = branch.door_of_pod(reply.dst) if kind == "pod" else None
        if door is not None and _is_private(reply.src):
            branch.assume(f"{reply.src} knows the nodes' network: it answers pods by their addresses")
            owner = door
        elif door is not None and not self._knows_pods(port.ns, reply.src):
            _give_up(
                journey,
                reply,
                where,
                f"whether the nodes' network translates pod address {reply.dst} on the way to {reply.src} "
                "(a NAT gateway) is not known",
            )
            return None
        elif kind == "pod" and self._knows_pods(port.ns, reply.src):
            branch.assume(f"{reply.src} has a route to {reply.dst}: it answers other pods by their addresses")
        elif kind == "pod" and _is_private(reply.src):
            _give_up(
                journey,
                reply,
                where,
                f"whether {reply.src}, which was not collected, has a route to pod address {reply.dst} is "
                f"not known, and {port.ns.place} does not translate the source on the way out",
            )
            return None
        elif kind == "pod" or owner is None:
            message = (
                f"the answer goes to {reply.dst}, to which the outside has no route: {port.ns.place} "
                "did not translate the source on the way out to an address of its own"
            )
            branch.assume("the outside has no route to pod addresses")
            _lose(journey, "external.no-return", reply, where, message)
            return None
        return owner or port, (owner or port).addressed(reply)

    def _knows_pods(self, ns: NetworkNamespace, outside: Address) -> bool:
        """A connection from a pod, with the pod's own address, has had an answer from there."""
        return any(
            entry.reply.src == outside
            and entry.reply.dst == entry.original.src
            and entry.status & IPS_SEEN_REPLY
            and self.kind_of(entry.original.src) == "pod"
            for entry in ns.conntrack
        )


def _held(stack: Stack, packet: Packet) -> str:
    """The entry of the snapshot that the packet belongs to; empty: none."""
    flow = (packet.src, packet.sport, packet.dst, packet.dport, packet.protocol)
    for connection in stack.connections:
        one = connection.original
        if connection.existing and (one.src, one.sport, one.dst, one.dport, one.protocol) == flow:
            return f"src={one.src} dst={one.dst} sport={one.sport} dport={one.dport}"
    return ""


def _is_private(outside: Address) -> bool:
    """They may be in a network that routes to pods (a VPC, a control plane beside the nodes), or be a
    service's; nobody on the internet is."""
    return any(outside in network for network in _PRIVATE if network.version == outside.version)


def _unseen(stack: Stack, device: Device, packet: Packet) -> Suspicion | None:
    """The destination is in the node's own network, but no node has it, and nobody there was seen to."""
    address = packet.dst
    if any(entry.address == address and entry.valid for entry in stack.ns.neighbours):
        return None
    own = _network_of(stack, device, address)
    hops = (hop for route in stack.ns.routes for hop in route.nexthops)
    if own is None or any(hop.gateway == address for hop in hops):
        return None
    return Suspicion(
        code="external.no-node",
        level=Level.WARNING,
        where=Where(place=stack.ns.place, device=device.name),
        message=f"no node is known to have {address}, which is in the network of {device.name}, {own}; that "
        "somebody else there has it is an assumption",
        evidence=(f"neighbours of {device.name}: no valid entry for {address}",),
        remedy=f"ask for it on the node: arping -I {device.name} {address}; ip neighbour show {address}",
    )


def _network_of(stack: Stack, device: Device, address: Address) -> Network | None:
    """The one of the device that an address is in."""
    networks = (
        ip_network((entry.address, entry.prefix), strict=False)
        for entry in stack.ns.addresses
        if entry.device == device.index
    )
    return next((network for network in networks if address in network), None)


def _end_of_tunnel(
    stack: Stack, device: Device, packet: Packet, nexthop: str, journey: Journey, where: Where
) -> None:
    """Who is no node unpacks nothing for this cluster; but a router may lead the address to a node."""
    address = packet.dst
    if _network_of(stack, device, address) is None:
        reason = (
            f"whether {nexthop} leads {address}, which no node has, to a node by translating it is not known"
        )
        _give_up(journey, packet, where, reason)
        return
    message = f"no node has {address}, in the network of {device.name}, where the tunnel's packet goes"
    _lose(journey, "tunnel.no-node", packet, where, message, [str(packet)])


def _give_up(
    journey: Journey, packet: Packet, where: Where, reason: str, code: str = "external.unknown"
) -> None:
    because = Suspicion(code=code, level=Level.WARNING, where=where, message=reason)
    journey.losses.append(Loss(because=because, frame=packet, unknown=Unknown(reason)))


def _lose(
    journey: Journey, code: str, packet: Packet, where: Where, message: str, evidence: Sequence[str] = ()
) -> None:
    because = Suspicion(code=code, level=Level.FATAL, where=where, message=message, evidence=tuple(evidence))
    journey.losses.append(Loss(because=because, frame=packet))


def _is_answer(branch: Branch, packet: Packet) -> bool:
    """It answers something that was asked inside of the cluster: nobody outside waits for it."""
    match packet.protocol:
        case Protocol.ICMP | Protocol.ICMPV6:
            return packet.icmp_type == icmp.echo_reply_type(packet.family)
        case Protocol.TCP:
            return bool(packet.flags & TcpFlags.SYN and packet.flags & TcpFlags.ACK)
        case _:
            return any(stack.servers for stack in branch.stacks.values())


def _reply(packet: Packet) -> Packet | None:
    echo = packet.protocol in (Protocol.ICMP, Protocol.ICMPV6)
    if echo and packet.icmp_type != icmp.echo_type(packet.family):
        return None
    if packet.flags & TcpFlags.RST:
        return None
    reply = replace(
        packet, src=packet.dst, dst=packet.src, sport=packet.dport, dport=packet.sport, ttl=60, src_mac=""
    )
    if echo:
        return replace(reply, icmp_type=icmp.echo_reply_type(packet.family))
    if packet.protocol == Protocol.TCP:
        if packet.flags & TcpFlags.SYN:
            return replace(reply, flags=TcpFlags.SYN | TcpFlags.ACK, mss=1460)
        return replace(reply, flags=TcpFlags.ACK | TcpFlags.PSH) if tcp.carries_data(packet) else None
    return reply

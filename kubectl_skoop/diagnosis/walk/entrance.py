"""Where a packet from outside comes in: at a load balancer, at the node that has the address, at any node."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.policy.port import protocol_name
from kubectl_skoop.cluster.service import Service, usable
from kubectl_skoop.diagnosis.extension.interface import Balanced
from kubectl_skoop.diagnosis.walk.branch import Branch, flow_of
from kubectl_skoop.diagnosis.walk.world import Port, underlay_ports
from kubectl_skoop.model.errors import UnknownName
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Address, Packet
from kubectl_skoop.model.place import Endpoint, Place
from kubectl_skoop.model.verdict import Unknown

NO_TARGET = "balancer.no-target"
MAX_NODES = 8
"""Nodes that are walked where it is not known which one takes the packet."""


class Admitted(NamedTuple):
    """It comes to a node."""

    port: Port
    packet: Packet
    balancer: Place | None = None


class Turned(NamedTuple):
    """It does not get as far as a node, or nobody knows where it goes."""

    code: str
    message: str
    remedy: str = ""
    unknown: bool = False


class Entrance(NamedTuple):
    """The ways into the cluster, as far as its objects and its cloud tell them."""

    cluster: Cluster
    balance: Callable[[Packet], Sequence[Balanced] | Unknown | None]
    routed: Callable[[Branch, Packet], Port | None]
    """The node's device that the underlay leads a packet for a pod to."""

    def admit(self, branch: Branch, packet: Packet) -> Admitted | Turned:
        if (target := branch.balanced.get(flow_of(packet))) is not None:
            return self._balanced(branch, packet, target)
        match self.balance(packet):
            case Unknown(reason=reason):
                return Turned("external.unknown", reason, unknown=True)
            case None:
                return self._to_owner(branch, packet)
            case [*targets] if targets:
                ways = [(target.share, target) for target in targets]
                target = branch.choices.pick(f"load balancer {packet.dst}:{packet.dport}", ways)
                branch.balanced[flow_of(packet)] = target
                return self._balanced(branch, packet, target)
            case _:
                what = f"{protocol_name(packet.protocol)} {packet.dport}"
                message = f"the load balancer {packet.dst} has no target for {what}"
                return Turned(NO_TARGET, message, "look at its listeners and target groups")

    def _to_owner(self, branch: Branch, packet: Packet) -> Admitted | Turned:
        end = self.cluster.endpoint(packet.dst)
        match end.kind:
            case "node":
                return self._to_node(branch, packet, end)
            case "lb" | "service":
                service = self.cluster.service(end.name)
                if packet.dst in service.cluster_addresses:
                    message = f"the outside has no route to {packet.dst}, an address inside of the cluster"
                    return Turned("external.no-route", message, _remedy(service))
                if packet.dst in service.load_balancer_proxied:
                    message = f"to which node the load balancer {packet.dst} sends a connection is not known"
                    return Turned("external.unknown", message, unknown=True)
                return self._to_any(branch, packet, service)
            case "pod":
                message = f"whether the outside has a route to pod address {packet.dst} is not known"
                return Turned("external.unknown", message, unknown=True)
            case _:
                message = f"{packet.dst} is outside of the cluster, and so is who sends to it"
                return Turned("external.unknown", message, unknown=True)

    def _to_node(self, branch: Branch, packet: Packet, end: Endpoint) -> Admitted | Turned:
        """By the address itself, or by another one of its node that the cloud translates it to."""
        if reason := branch.world.unread_owner(packet.dst):
            return Turned("external.unknown", reason, unknown=True)
        port = branch.world.owner_of_address(packet.dst)
        if port is not None:
            return Admitted(port, _arriving(packet, port))
        for address in self.cluster.node(end.name).addresses:
            port = branch.world.owner_of_address(address) if address.version == packet.family else None
            if port is not None:
                branch.assume(
                    f"{packet.dst}, which no device of {end.name} has, is translated to its {address}"
                )
                return Admitted(port, _arriving(replace(packet, dst=address), port))
        message = f"no device of node {end.name} has {packet.dst}, nor another address of its status"
        return Turned("external.no-route", message, "correct the addresses in the node's status")

    def _to_any(self, branch: Branch, packet: Packet, service: Service) -> Admitted | Turned:
        """An address that a speaker announces for a node, or that a router leads to one."""
        names, note = self._takers(service)
        for name in names[:MAX_NODES]:
            for port in self._ports(branch, name):
                if _has(port, packet.dst):
                    return Admitted(port, _arriving(packet, port))
        if len(names) > MAX_NODES:
            branch.assume(f"of {len(names)} nodes that may take {packet.dst}, {MAX_NODES} stand for all")
        *others, last = names[:MAX_NODES] or [""]
        question = (
            f"which node takes packets for {packet.dst} is not known, and it makes a difference whether"
        )
        taken = next(
            (name for name in others if branch.choices.undecided(Unknown(f"{question} {name} does"))), last
        )
        ports = list(self._ports(branch, taken)) if taken else []
        if not ports:
            reason = f"node {taken} was not collected" if taken else "no node is known"
            return Turned("external.unknown", f"{packet.dst} leads to a node: {reason}", unknown=True)
        branch.assume(f"{packet.dst} is led to a node{note}; each that may take it is walked")
        return Admitted(ports[0], _arriving(packet, ports[0]))

    def _takers(self, service: Service) -> tuple[list[str], str]:
        """Nodes that may take packets for an address of the service, and which they are."""
        names = [node.name for node in self.cluster.nodes()]
        if service.external_traffic_policy != "Local" or service.type != "LoadBalancer":
            return names, ""
        if self.cluster.unlisted(service) is not None:
            return names, ""
        backends = [one for port in service.ports for one in usable(self.cluster.backends(service, port))]
        local = {one.node for one in backends}
        return [name for name in names if name in local] or names, " that has an endpoint"

    def _ports(self, branch: Branch, node: str) -> list[Port]:
        """On the underlay: the one with the node's first address first."""
        ns = branch.world.at(Place("node", node))
        if isinstance(ns, NotCollected):
            return []
        try:
            own = self.cluster.node(node).addresses
        except UnknownName:
            own = ()
        return sorted(underlay_ports(ns), key=lambda port: not any(_has(port, address) for address in own))

    def _balanced(self, branch: Branch, packet: Packet, target: Balanced) -> Admitted | Turned:
        source = target.source or packet.src
        inner = replace(packet, src=source, dst=target.address, dport=target.port)
        balancer = Place("lb", str(packet.dst))
        if reason := branch.world.unread_owner(target.address):
            return Turned("external.unknown", reason, unknown=True)
        port = branch.world.owner_of_address(target.address) or self.routed(branch, inner)
        if port is None:
            message = (
                f"which node has {target.address}, a target of the load balancer {packet.dst}, is not known"
            )
            return Turned("external.unknown", message, unknown=True)
        return Admitted(port, _arriving(inner, port), balancer)


def _has(port: Port, address: Address) -> bool:
    entry = port.ns.local_addresses.get(address)
    return entry is not None and entry.device == port.device.index


def _arriving(packet: Packet, port: Port) -> Packet:
    return port.addressed(packet)


def _remedy(service: Service) -> str:
    if any(port.node_port for port in service.ports):
        return "ask for a node's address and the service's node port"
    return "give the service the type NodePort or LoadBalancer, or an external address"

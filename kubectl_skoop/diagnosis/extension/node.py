"""What most plugins share: a pod on one veth, and a node that wants things by kind of destination."""

from collections.abc import Mapping
from dataclasses import dataclass

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.objects import NodeInfo, PodInfo, Service
from kubectl_skoop.diagnosis.expectations import expect
from kubectl_skoop.diagnosis.extension.interface import Passing, SimplePluginNode, Wishes
from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.model.path import Link
from kubectl_skoop.model.place import Place

PORT_PROTOCOLS: Mapping[int, str] = {Protocol.TCP: "TCP", Protocol.UDP: "UDP", Protocol.SCTP: "SCTP"}


@dataclass(eq=False, frozen=True, slots=True)
class SimpleVethPod:
    """A pod whose only way out is one veth with all of its addresses."""

    pod: PodInfo
    device: str = "eth0"
    gateway: str = ""
    """IPv4 next hop of its default route; empty: whichever."""
    gateway6: str = ""
    """IPv6 next hop of its default route; empty: whichever."""
    gateway_mac: str = ""
    """What the gateways' neighbour entries must say once they are resolved; empty: whatever."""
    gateway_static: bool = False
    """The entry is written, since nobody answers for the gateway."""
    max_mtu: int | None = None
    """Bytes that the way to other nodes takes; None: not known."""
    prefix: int = 32
    """Length of the IPv4 address's prefix, used when mending only."""
    routed: bool = True
    """It has a default route."""
    resolves: bool = True
    """The device asks for MACs (ARP)."""
    alone: bool = True
    """The device has no other addresses."""

    @property
    def place(self) -> Place:
        return Place("pod", self.pod.key)

    def always(self) -> Wishes:
        if self.pod.host_network:
            return
        because = "the CNI plugin sets it up when the pod starts"
        yield expect.device(
            self.device,
            up=True,
            carrier=True,
            arp=self.resolves or None,
            max_mtu=self.max_mtu,
            because=because,
        )
        yield expect.device("lo", up=True, because="the container runtime sets it up")
        for address in self.pod.addresses:
            prefix = self.prefix if address.version == 4 else 128
            yield expect.address(
                self.device,
                f"{address}/{prefix}",
                any_prefix=True,
                others=self.pod.addresses if self.alone else None,
                because="Kubernetes has this address as the pod's (status.podIPs)",
            )
        yield from self._routes()

    def wishes(self, passing: Passing) -> Wishes:
        return ()

    def _routes(self) -> Wishes:
        if not self.routed:
            return
        because = "the CNI plugin adds it when the pod starts"
        versions = {address.version for address in self.pod.addresses}
        if 6 in versions:
            via = self.gateway6 or None
            yield expect.default_route(dev=self.device, via=via, family=6, because=because)
            yield from self._resolved(self.gateway6)
        if 4 in versions:
            yield expect.default_route(dev=self.device, via=self.gateway or None, because=because)
            yield from self._resolved(self.gateway)

    def _resolved(self, gateway: str) -> Wishes:
        if gateway and self.gateway_mac:
            yield expect.neighbour(
                gateway,
                dev=self.device,
                mac=self.gateway_mac,
                required=self.gateway_static,
                because="the gateway is the node's end, which has this MAC",
            )


@dataclass(eq=False, frozen=True, slots=True)
class BasePluginNode:
    """A node as a NetNodeAction: asks its SimplePluginNode by what the addresses of a packet are.

    Networks beside a pod's primary one (Multus) are somebody else's: of them nothing is asked.
    """

    node: NodeInfo
    simple: SimplePluginNode
    cluster: Cluster

    @property
    def place(self) -> Place:
        return Place("node", self.node.name)

    def always(self) -> Wishes:
        return self.simple.always()

    def wishes(self, passing: Passing) -> Wishes:
        yield from self._arriving(passing.upstream, passing.arrived.innermost)
        several = len(passing.left) > 1
        for packet in dict.fromkeys(passing.left) if several else passing.left:
            yield from self._leaving(passing.upstream, packet.innermost)
        if not passing.left:
            yield from self.simple.serve(passing.upstream, passing.arrived.innermost)

    def _arriving(self, upstream: Link | None, packet: Packet) -> Wishes:
        service = service_at(self.cluster, packet)
        return () if service is None else self.simple.to_service(upstream, packet, service)

    def _leaving(self, upstream: Link | None, packet: Packet) -> Wishes:
        endpoint = self.cluster.endpoint(packet.dst)
        match endpoint.kind:
            case "pod":
                pod = self.cluster.pod(endpoint.name)
                return self.simple.to_pod(upstream, packet, pod) if packet.dst in pod.addresses else ()
            case "node":
                return self.simple.to_host(upstream, packet, self.cluster.node(endpoint.name))
            case _:
                return self.simple.to_external(upstream, packet)


def service_at(cluster: Cluster, packet: Packet) -> Service | None:
    """The service whose address, or whose port on a node, the packet is for."""
    endpoint = cluster.endpoint(packet.dst)
    if endpoint.kind in ("service", "lb"):
        return cluster.service(endpoint.name)
    protocol = PORT_PROTOCOLS.get(packet.protocol, "")
    if endpoint.kind != "node" or not protocol:
        return None
    wanted = (packet.dport, protocol)
    for service in cluster.services():
        if any((port.node_port, port.protocol) == wanted for port in service.ports):
            return service
    return None

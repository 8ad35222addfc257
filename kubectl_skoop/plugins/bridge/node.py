"""A node whose pods have addresses of its podCIDR, and which routes to the other nodes' podCIDRs."""

from dataclasses import dataclass
from typing import NamedTuple

from kubectl_skoop.api import (
    Address,
    Context,
    Device,
    IpNetwork,
    Link,
    NodeInfo,
    Packet,
    Place,
    PodInfo,
    Service,
    SimplePluginNode,
    Wishes,
    expect,
)
from kubectl_skoop.plugins.bridge.attach import Attachment
from kubectl_skoop.plugins.bridge.observed import used_networks
from kubectl_skoop.plugins.on_bridge import pod_network


class Peers(NamedTuple):
    """Who writes the routes to the other nodes' pods."""

    author: str
    """`kindnetd adds it`"""
    protocol: str = ""
    """As `ip route` names it; empty: whichever."""
    tunnels: str = ""
    """Beginning of the names of tunnels; a node that has one is left to the kernel's word."""
    table: int = 0
    """Beside tunnels a rule looks this up for the node's own pods; 0: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLocalNode(SimplePluginNode):
    """`attachment` or `peers` None: not known, left to the kernel's word."""

    ctx: Context
    node: NodeInfo
    attachment: Attachment | None
    peers: Peers | None

    def always(self) -> Wishes:
        because = "the CNI plugin sets it: a node forwards for its pods"
        yield expect.sysctl("net.ipv4.ip_forward", 1, because=because)
        uplink = self._uplink(4)
        if uplink is not None:
            yield expect.device(
                uplink.name,
                up=True,
                carrier=True,
                arp=True,
                min_mtu=self.ctx.largest_pod_mtu(self.node.name) if self.peers else None,
                because="it leads to the other nodes",
            )
            yield expect.forwarding(uplink.name)
        if self.attachment is not None and self.ctx.pods_of(self.node.name):
            yield from self.attachment.always(self.node)
        if self.peers is not None and self.peers.table and self._tunnels(self.peers):
            for network in used_networks(self.ctx, self.node):
                yield expect.rule(
                    source=network,
                    table=self.peers.table,
                    family=network.version,
                    because=f"{self.peers.author} when it sets tunnels up",
                )

    def to_pod(self, upstream: Link | None, packet: Packet, pod: PodInfo) -> Wishes:
        yield from self._sender(upstream)
        if pod.host_network:
            return
        if pod.node != self.node.name:
            yield from self._peer(pod.node, packet)
        elif self.attachment is not None:
            yield from self.attachment.end(pod)
            yield from self.attachment.towards(pod, packet)

    def to_host(self, upstream: Link | None, packet: Packet, node: NodeInfo) -> Wishes:
        yield from self._sender(upstream)
        address = _address(node, packet.family)
        if address is not None and node.name != self.node.name:
            yield from self._underlay(address)

    def to_external(self, upstream: Link | None, packet: Packet) -> Wishes:
        return self._sender(upstream)

    def to_service(self, upstream: Link | None, packet: Packet, service: Service) -> Wishes:
        return self._sender(upstream)

    def serve(self, upstream: Link | None, packet: Packet) -> Wishes:
        return self._sender(upstream)

    def _sender(self, upstream: Link | None) -> Wishes:
        """The node's end of the pod that the packet came from."""
        if upstream is None or upstream.source.kind != "pod" or self.attachment is None:
            return
        pod = self.ctx.pod(upstream.source.name)
        if pod is not None and pod.node == self.node.name:
            yield from self.attachment.end(pod)

    def _peer(self, name: str, packet: Packet) -> Wishes:
        peer = self.ctx.node(name)
        network = pod_network(peer, packet.family)
        if peer is None or network is None or packet.dst not in network or self.peers is None:
            return
        address, uplink = _address(peer, packet.family), self._uplink(packet.family)
        if address is None or not self._on_link(address) or self._tunnels(self.peers):
            return
        yield from self._underlay(address)
        route = expect.route(
            network,
            dev=uplink.name if uplink else "",
            via=address,
            protocol=self.peers.protocol,
            carries=packet.dst,
            source=packet.src,
            because=f"{self.peers.author} when node {peer.name} joins",
        )
        yield from expect.about(peer, [route])

    def _underlay(self, other: Address) -> Wishes:
        """Nodes of one link reach each other without a router."""
        uplink, network = self._uplink(other.version), self._link(other.version)
        if uplink is not None and network is not None and other in network:
            because = "the kernel adds it with the node's address"
            yield expect.route(network, dev=uplink.name, carries=other, because=because)

    def _on_link(self, other: Address) -> bool:
        """Where the node's own state does not say: taken to be so."""
        network = self._link(other.version)
        return network is None or other in network

    def _link(self, version: int) -> IpNetwork | None:
        own = _address(self.node, version)
        return None if own is None else self.ctx.network_of(self._place, own)

    def _uplink(self, version: int) -> Device | None:
        own = _address(self.node, version)
        return None if own is None else self.ctx.device_with(self._place, own)

    def _tunnels(self, peers: Peers) -> bool:
        devices = self.ctx.devices(self._place) if peers.tunnels else ()
        return any(device.name.startswith(peers.tunnels) for device in devices)

    @property
    def _place(self) -> Place:
        return Place("node", self.node.name)


def _address(node: NodeInfo, version: int) -> Address | None:
    return next((address for address in node.addresses if address.version == version), None)

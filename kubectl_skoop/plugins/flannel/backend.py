"""What the backends of flannel have in common: the way to another node's pods."""

from collections.abc import Iterable
from typing import NamedTuple

from kubectl_skoop.api import Address, IpNetwork, NodeInfo, Packet, Wishes, expect
from kubectl_skoop.plugins.flannel.fabric import Fabric
from kubectl_skoop.plugins.flannel.settings import Family, family_of


class Peer(NamedTuple):
    """Another node, as one IP version of its pods is reached."""

    node: NodeInfo
    network: IpNetwork
    public_ip: Address

    @property
    def family(self) -> Family:
        return family_of(self.network.version)


class Tunnel(NamedTuple):
    device: str
    overhead: int
    """Bytes that it adds to a pod's packet."""


class Backend:
    """As it stands the class is `alloc`: flanneld gives out ranges, and somebody else routes them."""

    __slots__ = ("fabric", "node")

    def __init__(self, fabric: Fabric, node: NodeInfo) -> None:
        self.fabric, self.node = fabric, node

    def tunnels(self) -> Iterable[Tunnel]:
        """That pods' packets may go through; the first is that of IPv4."""
        return ()

    def own(self, families: Iterable[Family]) -> Wishes:
        """What it sets up on its node, whatever the packet."""
        return ()

    def way(self, peer: Peer, packet: Packet) -> Wishes:
        """For a packet to the peer's pods."""
        return ()

    def pod_mtu(self) -> int | None:
        """The largest that the way to other nodes takes, bytes; None: not known."""
        found = (self.fabric.device(self.node, tunnel.device) for tunnel in self.tunnels())
        return next((device.mtu for device in found if device is not None), None)

    def carried_mtu(self) -> int | None:
        """What must fit through the uplink, bytes; None: nothing is known to."""
        tunnels = list(self.tunnels())
        if not tunnels:
            return self.fabric.ctx.largest_pod_mtu(self.node.name)
        found = ((self.fabric.device(self.node, tunnel.device), tunnel.overhead) for tunnel in tunnels)
        return max((device.mtu + overhead for device, overhead in found if device is not None), default=None)

    def plain_route(self, peer: Peer, packet: Packet) -> Wishes:
        """To the peer itself, which forwards."""
        uplink = self.fabric.uplink(self.node, peer.family)
        yield expect.route(
            peer.network,
            dev=uplink.name if uplink else "",
            via=peer.public_ip,
            carries=packet.dst,
            source=packet.src,
            because=joins(peer),
        )

    def directly(self, peer: Peer) -> bool:
        """DirectRouting, and the peer is on the link of this node's device (pkg/ip, DirectRouting)."""
        network = self.fabric.link_network(self.node, peer.family)
        return self.fabric.net.direct_routing and network is not None and peer.public_ip in network


class HostGw(Backend):
    """pkg/backend/hostgw"""

    __slots__ = ()

    def way(self, peer: Peer, packet: Packet) -> Wishes:
        return self.plain_route(peer, packet)


def joins(peer: Peer) -> str:
    return f"flanneld adds it when node {peer.node.name} joins"


def told_by(peer: Peer) -> str:
    return f"flanneld adds it from the annotation of node {peer.node.name}"

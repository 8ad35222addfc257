"""Pods' packets in IPv4 packets, by one ipip device that each route tells the node for (pkg/backend/ipip)."""

from collections.abc import Iterable

from kubectl_skoop.api import Packet, Wishes, expect
from kubectl_skoop.plugins.flannel.backend import Backend, Peer, Tunnel, joins
from kubectl_skoop.plugins.flannel.settings import V4, Family, pod_network, public_ip_of

DEVICE = "flannel.ipip"
OVERHEAD = 20
"""The outer IPv4 header."""


class Ipip(Backend):
    """IPv4 alone."""

    __slots__ = ()

    def tunnels(self) -> Iterable[Tunnel]:
        return (Tunnel(DEVICE, OVERHEAD),)

    def own(self, families: Iterable[Family]) -> Wishes:
        network, known = pod_network(self.node), self.fabric.uplink(self.node) is not None
        because = "flanneld makes it when it starts"
        local = public_ip_of(self.node) if known else None
        yield expect.device(DEVICE, kind="ipip", up=True, local=local, because=because)
        yield expect.forwarding(DEVICE)
        if network is not None:
            address = f"{network.network_address}/{network.max_prefixlen}"
            yield expect.address(DEVICE, address, because=because)

    def way(self, peer: Peer, packet: Packet) -> Wishes:
        if peer.family is not V4:
            return
        if self.directly(peer):
            yield from self.plain_route(peer, packet)
            return
        yield expect.route(
            peer.network,
            dev=DEVICE,
            via=peer.public_ip,
            onlink=True,
            carries=packet.dst,
            source=packet.src,
            because=joins(peer),
        )

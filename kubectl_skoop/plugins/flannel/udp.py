"""Pods' packets in UDP, by flanneld itself, which has a TUN device (pkg/backend/udp).

Which node it sends a packet to is in its memory alone: the kernel's state ends at the device.
"""

from collections.abc import Iterable

from kubectl_skoop.api import Packet, Wishes, expect
from kubectl_skoop.plugins.flannel.backend import Backend, Peer, Tunnel
from kubectl_skoop.plugins.flannel.settings import V4, Family, pod_network

DEVICE = "flannel0"
OVERHEAD = 28
"""IPv4 20, UDP 8."""


class Udp(Backend):
    """IPv4 alone."""

    __slots__ = ()

    def tunnels(self) -> Iterable[Tunnel]:
        return (Tunnel(DEVICE, OVERHEAD),)

    def own(self, families: Iterable[Family]) -> Wishes:
        network = pod_network(self.node)
        because = "flanneld makes it when it starts, and it goes with flanneld"
        yield expect.device(DEVICE, kind="tun", up=True, carrier=True, because=because)
        yield expect.forwarding(DEVICE)
        if network is not None:
            address = f"{network.network_address}/{network.max_prefixlen}"
            yield expect.address(DEVICE, address, because=because)

    def way(self, peer: Peer, packet: Packet) -> Wishes:
        network = self.fabric.net.network(V4)
        if network is not None and peer.family is V4:
            yield expect.route(
                network,
                dev=DEVICE,
                carries=packet.dst,
                source=packet.src,
                because="flanneld adds it for the pods of all nodes when it starts",
            )

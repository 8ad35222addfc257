"""A node of Cilium, and the CiliumNodes that tell of the others."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, NamedTuple

from kubectl_skoop.api import (
    Level,
    Link,
    NodeInfo,
    Packet,
    Place,
    PodInfo,
    SimplePluginNode,
    Suspicion,
    Where,
    Wishes,
    device_key,
    expect,
    raw,
)
from kubectl_skoop.plugins.cilium import HOST, TUNNELS

if TYPE_CHECKING:
    from kubectl_skoop.plugins.cilium import Cilium

PEER = "cilium_net"
MARK, MASK, TABLE, PRIORITY = 0x200, 0xF00, 2004, 9
"""Of packets to the proxy (pkg/datapath/linux/linux_defaults)."""
OWN_ADDRESSES = ("", "cluster-pool", "kubernetes", "multi-pool")
"""IPAM modes whose pods have addresses of the node's podCIDR."""


class Peer(NamedTuple):
    """A CiliumNode."""

    address: str
    router: str
    """Of cilium_host."""
    networks: tuple[IPv4Network, ...]


@dataclass(frozen=True, slots=True)
class CiliumNode(SimplePluginNode):
    """IPv4 only."""

    plugin: "Cilium"
    node: NodeInfo

    def always(self) -> Wishes:
        because = "cilium-agent makes it when it starts"
        yield expect.sysctl("net.ipv4.ip_forward", 1, because="cilium-agent sets it when it starts")
        yield expect.sysctl(
            "net.ipv4.conf.all.rp_filter",
            *(0, 2),
            because="the strict check would count for pods' devices, too, whose routes it cannot know",
        )
        yield expect.device(HOST, kind="veth", up=True, programs=("ingress",), because=because)
        yield expect.device(PEER, kind="veth", up=True, programs=("ingress",), because=because)
        yield expect.sysctl(f"net.ipv4.conf.{HOST}.rp_filter", 0, because=because)
        yield from self._tunnel(because)
        if self.plugin.on("enable-l7-proxy"):
            proxied = "cilium-agent adds it for packets to its proxy"
            yield expect.rule(mark=MARK, mask=MASK, table=TABLE, priority=PRIORITY, because=proxied)
        if self.plugin.peers and self.node.name not in self.plugin.peers:
            yield _no_cilium_node(self.node)
        yield from self._own_routes()
        for pod in self.plugin.ctx.pods_of(self.node.name):
            yield from self._pod(pod)

    def to_pod(self, upstream: Link | None, packet: Packet, pod: PodInfo) -> Wishes:
        own, peer = self.plugin.peers.get(self.node.name), self.plugin.peers.get(pod.node)
        if packet.family != 4 or pod.host_network or own is None or peer is None or own == peer:
            return
        network = next((each for each in peer.networks if packet.dst in each), None)
        if network is None:
            return
        because = f"cilium-agent adds it when it sees the CiliumNode of {pod.node}"
        if self.plugin.routing == "tunnel" and own.router:
            yield expect.route(network, dev=HOST, via=own.router, carries=packet.dst, because=because)
        elif self.plugin.on("auto-direct-node-routes") and self._on_link(peer):
            yield expect.route(network, via=peer.address, carries=packet.dst, because=because)

    def _tunnel(self, because: str) -> Wishes:
        if self.plugin.routing != "tunnel":
            return
        place = Place("node", self.node.name)
        there = next(
            (name for name in TUNNELS if self.plugin.ctx.device(place, name) is not None), TUNNELS[0]
        )
        protocol = self.plugin.said.get("tunnel-protocol") or self.plugin.said.get("tunnel") or ""
        wanted = f"cilium_{protocol}" if f"cilium_{protocol}" in TUNNELS else there
        yield expect.device(wanted, up=True, programs=("ingress",), because=because)

    def _own_routes(self) -> Wishes:
        own = self.plugin.peers.get(self.node.name)
        if own is None or not own.router:
            return
        because = "cilium-agent adds it when it starts"
        yield expect.address(HOST, f"{own.router}/32", because="it is the CiliumNode's CiliumInternalIP")
        by_network = self.plugin.said.get("ipam", "") in OWN_ADDRESSES
        if by_network and not self.plugin.on("enable-endpoint-routes"):
            for network in own.networks:
                yield expect.route(network, dev=HOST, via=own.router, because=because)

    def _pod(self, pod: PodInfo) -> Wishes:
        device = self.plugin.ctx.host_device(pod.key)
        if device is None:
            return
        because = f"cilium-agent sets it up when {pod.key} starts"
        yield expect.device(device.name, up=True, carrier=True, programs=("ingress",), because=because)
        yield expect.sysctl(f"net.ipv4.conf.{device_key(device.name)}.rp_filter", 0, because=because)
        if self.plugin.on("enable-endpoint-routes"):
            for address in pod.addresses:
                if address.version == 4:
                    yield expect.route(f"{address}/32", dev=device.name, because=because)

    def _on_link(self, peer: Peer) -> bool:
        """Without a router between the nodes, as direct routes need it."""
        place = Place("node", self.node.name)
        networks = (self.plugin.ctx.network_of(place, address) for address in self.node.addresses)
        return any(network is not None and IPv4Address(peer.address) in network for network in networks)


def peers(items: Iterable[object]) -> Iterable[tuple[str, Peer]]:
    for item in items:
        entries = raw.items(item, "spec", "addresses")
        by_type = {raw.text(entry, "type"): raw.text(entry, "ip") for entry in entries if _is_ipv4(entry)}
        networks = (_network(text) for text in raw.texts(item, "spec", "ipam", "podCIDRs"))
        if by_type.get("InternalIP"):
            yield (
                raw.text(item, "metadata", "name"),
                Peer(
                    address=by_type["InternalIP"],
                    router=by_type.get("CiliumInternalIP", ""),
                    networks=tuple(network for network in networks if network is not None),
                ),
            )


def _is_ipv4(entry: object) -> bool:
    try:
        IPv4Address(raw.text(entry, "ip"))
    except ValueError:
        return False
    return True


def _network(text: str) -> IPv4Network | None:
    """None: IPv6, or no network."""
    try:
        return IPv4Network(text)
    except ValueError:
        return None


def _no_cilium_node(node: NodeInfo) -> Suspicion:
    return Suspicion(
        code="cilium.node.missing",
        level=Level.WARNING,
        where=Where(place=Place("node", node.name)),
        message=f"node {node.name} has no CiliumNode: other nodes have no way to its pods",
        evidence=(f"CiliumNode {node.name}: absent, or without an InternalIP",),
        remedy=f"look at the log of cilium-agent on {node.name}; it writes the CiliumNode when it starts",
    )

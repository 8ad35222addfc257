"""What a node with calico-node wants."""

from dataclasses import dataclass

from kubectl_skoop.api import (
    IpNetwork,
    Link,
    NodeInfo,
    NotCollected,
    Packet,
    Place,
    PodInfo,
    SimplePluginNode,
    Wishes,
    expect,
)
from kubectl_skoop.plugins.calico import bgp, blocks, bpf, nat, pods, tunnels, wireguard
from kubectl_skoop.plugins.calico.fabric import Fabric
from kubectl_skoop.plugins.calico.family import FAMILIES, V4, Interface, family_of
from kubectl_skoop.plugins.calico.objects import Pool, node_address

MAIN = 254
"""RT_TABLE_MAIN."""


@dataclass(frozen=True, slots=True)
class CalicoNode(SimplePluginNode):
    fabric: Fabric
    node: NodeInfo

    def always(self) -> Wishes:
        local = self.fabric.ctx.pods_of(self.node.name)
        yield expect.sysctl("net.ipv4.ip_forward", 1, because="Felix sets it when it starts")
        if any(address.version == 6 for pod in local for address in pod.addresses):
            yield expect.sysctl("net.ipv6.conf.all.forwarding", 1, because="Felix sets it when it starts")
        yield from self._uplink()
        for family in FAMILIES:
            yield from tunnels.devices(self.fabric, self.node, family)
            yield from wireguard.devices(self.fabric, self.node, family)
        bpf_on = self.fabric.bpf_on(self.node)
        if bpf_on:
            yield from bpf.devices(self.fabric, self.node)
        else:
            yield from nat.sets(self.fabric, self.node)
        yield from pods.gateway(self.fabric, local)
        for pod in local:
            yield from pods.attached(self.fabric, pod, bpf=bpf_on)
        if self.fabric.routes:
            yield from blocks.own(self.fabric, self.node, local)
            yield from blocks.claims(self.fabric, self.node)
            yield from self.fabric.bgp.unreadable

    def to_pod(self, upstream: Link | None, packet: Packet, pod: PodInfo) -> Wishes:
        if pod.host_network:
            return
        if pod.node == self.node.name:
            yield from pods.reached(self.fabric, packet, pod)
            return
        peer = self.fabric.ctx.node(pod.node)
        if peer is not None:
            yield from self._peer(peer, packet)

    def to_host(self, upstream: Link | None, packet: Packet, node: NodeInfo) -> Wishes:
        other = node_address(node, family_of(packet.family))
        return () if other is None or node.name == self.node.name else self._underlay(other)

    def to_external(self, upstream: Link | None, packet: Packet) -> Wishes:
        """Beside the outside these are the addresses of tunnel devices, which nodes send to pods from."""
        peer = self.fabric.tunnel_ends.get(packet.dst)
        if peer is None:
            yield from nat.leaving(self.fabric, self.node, packet)
        elif peer.name != self.node.name:
            yield from self._peer(peer, packet)

    def _uplink(self) -> Wishes:
        seen: set[str] = set()
        for family in FAMILIES:
            uplink = self.fabric.uplink(self.node, family)
            if uplink is None or uplink.name in seen:
                continue
            seen.add(uplink.name)
            yield expect.device(
                uplink.name,
                up=True,
                carrier=True,
                arp=True,
                min_mtu=self.fabric.carried_mtu(self.node),
                because="it leads to the other nodes",
            )
            if family is V4:
                yield expect.forwarding(uplink.name)

    def _underlay(self, other: Interface) -> Wishes:
        """Nodes of one link reach each other without a router."""
        family = family_of(other.version)
        own, uplink = node_address(self.node, family), self.fabric.uplink(self.node, family)
        if own is not None and uplink is not None and other.ip in own.network:
            because = "the kernel adds it with the node's address"
            yield expect.route(own.network, dev=uplink.name, carries=other.ip, because=because)

    def _peer(self, peer: NodeInfo, packet: Packet) -> Wishes:
        family, pool = family_of(packet.family), self.fabric.pool_of(packet.dst)
        own, other = node_address(self.node, family), node_address(peer, family)
        if pool is None or not self.fabric.routes:
            return
        if own is None or other is None:
            for node in (self.node, peer):
                yield from self.fabric.unaddressed(node, family)
            return
        yield from self._underlay(other)
        block = self.fabric.blocks.destination(pool, packet.dst, peer.name)
        if block is not None:
            yield from expect.about(peer, self._way(peer, own, other, pool, block, packet))

    def _way(
        self,
        peer: NodeInfo,
        own: Interface,
        other: Interface,
        pool: Pool,
        block: IpNetwork,
        packet: Packet,
    ) -> Wishes:
        """To a block of another node."""
        family = family_of(packet.family)
        yield from wireguard.through(self.fabric, self.node, peer, block, packet)
        tunnel = pool.tunnel_between(own, other.ip)
        if tunnel == "vxlan":
            yield from tunnels.through_vxlan(self.fabric, peer, other, block, packet, family)
            return
        because = self._learned(peer, block)
        if not because:
            return
        if tunnel == "ipip":
            yield from tunnels.through_ipip(other, block, packet, because)
        elif other.ip in own.network:
            uplink = self.fabric.uplink(self.node, family)
            yield expect.route(
                block,
                dev=uplink.name if uplink else "",
                via=other.ip,
                carries=packet.dst,
                source=packet.src,
                because=because,
            )

    def _learned(self, peer: NodeInfo, block: IpNetwork) -> str:
        """Who writes the route to a block of another node, and when; empty: it cannot be told."""
        told, there = self.fabric.bgp.learns(self.node, peer), self._has_route(block)
        if not told:
            return "" if there or self.fabric.bgp.routers else self.fabric.bgp.untold(self.node, peer)
        because = f"BIRD adds it when it learns the block {told}"
        if there:
            return because
        silent = [node.name for node in (self.node, peer) if not bgp.runs(self.fabric.ctx, node)]
        return because + "".join(f"; nobody listens for BGP on node {name}" for name in silent)

    def _has_route(self, block: IpNetwork) -> bool:
        """Whoever wrote it; True where that was not collected."""
        ns = self.fabric.ctx.namespace(Place("node", self.node.name))
        if isinstance(ns, NotCollected):
            return True
        routes = ns.fib.table(block.version, MAIN)
        covering = routes.candidates(int(block.network_address)) if routes else ()
        return any(route.destination == block for route in covering)

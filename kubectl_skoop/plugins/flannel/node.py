"""What a node with flanneld wants."""

from dataclasses import dataclass

from kubectl_skoop.api import (
    Address,
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
from kubectl_skoop.plugins.flannel.backend import Backend, Peer
from kubectl_skoop.plugins.flannel.backends import backend_on
from kubectl_skoop.plugins.flannel.fabric import Fabric
from kubectl_skoop.plugins.flannel.findings import (
    foreign_public_ip,
    no_annotation,
    no_pod_cidr,
    other_backend,
    unreadable,
)
from kubectl_skoop.plugins.flannel.settings import (
    FAMILIES,
    V6,
    Family,
    family_of,
    pod_network,
    public_ip_of,
)
from kubectl_skoop.plugins.on_bridge import OnBridge


@dataclass(eq=False, frozen=True, slots=True)
class FlannelNode(SimplePluginNode):
    fabric: Fabric
    node: NodeInfo

    @property
    def backend(self) -> Backend:
        return backend_on(self.fabric, self.node)

    @property
    def _attachment(self) -> OnBridge:
        """flannel's CNI plugin has the plugin `bridge` do it, with hairpinMode (flannel-io/cni-plugin)."""
        return OnBridge(self.fabric.ctx, self.fabric.options.bridge, hairpin=True)

    def always(self) -> Wishes:
        net = self.fabric.net
        if net.problem:
            yield unreadable(net.source, net.problem)
        yield expect.sysctl("net.ipv4.ip_forward", 1, because="flanneld sets it when it starts")
        uplink = self.fabric.uplink(self.node)
        if uplink is not None:
            yield expect.device(
                uplink.name,
                up=True,
                carrier=True,
                arp=True,
                min_mtu=self.backend.carried_mtu(),
                because="it leads to the other nodes",
            )
            yield expect.forwarding(uplink.name)
        families = [family for family in FAMILIES if self.fabric.runs(self.node, family)]
        if V6 in families:
            yield expect.sysctl("net.ipv6.conf.all.forwarding", 1, because="flanneld sets it when it starts")
        yield from self._public_ips(families)
        yield from self.backend.own(families)
        if self.fabric.on_bridge and self.fabric.ctx.pods_of(self.node.name):
            if not self.node.pod_cidrs:
                yield no_pod_cidr(self.node)
            found = (pod_network(self.node, family) for family in families)
            yield from self._attachment.always([network for network in found if network is not None])

    def to_pod(self, upstream: Link | None, packet: Packet, pod: PodInfo) -> Wishes:
        yield from self._attached(upstream)
        if pod.host_network:
            return
        if pod.node == self.node.name:
            if self.fabric.on_bridge:
                yield from self._attachment.port(pod)
                yield from self._attachment.towards(pod, packet)
            return
        peer = self.fabric.ctx.node(pod.node)
        if peer is not None:
            yield from self._peer(peer, packet)

    def to_host(self, upstream: Link | None, packet: Packet, node: NodeInfo) -> Wishes:
        yield from self._attached(upstream)
        public_ip = public_ip_of(node, family_of(packet.family))
        if public_ip is not None and node.name != self.node.name:
            yield from self._underlay(public_ip)

    def to_external(self, upstream: Link | None, packet: Packet) -> Wishes:
        """No object has the addresses of the tunnel devices, which nodes send to pods from."""
        yield from self._attached(upstream)
        peer = self.fabric.owner_of(packet.dst)
        if peer is not None and peer.name != self.node.name:
            yield from self._peer(peer, packet)

    def serve(self, upstream: Link | None, packet: Packet) -> Wishes:
        return self._attached(upstream)

    def to_service(self, upstream: Link | None, packet: Packet, service: Service) -> Wishes:
        return self._attached(upstream)

    def _public_ips(self, families: list[Family]) -> Wishes:
        ctx, place = self.fabric.ctx, Place("node", self.node.name)
        for family in families:
            address = public_ip_of(self.node, family)
            if address is not None and ctx.devices(place) and ctx.device_with(place, address) is None:
                yield foreign_public_ip(self.node, family.public_ip, address)

    def _attached(self, upstream: Link | None) -> Wishes:
        """The node's end of the pod that the packet came from."""
        if upstream is None or upstream.source.kind != "pod" or not self.fabric.on_bridge:
            return
        pod = self.fabric.ctx.pod(upstream.source.name)
        if pod is not None and pod.node == self.node.name:
            yield from self._attachment.port(pod)

    def _peer(self, peer: NodeInfo, packet: Packet) -> Wishes:
        family = family_of(packet.family)
        network, public_ip = pod_network(peer, family), public_ip_of(peer, family)
        if network is None:
            if not peer.pod_cidrs:
                yield no_pod_cidr(peer)
            return
        if public_ip is None:
            yield no_annotation(peer, family.public_ip)
            return
        if packet.dst not in network:
            return
        yield from self._underlay(public_ip)
        own, theirs = self.fabric.backend_of(self.node), self.fabric.backend_of(peer)
        if own and theirs and own != theirs:
            yield from expect.about(peer, [other_backend(self.node, own, peer, theirs)])
        else:
            yield from expect.about(peer, self.backend.way(Peer(peer, network, public_ip), packet))

    def _underlay(self, public_ip: Address) -> Wishes:
        """Nodes of one link reach each other without a router."""
        family = family_of(public_ip.version)
        network, uplink = self.fabric.link_network(self.node, family), self.fabric.uplink(self.node, family)
        if uplink is not None and network is not None and public_ip in network:
            because = "the kernel adds it with the node's address"
            yield expect.route(network, dev=uplink.name, carries=public_ip, because=because)

"""What a node with flanneld wants."""

from dataclasses import dataclass

from kubectl_skoop.api import (
    Level,
    Link,
    NodeInfo,
    Packet,
    Place,
    PodInfo,
    Service,
    SimplePluginNode,
    Suspicion,
    Where,
    Wishes,
    expect,
)
from kubectl_skoop.plugins.flannel.fabric import Fabric
from kubectl_skoop.plugins.flannel.settings import (
    FAMILIES,
    V4,
    V6,
    Address,
    Family,
    PodNetwork,
    family_of,
    pod_network,
    public_ip_of,
    vtep_mac,
)


@dataclass(frozen=True, slots=True)
class FlannelNode(SimplePluginNode):
    fabric: Fabric
    node: NodeInfo

    def always(self) -> Wishes:
        yield expect.sysctl("net.ipv4.ip_forward", 1, because="flanneld sets it when it starts")
        uplink = self.fabric.uplink(self.node)
        if uplink is not None:
            yield expect.device(
                uplink.name,
                up=True,
                carrier=True,
                arp=True,
                min_mtu=self.fabric.carried_mtu(self.node),
                because="it leads to the other nodes",
            )
            yield expect.forwarding(uplink.name)
        families = [family for family in FAMILIES if self._runs(family)]
        if V6 in families:
            yield expect.sysctl("net.ipv6.conf.all.forwarding", 1, because="flanneld sets it when it starts")
        if self.fabric.backend_of(self.node) == "vxlan":
            for family in families:
                yield from self._vtep(family)
        if self.fabric.on_bridge and self.fabric.ctx.pods_of(self.node.name):
            yield from self._bridge()
            if not self.node.pod_cidrs:
                yield _no_pod_cidr(self.node)
            for family in families:
                yield from self._gateway(family)

    def to_pod(self, upstream: Link | None, packet: Packet, pod: PodInfo) -> Wishes:
        yield from self._attached(upstream)
        if pod.host_network:
            return
        if pod.node == self.node.name:
            yield from self._local(pod, packet)
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

    def _runs(self, family: Family) -> bool:
        """A podCIDR of IPv6 does not say that flanneld has `EnableIPv6`; its annotation does."""
        told = family is V4 or public_ip_of(self.node, family) is not None
        return told and pod_network(self.node, family) is not None

    def _vtep(self, family: Family) -> Wishes:
        net, name = self.fabric.net, self.fabric.net.device(family)
        public_ip, network = public_ip_of(self.node, family), pod_network(self.node, family)
        uplink = self.fabric.uplink(self.node, family)
        because = "flanneld makes it when it starts"
        told = f"and tells its MAC by the annotation {family.backend_data}"
        yield expect.device(
            name,
            kind="vxlan",
            up=True,
            vni=net.vni,
            port=net.port,
            local=public_ip if uplink is not None else None,
            mac=vtep_mac(self.node, family),
            because=f"{because}, {told}",
        )
        if family is V4:
            yield expect.forwarding(name)
        if network is not None:
            address = f"{network.network_address}/{network.max_prefixlen}"
            yield expect.address(name, address, because=because)

    def _bridge(self) -> Wishes:
        bridge = self.fabric.options.bridge
        because = "the bridge CNI plugin makes it with the first pod"
        yield expect.device(bridge, kind="bridge", up=True, arp=True, because=because)
        yield expect.sysctl(
            "net.bridge.bridge-nf-call-iptables",
            1,
            because="kube-proxy needs it: else answers of a pod on the same node bypass the translation",
        )
        yield expect.forwarding(bridge)

    def _gateway(self, family: Family) -> Wishes:
        network, bridge = pod_network(self.node, family), self.fabric.options.bridge
        if network is None:
            return
        address = f"{network[1]}/{network.prefixlen}"
        yield expect.address(bridge, address, because="it is the gateway of the pods, taken from the podCIDR")
        yield expect.route(
            network,
            dev=bridge,
            scope="link" if family is V4 else "",
            because="the kernel adds it with the bridge's address",
        )

    def _attached(self, upstream: Link | None) -> Wishes:
        """The node's end of the pod that the packet came from."""
        if upstream is None or upstream.source.kind != "pod" or not self.fabric.on_bridge:
            return
        pod = self.fabric.ctx.pod(upstream.source.name)
        if pod is not None and pod.node == self.node.name:
            yield from self._port(pod)

    def _local(self, pod: PodInfo, packet: Packet) -> Wishes:
        family, bridge = family_of(packet.family), self.fabric.options.bridge
        network = pod_network(self.node, family)
        if not self.fabric.on_bridge:
            return
        yield from self._port(pod)
        if network is None or packet.dst not in network:
            return
        yield expect.route(
            network,
            dev=bridge,
            scope="link" if family is V4 else "",
            carries=packet.dst,
            because="the kernel adds it with the bridge's address",
        )
        inside = self.fabric.ctx.device(Place("pod", pod.key), "eth0")
        if inside is not None:
            yield expect.neighbour(
                packet.dst,
                dev=bridge,
                mac=inside.mac,
                required=False,
                because=f"the kernel asks for it; eth0 of {pod.key} has this MAC",
            )

    def _port(self, pod: PodInfo) -> Wishes:
        outside = self.fabric.ctx.host_device(pod.key)
        inside = self.fabric.ctx.device(Place("pod", pod.key), "eth0")
        if outside is None or inside is None:
            return
        because = f"the bridge CNI plugin sets it up when {pod.key} starts"
        bridge = self.fabric.options.bridge
        yield expect.device(
            outside.name, kind="veth", up=True, carrier=True, master=bridge, mtu=inside.mtu, because=because
        )
        if outside.port is not None:
            yield expect.bridge_port(
                outside.name,
                state="forwarding",
                hairpin=True,
                isolated=False,
                learning=True,
                flood=True,
                broadcast=True,
                because=because,
            )

    def _peer(self, peer: NodeInfo, packet: Packet) -> Wishes:
        family = family_of(packet.family)
        network, public_ip = pod_network(peer, family), public_ip_of(peer, family)
        if network is None:
            if not peer.pod_cidrs:
                yield _no_pod_cidr(peer)
            return
        if public_ip is None:
            yield _no_annotation(peer, family.public_ip)
            return
        if packet.dst not in network:
            return
        yield from self._underlay(public_ip)
        because = f"flanneld adds it when node {peer.name} joins"
        match self.fabric.backend_of(peer):
            case "vxlan" if not self._direct(public_ip):
                yield from self._tunnel(peer, network, public_ip, packet, because)
            case "vxlan" | "host-gw":
                uplink = self.fabric.uplink(self.node, family)
                yield expect.route(
                    network,
                    dev=uplink.name if uplink else "",
                    via=public_ip,
                    carries=packet.dst,
                    source=packet.src,
                    because=because,
                )
            case _:
                return

    def _tunnel(
        self, peer: NodeInfo, network: PodNetwork, public_ip: Address, packet: Packet, because: str
    ) -> Wishes:
        family, vtep = family_of(network.version), network.network_address
        device, mac = self.fabric.net.device(family), vtep_mac(peer, family)
        yield expect.route(
            network,
            dev=device,
            via=vtep,
            onlink=True,
            carries=packet.dst,
            source=packet.src,
            because=because,
        )
        if not mac:
            yield _no_annotation(peer, family.backend_data)
            return
        told = f"flanneld adds it from the annotation of node {peer.name}"
        yield expect.neighbour(vtep, dev=device, mac=mac, because=told)
        yield expect.fdb(mac, dev=device, dst=public_ip, because=told)

    def _underlay(self, public_ip: Address) -> Wishes:
        """Nodes of one link reach each other without a router."""
        family = family_of(public_ip.version)
        network, uplink = self.fabric.link_network(self.node, family), self.fabric.uplink(self.node, family)
        if uplink is not None and network is not None and public_ip in network:
            because = "the kernel adds it with the node's address"
            yield expect.route(network, dev=uplink.name, carries=public_ip, because=because)

    def _direct(self, public_ip: Address) -> bool:
        """DirectRouting, and the peer is on the link of this node's device (pkg/ip, DirectRouting)."""
        network = self.fabric.link_network(self.node, family_of(public_ip.version))
        return self.fabric.net.direct_routing and network is not None and public_ip in network


def _no_annotation(node: NodeInfo, name: str) -> Suspicion:
    return Suspicion(
        code="flannel.annotation.missing",
        level=Level.WARNING,
        where=Where(place=Place("node", node.name)),
        message=f"node {node.name} has no usable annotation {name}: other nodes cannot reach its pods",
        evidence=(f"{name}: {node.annotations.get(name, 'absent')}",),
        remedy=f"look at the log of flanneld on {node.name}; it writes the annotation when it starts",
    )


def _no_pod_cidr(node: NodeInfo) -> Suspicion:
    return Suspicion(
        code="flannel.pod-cidr.missing",
        level=Level.WARNING,
        where=Where(place=Place("node", node.name)),
        message=f"node {node.name} has no podCIDR, which flanneld needs",
        remedy="run kube-controller-manager with --allocate-node-cidrs",
    )

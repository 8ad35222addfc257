"""Calico: a host route for each pod; between nodes BGP, or a vxlan of Felix (projectcalico/calico).

Pools with IPIP are left to the kernel's word. So is the way between nodes that reach each other by a router
without a tunnel: routers that speak BGP are taken to know the pods.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network
from typing import ClassVar

from kubectl_skoop.api import (
    BasePluginNode,
    ConfigBinder,
    Context,
    Detected,
    Device,
    Link,
    NetNodeAction,
    NodeInfo,
    OptionError,
    Packet,
    Place,
    Plugin,
    PodInfo,
    Setting,
    SimplePluginNode,
    SimpleVethPod,
    Wants,
    Wishes,
    detection,
    device_key,
    expect,
    option,
    raw,
)
from kubectl_skoop.plugins.calico.objects import (
    ADDRESS,
    TUNNEL_ADDRESS,
    TUNNEL_MAC,
    Pool,
    block_of,
    node_address,
    pool_in,
    tunnel_address,
)

GATEWAY, HOST_MAC = "169.254.1.1", "ee:ee:ee:ee:ee:ee"
BGP_CONFIGURATION = "BGPConfiguration.crd.projectcalico.org"
FELIX_CONFIGURATION = "FelixConfiguration.crd.projectcalico.org"
TUNNEL, DEFAULT_VNI, DEFAULT_PORT = "vxlan.calico", 4096, 4789
"""Felix's vxlan device (felix/dataplane/linux/vxlan_mgr.go), and what FelixConfiguration may change."""


@dataclass(frozen=True, slots=True)
class CalicoOptions:
    """`--calico-…`"""

    interface_prefix: str = option("cali", "beginning of the pods' device names on the nodes")
    host_interface: str = option("", "device towards the other nodes; empty: the one with the node's address")
    pod_mtu: int = option(0, "largest MTU of pods, bytes; 0: what the device towards other nodes carries")

    def validate(self) -> None:
        if not 1 <= len(self.interface_prefix) <= 4:
            raise OptionError("--calico-interface-prefix: 1 to 4 characters")
        if self.pod_mtu and not 68 <= self.pod_mtu <= 65535:
            raise OptionError("--calico-pod-mtu: 68 to 65535")


class Calico(Plugin):
    name: ClassVar[str] = "calico"
    options: ClassVar[type[ConfigBinder]] = CalicoOptions
    wants: ClassVar[Wants] = Wants(
        kinds=(BGP_CONFIGURATION, FELIX_CONFIGURATION), annotations=(ADDRESS, TUNNEL_ADDRESS, TUNNEL_MAC)
    )
    enforces: ClassVar[frozenset[str]] = frozenset(
        {
            "NetworkPolicy",
            "networkpolicies.projectcalico.org",
            "globalnetworkpolicies.projectcalico.org",
            "hostendpoints.projectcalico.org",
            "AdminNetworkPolicy",
            "BaselineAdminNetworkPolicy",
            "ClusterNetworkPolicy",
        }
    )

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.config = ctx.config(CalicoOptions)
        self.routes = detection.by_daemon_set(ctx, self.name, ".*canal") is None
        """Between nodes; with canal, flannel does that, and pods have addresses of the podCIDR."""
        self.pools = tuple(
            pool for item in ctx.cluster.objects("IPPool") if (pool := pool_in(item)) is not None
        )
        settings = ctx.cluster.objects(BGP_CONFIGURATION)
        self.full_mesh = all(raw.dig(item, "spec", "nodeToNodeMeshEnabled") is not False for item in settings)

        self.pods_in_underlay = self.routes and self._routers_know_pods()

        felix = ctx.cluster.objects(FELIX_CONFIGURATION)
        self.vni = max((raw.number(item, "spec", "vxlanVNI") for item in felix), default=0) or DEFAULT_VNI
        self.port = max((raw.number(item, "spec", "vxlanPort") for item in felix), default=0) or DEFAULT_PORT

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        return detection.by_daemon_set(ctx, cls.name, "calico-node.*")

    @classmethod
    def guess(cls, ctx: Context) -> Detected | None:
        return detection.by_device(
            ctx, cls.name, lambda device: device.kind == "veth" and device.name.startswith("cali")
        )

    def settings(self) -> Iterable[Setting]:
        for pool in self.pools:
            mode = f"{pool.tunnel} {pool.encapsulation}" if pool.tunnel else "no encapsulation"
            yield Setting("calico: pool", f"{pool.network}, blocks /{pool.block_size}, {mode}", "IPPools")
        if not self.pools:
            yield Setting("calico: pool", "", "no IPPool was collected")
        mesh = "between all nodes" if self.full_mesh else "not between all nodes"
        yield Setting("calico: BGP", mesh if self.routes else "off: canal", "BGPConfigurations")

    def create_pod(self, pod: PodInfo) -> NetNodeAction:
        max_mtu = self.config.pod_mtu or self._tunnel_mtu(pod)
        return SimpleVethPod(pod, gateway=GATEWAY, gateway_mac=HOST_MAC, max_mtu=max_mtu)

    def create_node(self, node: NodeInfo) -> NetNodeAction:
        return BasePluginNode(node, CalicoNode(self, node), self.ctx.cluster)

    @property
    def tunnels(self) -> bool:
        """Some pool has one, so that pods' MTUs say nothing about the device towards other nodes."""
        return any(pool.encapsulation != "Never" for pool in self.pools)

    def _routers_know_pods(self) -> bool:
        """Without a tunnel, nodes of several networks reach each other's pods by routers that speak BGP."""
        own = {
            address.network
            for node in self.ctx.cluster.nodes()
            if (address := node_address(node)) is not None
        }
        return len(own) > 1 and any(pool.encapsulation == "Never" for pool in self.pools)

    def _tunnel_mtu(self, pod: PodInfo) -> int | None:
        """Where all of its packets to other nodes go by the vxlan, bytes."""
        pools = [pool for address in pod.addresses if (pool := self.pool_of(address)) is not None]
        if not any((pool.tunnel, pool.encapsulation) == ("vxlan", "Always") for pool in pools):
            return None
        device = self.ctx.device(Place("node", pod.node), TUNNEL)
        return None if device is None else device.mtu

    def tunnel_mac(self, node: NodeInfo) -> str:
        """As the node tells it, else as its device has it; empty: not known."""
        device = self.ctx.device(Place("node", node.name), TUNNEL)
        return node.annotations.get(TUNNEL_MAC, "") or (device.mac if device is not None else "")

    def device_of(self, pod: PodInfo) -> str:
        """VethNameForWorkload (libcalico-go/lib/backend/k8s/conversion)."""
        digest = hashlib.sha1(f"{pod.namespace}.{pod.name}".encode(), usedforsecurity=False).hexdigest()
        return self.config.interface_prefix + digest[:11]

    def pool_of(self, address: object) -> Pool | None:
        """The most specific one; a snapshot without pools has none."""
        fitting = [pool for pool in self.pools if address in pool.network]
        return max(fitting, key=lambda pool: pool.network.prefixlen, default=None)

    def uplink(self, node: NodeInfo | None) -> Device | None:
        """The device towards the other nodes."""
        if node is None:
            return None
        place = Place("node", node.name)
        if self.config.host_interface:
            return self.ctx.device(place, self.config.host_interface)
        address = node_address(node)
        return None if address is None else self.ctx.device_with(place, address.ip)


@dataclass(frozen=True, slots=True)
class CalicoNode(SimplePluginNode):
    """IPv4 only: of dual-stack clusters the other half is left to the kernel's word."""

    plugin: Calico
    node: NodeInfo

    def always(self) -> Wishes:
        yield expect.sysctl("net.ipv4.ip_forward", 1, because="Felix sets it when it starts")
        uplink = self.plugin.uplink(self.node)
        if uplink is not None:
            yield expect.device(
                uplink.name,
                up=True,
                carrier=True,
                arp=True,
                min_mtu=None if self.plugin.tunnels else self.plugin.ctx.largest_pod_mtu(self.node.name),
                because="it leads to the other nodes",
            )
            yield expect.forwarding(uplink.name)
        if self.plugin.routes and any(pool.tunnel == "vxlan" for pool in self.plugin.pools):
            yield from self._vtep()
        if self._pods():
            yield expect.default_route(
                because=f"a node answers its pods' questions for {GATEWAY} only if it has a route to it"
            )
        for pod in self._pods():
            yield from self._attached(pod)
        if self.plugin.routes:
            yield from self._own_blocks()

    def to_pod(self, upstream: Link | None, packet: Packet, pod: PodInfo) -> Wishes:
        if packet.family != 4 or pod.host_network:
            return
        if pod.node == self.node.name:
            yield from self._neighbour(packet, pod)
            yield from self._undiverted(packet, pod)
            return
        peer = self.plugin.ctx.node(pod.node)
        pool = self.plugin.pool_of(packet.dst)
        if peer is not None and pool is not None and self.plugin.routes:
            yield from self._peer(peer, pool, packet)

    def to_external(self, upstream: Link | None, packet: Packet) -> Wishes:
        """No object has the addresses of the tunnel devices, which nodes send to pods from."""
        for peer in self.plugin.ctx.cluster.nodes():
            if tunnel_address(peer) == packet.dst and peer.name != self.node.name:
                pool = self.plugin.pool_of(packet.dst)
                yield from () if pool is None else self._peer(peer, pool, packet)

    def _vtep(self) -> Wishes:
        own, address = node_address(self.node), tunnel_address(self.node)
        if own is None or address is None:
            return
        because = "Felix makes it when it starts"
        yield expect.device(
            TUNNEL,
            kind="vxlan",
            up=True,
            vni=self.plugin.vni,
            port=self.plugin.port,
            local=own.ip,
            mac=self.node.annotations.get(TUNNEL_MAC, ""),
            because=f"{because}, and the node's annotations tell its addresses",
        )
        yield expect.address(TUNNEL, f"{address}/32", because=because)
        yield expect.forwarding(TUNNEL)

    def _attached(self, pod: PodInfo) -> Wishes:
        device, because = self.plugin.device_of(pod), f"Felix sets it up when {pod.key} starts"
        inside = self.plugin.ctx.device(Place("pod", pod.key), "eth0")
        yield expect.device(
            device,
            kind="veth",
            up=True,
            carrier=True,
            arp=True,
            mac=HOST_MAC,
            mtu=inside.mtu if inside else None,
            because=because,
        )
        yield expect.sysctl(f"net.ipv4.conf.{device_key(device)}.proxy_arp", 1, because=because)
        yield expect.forwarding(device, because)
        for address in pod.addresses:
            if address.version == 4:
                yield expect.route(f"{address}/32", dev=device, scope="link", because=because)

    def _neighbour(self, packet: Packet, pod: PodInfo) -> Wishes:
        inside = self.plugin.ctx.device(Place("pod", pod.key), "eth0")
        if inside is not None and packet.dst in pod.addresses:
            yield expect.neighbour(
                packet.dst,
                dev=self.plugin.device_of(pod),
                mac=inside.mac,
                required=False,
                because=f"the kernel asks for it; eth0 of {pod.key} has this MAC",
            )

    def _undiverted(self, packet: Packet, pod: PodInfo) -> Wishes:
        if packet.dst in pod.addresses:
            yield expect.route(
                f"{packet.dst}/32",
                dev=self.plugin.device_of(pod),
                scope="link",
                carries=packet.dst,
                source=packet.src,
                because=f"Felix adds it when {pod.key} starts",
            )

    def to_host(self, upstream: Link | None, packet: Packet, node: NodeInfo) -> Wishes:
        other = node_address(node)
        return () if other is None or node.name == self.node.name else self._underlay(other)

    def _underlay(self, other: IPv4Interface) -> Wishes:
        """Nodes of one link reach each other without a router."""
        own, uplink = node_address(self.node), self.plugin.uplink(self.node)
        if own is not None and uplink is not None and other.ip in own.network:
            because = "the kernel adds it with the node's address"
            yield expect.route(own.network, dev=uplink.name, carries=other.ip, because=because)

    def _peer(self, peer: NodeInfo, pool: Pool, packet: Packet) -> Wishes:
        own, other, block = node_address(self.node), node_address(peer), block_of(packet.dst, pool)
        if own is None or other is None:
            return
        yield from self._underlay(other)
        encapsulated = pool.encapsulation == "Always" or (pool.tunnel and other.ip not in own.network)
        if self._owners(block) != {peer.name}:
            return
        if encapsulated and pool.tunnel == "vxlan":
            yield from self._through_tunnel(peer, other, block, packet)
        if encapsulated or not self.plugin.full_mesh or other.ip not in own.network:
            return
        uplink = self.plugin.uplink(self.node)
        yield expect.route(
            block,
            dev=uplink.name if uplink else "",
            via=other.ip,
            carries=packet.dst,
            source=packet.src,
            because=f"BIRD adds it when it learns the block from node {peer.name}",
        )

    def _through_tunnel(
        self, peer: NodeInfo, other: IPv4Interface, block: IPv4Network, packet: Packet
    ) -> Wishes:
        address, mac = tunnel_address(peer), self.plugin.tunnel_mac(peer)
        if address is None:
            return
        yield expect.route(
            block,
            dev=TUNNEL,
            via=address,
            onlink=True,
            carries=packet.dst,
            source=packet.src,
            because=f"Felix adds it when node {peer.name} takes the block",
        )
        if mac:
            because = f"Felix adds it when node {peer.name} joins"
            yield expect.neighbour(address, dev=TUNNEL, mac=mac, because=because)
            yield expect.fdb(mac, dev=TUNNEL, dst=other.ip, because=because)

    def _own_blocks(self) -> Wishes:
        blocks = {
            block_of(address, pool): None
            for pod in self._pods()
            for address in pod.addresses
            if (pool := self.plugin.pool_of(address)) is not None
        }
        for block in blocks:
            if self._owners(block) == {self.node.name}:
                because = "BIRD or Felix adds it with the node's block, against loops"
                yield expect.route(block, type="blackhole", because=because)

    def _owners(self, block: IPv4Network) -> set[str]:
        """Nodes with a block affinity; if these were not collected: nodes with pods in the block."""
        affinities = self.plugin.ctx.cluster.objects("BlockAffinity")
        if affinities:
            return {
                raw.text(item, "spec", "node")
                for item in affinities
                if raw.text(item, "spec", "cidr") == str(block)
            }
        owners = (owner for address in block for owner in self.plugin.ctx.cluster.owners(address))
        pods = (
            self.plugin.ctx.pod(f"{owner.namespace}/{owner.name}") for owner in owners if owner.kind == "Pod"
        )
        return {pod.node for pod in pods if pod is not None}

    def _pods(self) -> tuple[PodInfo, ...]:
        return self.plugin.ctx.pods_of(self.node.name)

"""flannel: backends vxlan and host-gw, with pods on a bridge (flannel-io/flannel, pkg/backend).

With canal, flannel connects the nodes and Calico the pods: then nothing is said about pods.
"""

import json
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network
from typing import ClassVar, Literal

from kubectl_skoop.api import (
    BasePluginNode,
    ConfigBinder,
    Context,
    Detected,
    Device,
    Expectation,
    Level,
    Link,
    NetNodeAction,
    NodeInfo,
    OptionError,
    Packet,
    Place,
    Plugin,
    PodInfo,
    Service,
    SimplePluginNode,
    SimpleVethPod,
    Suspicion,
    Wants,
    Where,
    Wishes,
    detection,
    device_key,
    expect,
    option,
    raw,
)

PREFIX = "flannel.alpha.coreos.com/"
BACKEND_TYPE, BACKEND_DATA, PUBLIC_IP = f"{PREFIX}backend-type", f"{PREFIX}backend-data", f"{PREFIX}public-ip"
CONFIG_MAPS = (("kube-flannel", "kube-flannel-cfg"), ("kube-system", "kube-flannel-cfg"))
DAEMON_SETS = ("kube-flannel(-ds.*)?", "canal", "rke2-canal", "flannel")
VXLAN_OVERHEAD = 50
"""Bytes: inner Ethernet 14, vxlan 8, UDP 8, IPv4 20."""
DEFAULT_VNI, DEFAULT_PORT = 1, 8472

BackendType = Literal["", "vxlan", "host-gw", "alloc"]


@dataclass(frozen=True, slots=True)
class FlannelOptions:
    backend_type: BackendType = option("", "backend of the nodes that do not say it; empty: detect")
    host_interface: str = option("", "device towards the other nodes; empty: the one with the node's address")
    bridge: str = option("cni0", "bridge of the pods")
    pod_mtu: int = option(0, "largest MTU of pods, bytes; 0: what the device towards other nodes carries")

    def validate(self) -> None:
        if self.pod_mtu and not 68 <= self.pod_mtu <= 65535:
            raise OptionError("--flannel-pod-mtu: 68 to 65535")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetConf:
    """`net-conf.json` as flanneld reads it (pkg/subnet/config.go)."""

    backend: BackendType
    vni: int
    port: int
    mtu: int
    """Of the underlay, bytes; 0: as its device says."""
    direct_routing: bool

    @property
    def device(self) -> str:
        return f"flannel.{self.vni}"


class Flannel(Plugin):
    name: ClassVar[str] = "flannel"
    options: ClassVar[type[ConfigBinder]] = FlannelOptions
    wants: ClassVar[Wants] = Wants(
        annotations=(BACKEND_TYPE, BACKEND_DATA, PUBLIC_IP),
        config_maps=tuple("/".join(name) for name in CONFIG_MAPS),
    )

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.config = ctx.config(FlannelOptions)
        self.net = _net_conf(ctx, self.config)
        self.on_bridge = detection.by_daemon_set(ctx, self.name, ".*canal") is None

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        told = detection.by_daemon_set(ctx, cls.name, *DAEMON_SETS)
        return told or detection.by_device(ctx, cls.name, lambda device: device.name.startswith("flannel."))

    def create_pod(self, pod: PodInfo) -> NetNodeAction:
        node = self.ctx.node(pod.node)
        network = _pod_network(node)
        bridge = self.ctx.device(Place("node", pod.node), self.config.bridge)
        return SimpleVethPod(
            pod,
            gateway=str(network[1]) if network and self.on_bridge else "",
            gateway_mac=bridge.mac if bridge and self.on_bridge else "",
            max_mtu=self.pod_mtu(node),
            prefix=network.prefixlen if network and self.on_bridge else 32,
        )

    def create_node(self, node: NodeInfo) -> NetNodeAction:
        return BasePluginNode(node, FlannelNode(self, node), self.ctx.cluster)

    def backend_of(self, node: NodeInfo) -> BackendType:
        """What its flanneld runs, by its own word; else the cluster's."""
        match node.annotations.get(BACKEND_TYPE):
            case "vxlan" | "host-gw" | "alloc" as told:
                return told
            case _:
                return self.net.backend

    def uplink(self, node: NodeInfo | None) -> Device | None:
        """The device towards the other nodes; None: not known (the public-ip may be a translated one)."""
        if node is None:
            return None
        place = Place("node", node.name)
        if self.config.host_interface:
            return self.ctx.device(place, self.config.host_interface)
        address = _public_ip(node)
        return None if address is None else self.ctx.device_with(place, address)

    def pod_mtu(self, node: NodeInfo | None) -> int | None:
        """Bytes; None: not known."""
        uplink = self.uplink(node)
        if self.config.pod_mtu:
            return self.config.pod_mtu
        if node is None or uplink is None:
            return None
        mtu = min(uplink.mtu, self.net.mtu or uplink.mtu)
        return mtu - VXLAN_OVERHEAD if self.backend_of(node) == "vxlan" else mtu


@dataclass(frozen=True, slots=True)
class FlannelNode(SimplePluginNode):
    """IPv4 only: of dual-stack clusters the other half is left to the kernel's word."""

    plugin: Flannel
    node: NodeInfo

    def always(self) -> Wishes:
        yield expect.sysctl("net.ipv4.ip_forward", 1, because="flanneld sets it when it starts")
        uplink = self.plugin.uplink(self.node)
        if uplink is not None:
            yield expect.device(uplink.name, up=True, carrier=True, because="it leads to the other nodes")
            yield _forwarding(uplink.name)
        if self.plugin.backend_of(self.node) == "vxlan":
            yield from self._vtep(uplink)
        if self.plugin.on_bridge and self.plugin.ctx.pods_of(self.node.name):
            yield from self._bridge()

    def to_pod(self, upstream: Link | None, packet: Packet, pod: PodInfo) -> Wishes:
        yield from self._attached(upstream)
        if packet.family != 4 or pod.host_network:
            return
        if pod.node == self.node.name:
            yield from self._local(pod, packet)
            return
        peer = self.plugin.ctx.node(pod.node)
        if peer is not None:
            yield from self._peer(peer, packet)

    def to_host(self, upstream: Link | None, packet: Packet, node: NodeInfo) -> Wishes:
        return self._attached(upstream)

    def to_external(self, upstream: Link | None, packet: Packet) -> Wishes:
        return self._attached(upstream)

    def serve(self, upstream: Link | None, packet: Packet) -> Wishes:
        return self._attached(upstream)

    def to_service(self, upstream: Link | None, packet: Packet, service: Service) -> Wishes:
        if self.plugin.on_bridge:
            because = "kube-proxy needs it: answers of a pod on the same node would bypass the translation"
            yield expect.sysctl("net.bridge.bridge-nf-call-iptables", 1, because=because)

    def _vtep(self, uplink: Device | None) -> Wishes:
        net, name = self.plugin.net, self.plugin.net.device
        public_ip, network = _public_ip(self.node), _pod_network(self.node)
        because = "flanneld makes it when it starts"
        yield expect.device(
            name,
            kind="vxlan",
            up=True,
            vni=net.vni,
            port=net.port,
            local=public_ip if uplink is not None else None,
            max_mtu=self.plugin.pod_mtu(self.node),
            because=because,
        )
        yield _forwarding(name)
        mac = _vtep_mac(self.node)
        if mac:
            told = f"the other nodes were told this MAC by the annotation {BACKEND_DATA}"
            yield expect.device(name, mac=mac, because=told)
        if network is not None:
            yield expect.address(name, f"{network.network_address}/32", because=because)

    def _bridge(self) -> Wishes:
        network, bridge = _pod_network(self.node), self.plugin.config.bridge
        because = "the bridge CNI plugin makes it with the first pod"
        yield expect.device(bridge, kind="bridge", up=True, because=because)
        yield _forwarding(bridge)
        if network is None:
            yield _no_pod_cidr(self.node)
            return
        address = f"{network[1]}/{network.prefixlen}"
        yield expect.address(bridge, address, because="it is the gateway of the pods, taken from the podCIDR")
        yield expect.route(
            network, dev=bridge, scope="link", because="the kernel adds it with the bridge's address"
        )

    def _attached(self, upstream: Link | None) -> Wishes:
        """The node's end of the pod that the packet came from."""
        if upstream is None or upstream.source.kind != "pod" or not self.plugin.on_bridge:
            return
        pod = self.plugin.ctx.pod(upstream.source.name)
        if pod is not None and pod.node == self.node.name:
            yield from self._port(pod)

    def _local(self, pod: PodInfo, packet: Packet) -> Wishes:
        network, bridge = _pod_network(self.node), self.plugin.config.bridge
        if not self.plugin.on_bridge:
            return
        yield from self._port(pod)
        if network is None or packet.dst not in network:
            return
        yield expect.route(
            network,
            dev=bridge,
            scope="link",
            carries=packet.dst,
            because="the kernel adds it with the bridge's address",
        )
        inside = self.plugin.ctx.device(Place("pod", pod.key), "eth0")
        if inside is not None:
            yield expect.neighbour(
                packet.dst,
                dev=bridge,
                mac=inside.mac,
                required=False,
                because=f"the kernel asks for it; eth0 of {pod.key} has this MAC",
            )

    def _port(self, pod: PodInfo) -> Wishes:
        outside = self.plugin.ctx.host_device(pod.key)
        inside = self.plugin.ctx.device(Place("pod", pod.key), "eth0")
        if outside is None or inside is None:
            return
        because = f"the bridge CNI plugin sets it up when {pod.key} starts"
        bridge = self.plugin.config.bridge
        yield expect.device(
            outside.name, kind="veth", up=True, carrier=True, master=bridge, mtu=inside.mtu, because=because
        )
        if outside.port is not None:
            yield expect.bridge_port(
                outside.name, state="forwarding", hairpin=True, isolated=False, learning=True, because=because
            )

    def _peer(self, peer: NodeInfo, packet: Packet) -> Wishes:
        network, public_ip = _pod_network(peer), _public_ip(peer)
        if network is None:
            yield _no_pod_cidr(peer)
            return
        if public_ip is None:
            yield _no_annotation(peer, PUBLIC_IP)
            return
        if packet.dst not in network:
            return
        because = f"flanneld adds it when node {peer.name} joins"
        match self.plugin.backend_of(peer):
            case "vxlan" if not self._direct(public_ip):
                yield from self._tunnel(peer, network, public_ip, packet, because)
            case "vxlan" | "host-gw":
                uplink = self.plugin.uplink(self.node)
                yield expect.route(
                    network,
                    dev=uplink.name if uplink else "",
                    via=public_ip,
                    carries=packet.dst,
                    because=because,
                )
            case _:
                return

    def _tunnel(
        self, peer: NodeInfo, network: IPv4Network, public_ip: IPv4Address, packet: Packet, because: str
    ) -> Wishes:
        device, vtep, mac = self.plugin.net.device, network.network_address, _vtep_mac(peer)
        yield expect.route(network, dev=device, via=vtep, onlink=True, carries=packet.dst, because=because)
        if not mac:
            yield _no_annotation(peer, BACKEND_DATA)
            return
        told = f"flanneld adds it from the annotation of node {peer.name}"
        yield expect.neighbour(vtep, dev=device, mac=mac, because=told)
        yield expect.fdb(mac, dev=device, dst=public_ip, because=told)

    def _direct(self, public_ip: IPv4Address) -> bool:
        """DirectRouting, and the peer is on the link of this node's device (pkg/ip, DirectRouting)."""
        own, uplink = _public_ip(self.node), self.plugin.uplink(self.node)
        if not self.plugin.net.direct_routing or uplink is None or own is None:
            return False
        network = self.plugin.ctx.network_of(Place("node", self.node.name), own)
        return network is not None and public_ip in network


def _forwarding(device: str) -> Expectation:
    return expect.sysctl(
        f"net.ipv4.conf.{device_key(device)}.forwarding",
        1,
        because="the kernel sets it on every device with net.ipv4.ip_forward",
    )


def _net_conf(ctx: Context, config: FlannelOptions) -> NetConf:
    found = (ctx.cluster.config_map(namespace, name) for namespace, name in CONFIG_MAPS)
    told = _json(next((data.get("net-conf.json", "") for data in found if data is not None), ""))
    backend = raw.mapping(told, "Backend")
    return NetConf(
        backend=config.backend_type or _backend_type(raw.text(backend, "Type")),
        vni=raw.number(backend, "VNI") or DEFAULT_VNI,
        port=raw.number(backend, "Port") or DEFAULT_PORT,
        mtu=raw.number(backend, "MTU"),
        direct_routing=raw.flag(backend, "DirectRouting"),
    )


def _backend_type(text: str) -> BackendType:
    match text.lower():
        case "vxlan" | "host-gw" | "alloc" as known:
            return known
        case _:
            return ""


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _pod_network(node: NodeInfo | None) -> IPv4Network | None:
    for cidr in node.pod_cidrs if node is not None else ():
        try:
            network = ip_network(cidr)
        except ValueError:
            continue
        if isinstance(network, IPv4Network):
            return network
    return None


def _public_ip(node: NodeInfo) -> IPv4Address | None:
    try:
        address = ip_address(node.annotations.get(PUBLIC_IP, ""))
    except ValueError:
        return None
    return address if isinstance(address, IPv4Address) else None


def _vtep_mac(node: NodeInfo) -> str:
    """Empty: not told."""
    return raw.text(_json(node.annotations.get(BACKEND_DATA, "")), "VtepMAC")


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
        message=f"node {node.name} has no IPv4 podCIDR, which flanneld needs",
        remedy="run kube-controller-manager with --allocate-node-cidrs",
    )

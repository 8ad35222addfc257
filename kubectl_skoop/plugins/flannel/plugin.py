"""The plugin: its detection, and what pods want."""

from collections import Counter
from collections.abc import Iterable
from typing import ClassVar

from kubectl_skoop.api import (
    BasePluginNode,
    ConfigBinder,
    Context,
    Detected,
    NetNodeAction,
    NodeInfo,
    Place,
    Plugin,
    PodInfo,
    Setting,
    SimpleVethPod,
    Wants,
    detection,
)
from kubectl_skoop.plugins.flannel.backends import backend_on
from kubectl_skoop.plugins.flannel.fabric import fabric
from kubectl_skoop.plugins.flannel.node import FlannelNode
from kubectl_skoop.plugins.flannel.settings import (
    BACKEND_TYPE,
    CONFIG_MAPS,
    PORTS,
    V4,
    V6,
    FlannelOptions,
    backend_type,
    pod_network,
)

DAEMON_SETS = ("kube-flannel(-ds.*)?", "flannel")


class Flannel(Plugin):
    name: ClassVar[str] = "flannel"
    options: ClassVar[type[ConfigBinder]] = FlannelOptions
    wants: ClassVar[Wants] = Wants(
        annotations=(BACKEND_TYPE, V4.backend_data, V4.public_ip, V6.backend_data, V6.public_ip),
        config_maps=tuple("/".join(name) for name in CONFIG_MAPS),
    )

    def __init__(self, ctx: Context) -> None:
        self.fabric = fabric(ctx)
        nodes = ctx.cluster.nodes()
        self.pods_in_underlay = bool(nodes) and all(self.fabric.backend_of(node) == "alloc" for node in nodes)

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        """k3s has it built in: then only the annotations tell."""
        found = detection.by_daemon_set(ctx, cls.name, *DAEMON_SETS)
        return found or detection.by_annotation(ctx, cls.name, BACKEND_TYPE)

    @classmethod
    def guess(cls, ctx: Context) -> Detected | None:
        return detection.by_device(ctx, cls.name, lambda device: device.name.startswith("flannel."))

    def settings(self) -> Iterable[Setting]:
        fabric, net = self.fabric, self.fabric.net
        told = Counter(
            each for node in fabric.ctx.cluster.nodes() if (each := node.annotations.get(BACKEND_TYPE))
        )
        source = f"annotation {BACKEND_TYPE} of {told.total()} nodes" if told else net.source
        backends = ", ".join(
            f"{name} ({count} nodes)" if len(told) > 1 else name for name, count in told.items()
        )
        yield fabric.setting(
            "backend", fabric.options.backend_type or backends or net.backend, source, "backend-type"
        )
        used = {backend_type(name) for name in told} | {net.backend}
        if "vxlan" in used:
            yield fabric.setting("VNI", str(net.vni), net.source, "vni")
        for backend in sorted(used & PORTS.keys()):
            yield fabric.setting(f"port of {backend}", f"UDP {net.port_of(backend)}", net.source, "port")
        if used & {"vxlan", "ipip"}:
            value = "on" if net.direct_routing else "off"
            yield fabric.setting("direct routing", value, net.source, "direct-routing")
        if "wireguard" in used:
            yield fabric.setting("mode of wireguard", net.mode, net.source, "wireguard-mode")
        networks = ", ".join(str(network) for network in net.networks)
        yield fabric.setting("network", networks, net.source, "network")
        if fabric.on_bridge:
            yield fabric.setting("bridge", fabric.options.bridge, "flannel's own default", "bridge")

    def create_pod(self, pod: PodInfo) -> NetNodeAction:
        fabric, node = self.fabric, self.fabric.ctx.node(pod.node)
        network, network6 = pod_network(node), pod_network(node, V6)
        bridge = fabric.ctx.device(Place("node", pod.node), fabric.options.bridge)
        return SimpleVethPod(
            pod,
            gateway=str(network[1]) if network and fabric.on_bridge else "",
            gateway6=str(network6[1]) if network6 and fabric.on_bridge else "",
            gateway_mac=bridge.mac if bridge and fabric.on_bridge else "",
            max_mtu=fabric.options.pod_mtu or (backend_on(fabric, node).pod_mtu() if node else None),
            prefix=network.prefixlen if network and fabric.on_bridge else 32,
        )

    def create_node(self, node: NodeInfo) -> NetNodeAction:
        return BasePluginNode(node, FlannelNode(self.fabric, node), self.fabric.ctx.cluster)

"""Cilium (cilium/cilium): what its agent leaves in the kernel's state, beside what its programs decide.

Where the programs are attached a verdict is unknown. What must be there whatever they do is compared: devices
with programs on them, routes of both routing modes, settings, CiliumNodes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

from kubectl_skoop.api import (
    BasePluginNode,
    ConfigBinder,
    Context,
    Detected,
    NetNodeAction,
    NodeInfo,
    Plugin,
    PodInfo,
    Setting,
    SimpleVethPod,
    Wants,
    detection,
    option,
)

CILIUM_NODE = "CiliumNode.cilium.io"
HOST = "cilium_host"
TUNNELS = ("cilium_vxlan", "cilium_geneve")
Routing = Literal["", "tunnel", "native"]


@dataclass(eq=False, frozen=True, slots=True)
class CiliumOptions:
    """`--cilium-…`"""

    routing: Routing = option("", "tunnel or native; empty: what cilium-config or the devices say")

    def validate(self) -> None:
        """The values are listed."""


class Cilium(Plugin):
    name: ClassVar[str] = "cilium"
    options: ClassVar[type[ConfigBinder]] = CiliumOptions
    wants: ClassVar[Wants] = Wants(kinds=(CILIUM_NODE,), config_maps=("kube-system/cilium-config",))
    enforces: ClassVar[frozenset[str]] = frozenset(
        {
            "NetworkPolicy",
            "CiliumNetworkPolicy",
            "CiliumClusterwideNetworkPolicy",
            "AdminNetworkPolicy",
            "BaselineAdminNetworkPolicy",
        }
    )

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.said = ctx.cluster.config_map("kube-system", "cilium-config") or {}
        from kubectl_skoop.plugins.cilium_node import peers

        self.peers = dict(peers(ctx.cluster.objects(CILIUM_NODE)))
        self.routing, self.source = self._routing(ctx.config(CiliumOptions).routing)
        self.pods_in_underlay = self.routing == "native" and not self.on("auto-direct-node-routes")

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        return detection.by_daemon_set(ctx, cls.name, "cilium", "anetd")

    @classmethod
    def guess(cls, ctx: Context) -> Detected | None:
        return detection.by_device(ctx, cls.name, lambda device: device.name == HOST)

    def settings(self) -> Iterable[Setting]:
        yield Setting("cilium: routing", self.routing, self.source, "cilium-routing")
        yield Setting("cilium: nodes", str(len(self.peers)), "CiliumNodes")

    def create_pod(self, pod: PodInfo) -> NetNodeAction:
        peer = self.peers.get(pod.node)
        return SimpleVethPod(pod, gateway=peer.router if peer is not None else "", resolves=False)

    def create_node(self, node: NodeInfo) -> NetNodeAction:
        from kubectl_skoop.plugins.cilium_node import CiliumNode

        return BasePluginNode(node, CiliumNode(self, node), self.ctx.cluster)

    def on(self, key: str) -> bool:
        return self.said.get(key, "") == "true"

    def _routing(self, asked: Routing) -> tuple[Routing, str]:
        if asked:
            return asked, "--cilium-routing"
        if self.said:
            native = self.said.get("routing-mode") == "native" or self.said.get("tunnel") == "disabled"
            return ("native" if native else "tunnel"), "ConfigMap kube-system/cilium-config"
        for ns in detection.states(self.ctx):
            found = next((name for name in TUNNELS if name in ns.device_by_name), "")
            return ("tunnel" if found else "native"), f"{found or 'no tunnel device'} on {ns.place}"
        return "", "neither cilium-config nor a node's devices were collected"

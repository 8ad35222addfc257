"""The plugins: how each is detected, and what is fixed in each.

Every cluster asks for that; what they do is loaded where one of them is the cluster's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

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
    detection,
    option,
)

if TYPE_CHECKING:
    from kubectl_skoop.plugins.bridge.attach import Attachment
    from kubectl_skoop.plugins.bridge.node import Peers

MROUTED = "mrouted"
"""What `ip route` calls 17, the protocol of kube-router's routes (pkg/controllers/routing)."""


@dataclass(frozen=True, slots=True)
class BridgeOptions:
    """`--bridge-…`"""

    type: Literal["", "bridge", "ptp"] = option("", "CNI plugin of the pods; empty: what the nodes show")
    name: str = option("", "bridge of the pods; empty: the one with the first address of a podCIDR")
    routes: Literal["", "nodes", "underlay"] = option(
        "", "who knows the way to other nodes' pods; empty: the nodes, if one of them has such a route"
    )

    def validate(self) -> None:
        """Each value is checked by its type."""


class HostLocal(Plugin):
    """What the plugins here share; `attachment` and `peers` are theirs."""

    ctx: Context
    attachment: "Attachment | None"
    peers: "Peers | None"

    def settings(self) -> Iterable[Setting]:
        own = self.name == Bridge.name
        yield Setting(
            f"{self.name}: pods",
            "" if self.attachment is None else str(self.attachment),
            "the first nodes' devices",
            "bridge-type" if own else "",
        )
        if self.peers is None:
            value, source = "the underlay's business", "no node has a route to another's podCIDR"
        else:
            value, source = "on the nodes", self.peers.author
        yield Setting(f"{self.name}: routes", value, source, "bridge-routes" if own else "")

    def create_pod(self, pod: PodInfo) -> NetNodeAction:
        return SimpleVethPod(pod) if self.attachment is None else self.attachment.pod(pod)

    def create_node(self, node: NodeInfo) -> NetNodeAction:
        from kubectl_skoop.plugins.bridge.node import HostLocalNode

        simple = HostLocalNode(ctx=self.ctx, node=node, attachment=self.attachment, peers=self.peers)
        return BasePluginNode(node, simple, self.ctx.cluster)


class Bridge(HostLocal):
    """No agent: a file in /etc/cni/net.d, and routes from whoever set the nodes up."""

    name: ClassVar[str] = "bridge"
    options: ClassVar[type[ConfigBinder]] = BridgeOptions

    def __init__(self, ctx: Context) -> None:
        from kubectl_skoop.plugins.bridge.attach import ByBridge, ByVeth
        from kubectl_skoop.plugins.bridge.node import Peers
        from kubectl_skoop.plugins.bridge.observed import observe

        self.ctx = ctx
        config = ctx.config(BridgeOptions)
        seen = observe(ctx, bridge=config.name)
        kind, bridge = config.type or seen.attached, config.name or seen.bridge
        self.attachment = None
        if kind == "ptp":
            self.attachment = ByVeth(ctx)
        elif kind == "bridge" and bridge:
            self.attachment = ByBridge(ctx, bridge, seen.hairpin)
        on_nodes = config.routes == "nodes" or (not config.routes and seen.routed)
        self.peers = Peers("whoever routes between the nodes adds it") if on_nodes else None

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        """Never: no object tells it."""
        return None

    @classmethod
    def guess(cls, ctx: Context) -> Detected | None:
        from kubectl_skoop.plugins.bridge.observed import gateways

        for ns in detection.states(ctx):
            node = ctx.node(ns.node)
            for device in gateways(ns, node) if node is not None else ():
                if device.kind in ("bridge", "veth"):
                    told = f"{device.name} on {ns.place} has the first address of the podCIDR"
                    return Detected(cls.name, told, general=True)
        return None


class Kindnet(HostLocal):
    """kind's own: ptp, and a route to each other node."""

    name: ClassVar[str] = "kindnet"
    enforces: ClassVar[frozenset[str]] = frozenset({"NetworkPolicy"})

    def __init__(self, ctx: Context) -> None:
        from kubectl_skoop.plugins.bridge.attach import ByVeth
        from kubectl_skoop.plugins.bridge.node import Peers
        from kubectl_skoop.plugins.bridge.observed import observe

        self.ctx = ctx
        self.attachment = ByVeth(ctx) if observe(ctx).attached == "ptp" else None
        self.peers = Peers("kindnetd adds it")

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        return detection.by_daemon_set(ctx, cls.name, "kindnet")


class KubeRouter(HostLocal):
    """Pods on kube-bridge, routes by BGP."""

    name: ClassVar[str] = "kube-router"
    enforces: ClassVar[frozenset[str]] = frozenset({"NetworkPolicy"})
    bridge: ClassVar[str] = "kube-bridge"

    def __init__(self, ctx: Context) -> None:
        from kubectl_skoop.plugins.bridge.attach import ByBridge
        from kubectl_skoop.plugins.bridge.node import Peers
        from kubectl_skoop.plugins.bridge.observed import observe

        self.ctx = ctx
        self.attachment = ByBridge(ctx, self.bridge, observe(ctx, bridge=self.bridge).hairpin)
        self.peers = Peers("kube-router adds it by BGP", protocol=MROUTED, tunnels="tun-", table=77)

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        """Where it only enforces policies or only serves services, no node has its bridge."""
        found = detection.by_daemon_set(ctx, cls.name, "kube-router")
        states = list(detection.states(ctx)) if found is not None else []
        return None if states and not any(cls.bridge in ns.device_by_name for ns in states) else found

    @classmethod
    def guess(cls, ctx: Context) -> Detected | None:
        return detection.by_device(ctx, cls.name, lambda device: device.name == cls.bridge)

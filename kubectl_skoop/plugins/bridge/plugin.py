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
    OptionError,
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


Routes = Literal["", "nodes", "underlay"]
Switch = Literal["", "on", "off"]
_HAIRPIN = "on: wanted of all ports of the bridge, off: not; empty: on, if a port has it"


@dataclass(eq=False, frozen=True, slots=True)
class BridgeOptions:
    """`--bridge-…`"""

    type: Literal["", "bridge", "ptp"] = option("", "CNI plugin of the pods; empty: what the nodes show")
    name: str = option("", "bridge of the pods; empty: the one with the first address of a podCIDR")
    routes: Routes = option(
        "", "who knows the way to other nodes' pods; empty: the nodes, if one of them has such a route"
    )
    hairpin: Switch = option("", _HAIRPIN)

    def validate(self) -> None:
        for name in ("name", "hairpin"):
            if self.type == "ptp" and getattr(self, name):
                raise OptionError(
                    f"--bridge-type ptp and --bridge-{name} contradict each other: ptp has no bridge"
                )


@dataclass(eq=False, frozen=True, slots=True)
class KindnetOptions:
    """`--kindnet-…`"""

    type: Literal["", "ptp", "other"] = option(
        "", "CNI plugin of the pods; other: left to the kernel's word; empty: what the nodes show"
    )
    routes: Routes = option("", "who knows the way to other nodes' pods; empty: the nodes")

    def validate(self) -> None:
        """The values are listed."""


@dataclass(eq=False, frozen=True, slots=True)
class KubeRouterOptions:
    """`--kube-router-…`"""

    routes: Routes = option("", "who knows the way to other nodes' pods; empty: the nodes, by BGP")
    hairpin: Switch = option("", _HAIRPIN)

    def validate(self) -> None:
        """The values are listed."""


class HostLocal(Plugin):
    """What the plugins here share; `attachment` and `peers` are theirs."""

    ctx: Context
    config: BridgeOptions | KindnetOptions | KubeRouterOptions
    attachment: "Attachment | None"
    peers: "Peers | None"
    pods_told_by: ClassVar[str] = "the first nodes' devices"

    def settings(self) -> Iterable[Setting]:
        from kubectl_skoop.plugins.bridge.attach import ByBridge

        shown = "" if self.attachment is None else str(self.attachment)
        yield self._setting("pods", shown, self.pods_told_by, "type", "name")
        if isinstance(self.attachment, ByBridge):
            hairpin = "on" if self.attachment.hairpin else "off"
            yield self._setting("hairpin", hairpin, f"ports of {self.attachment.bridge}", "hairpin")
        if self.peers is None:
            value, source = "the underlay's business", "no node has a route to another's podCIDR"
        else:
            value, source = "on the nodes", self.peers.author
        yield self._setting("routes", value, source, "routes")

    def _setting(self, name: str, value: str, source: str, *options: str) -> Setting:
        """`options`: those that override it, of which a plugin may lack some."""
        own = [option for option in options if hasattr(self.config, option)]
        given = [f"--{self.name}-{option}" for option in own if getattr(self.config, option)]
        return Setting(
            f"{self.name}: {name}",
            value,
            " and ".join(given) or source,
            f"{self.name}-{own[0]}" if own else "",
        )

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
        self.config = config = ctx.config(BridgeOptions)
        seen = observe(ctx, bridge=config.name)
        kind, bridge = config.type or seen.attached, config.name or seen.bridge
        self.attachment = None
        if kind == "ptp":
            self.attachment = ByVeth(ctx)
        elif kind == "bridge" and bridge:
            self.attachment = ByBridge(ctx, bridge, _is_on(config.hairpin, seen.hairpin))
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
    options: ClassVar[type[ConfigBinder]] = KindnetOptions
    enforces: ClassVar[frozenset[str]] = frozenset({"NetworkPolicy"})

    def __init__(self, ctx: Context) -> None:
        from kubectl_skoop.plugins.bridge.attach import ByVeth
        from kubectl_skoop.plugins.bridge.node import Peers
        from kubectl_skoop.plugins.bridge.observed import observe

        self.ctx = ctx
        self.config = config = ctx.config(KindnetOptions)
        self.attachment = ByVeth(ctx) if (config.type or observe(ctx).attached) == "ptp" else None
        self.peers = None if config.routes == "underlay" else Peers("kindnetd adds it")

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        return detection.by_daemon_set(ctx, cls.name, "kindnet")


class KubeRouter(HostLocal):
    """Pods on kube-bridge, routes by BGP."""

    name: ClassVar[str] = "kube-router"
    options: ClassVar[type[ConfigBinder]] = KubeRouterOptions
    enforces: ClassVar[frozenset[str]] = frozenset({"NetworkPolicy"})
    bridge: ClassVar[str] = "kube-bridge"
    pods_told_by: ClassVar[str] = "its name is fixed in kube-router"

    def __init__(self, ctx: Context) -> None:
        from kubectl_skoop.plugins.bridge.attach import ByBridge
        from kubectl_skoop.plugins.bridge.node import Peers
        from kubectl_skoop.plugins.bridge.observed import observe

        self.ctx = ctx
        self.config = config = ctx.config(KubeRouterOptions)
        hairpin = _is_on(config.hairpin, observe(ctx, bridge=self.bridge).hairpin)
        self.attachment = ByBridge(ctx, self.bridge, hairpin)
        by_bgp = Peers("kube-router adds it by BGP", protocol=MROUTED, tunnels="tun-", table=77)
        self.peers = None if config.routes == "underlay" else by_bgp

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        """Where it only enforces policies or only serves services, no node has its bridge."""
        found = detection.by_daemon_set(ctx, cls.name, "kube-router")
        states = list(detection.states(ctx)) if found is not None else []
        return None if states and not any(cls.bridge in ns.device_by_name for ns in states) else found

    @classmethod
    def guess(cls, ctx: Context) -> Detected | None:
        return detection.by_device(ctx, cls.name, lambda device: device.name == cls.bridge)


def _is_on(given: Switch, seen: bool) -> bool:
    return given == "on" if given else seen

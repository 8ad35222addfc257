"""The plugin `terway`: its mode, and what it is found by."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

from kubectl_skoop.api import (
    BasePluginNode,
    ConfigBinder,
    Context,
    Detected,
    NetNodeAction,
    NodeInfo,
    OptionError,
    Place,
    Plugin,
    PodInfo,
    Setting,
    SimpleVethPod,
    detection,
    option,
)

Mode = Literal["", "vpc", "eni", "eniip"]
MODES: Mapping[str, Mode] = {"terway": "vpc", "terway-eni": "eni", "terway-eniip": "eniip"}
"""By the DaemonSet."""
Connection = Literal["", "veth", "ipvlan", "vlan", "eni"]
KINDS: Mapping[Connection, str] = {"veth": "veth", "ipvlan": "ipvlan", "vlan": "vlan", "eni": ""}
"""Of eth0 of a pod."""
CONNECTIONS: Mapping[str, str] = {
    "veth": "veths",
    "ipvlan": "ipvlan",
    "vlan": "VLANs of a trunk",
    "": "interfaces of their own",
}
"""By that kind."""
OF_MODES: Mapping[Mode, tuple[Connection, ...]] = {
    "vpc": ("veth",),
    "eni": ("veth", "vlan", "eni"),
    "eniip": ("veth", "ipvlan", "vlan"),
}


@dataclass(eq=False, frozen=True, slots=True)
class TerwayOptions:
    """`--terway-…`"""

    mode: Mode = option("", "vpc, eni or eniip; empty: by the name of the DaemonSet")
    pod_mtu: int = option(0, "largest MTU of pods, bytes; 0: what the node's interfaces carry")
    pods: Connection = option(
        "", "veth, ipvlan, vlan (of a trunk) or eni (one of its own): eth0 of all pods; empty: as each shows"
    )

    def validate(self) -> None:
        if self.mode and self.pods and self.pods not in OF_MODES[self.mode]:
            raise OptionError(
                f"--terway-mode {self.mode} and --terway-pods {self.pods} contradict each other: "
                f"it connects pods by {' or '.join(OF_MODES[self.mode])}"
            )
        if self.pod_mtu and not 576 <= self.pod_mtu <= 9500:
            raise OptionError("--terway-pod-mtu: 576 to 9500")


class Terway(Plugin):
    name: ClassVar[str] = "terway"
    options: ClassVar[type[ConfigBinder]] = TerwayOptions
    enforces: ClassVar[frozenset[str]] = frozenset({"NetworkPolicy"})
    pods_in_underlay = True

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.config = ctx.config(TerwayOptions)
        found = ctx.cluster.detect_daemonset(*MODES)
        self.mode: Mode = self.config.mode or ("eniip" if found is None else MODES[found.name])

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        return detection.by_daemon_set(ctx, cls.name, *MODES)

    def settings(self) -> Iterable[Setting]:
        found = self.ctx.cluster.detect_daemonset(*MODES)
        source = (
            f"--{self.name}-mode" if self.config.mode else f"DaemonSet {found.name}" if found else "default"
        )
        yield Setting("terway: mode", self.mode, source, "terway-mode")
        kinds = Counter(
            device.kind
            for pod in self.ctx.cluster.pods()
            if (device := self.ctx.device(Place("pod", pod.key), "eth0")) is not None
        )
        shown = ", ".join(f"{CONNECTIONS.get(kind, kind)} of {count}" for kind, count in kinds.items())
        source = "eth0 of the pods that were collected"
        if self.config.pods:
            shown, source = CONNECTIONS[KINDS[self.config.pods]], "--terway-pods"
        yield Setting("terway: pods", shown, source, "terway-pods")

    def create_pod(self, pod: PodInfo) -> NetNodeAction:
        inside = self.ctx.device(Place("pod", pod.key), "eth0")
        if not self._on_veth(pod):
            from kubectl_skoop.plugins.terway.pod import VpcPod

            if inside is None:
                return SimpleVethPod(pod, alone=False, resolves=False)
            return VpcPod(ctx=self.ctx, pod=pod, eth0=inside, kind=KINDS.get(self.config.pods, inside.kind))
        from kubectl_skoop.plugins.eni import GATEWAY

        host = self.ctx.host_device(pod.key)
        return SimpleVethPod(
            pod,
            gateway=GATEWAY,
            gateway_mac=host.mac if host is not None else "",
            gateway_static=True,
            max_mtu=self.config.pod_mtu or None,
        )

    def create_node(self, node: NodeInfo) -> NetNodeAction:
        from kubectl_skoop.plugins.terway.node import make_node

        on_veth = [pod for pod in self.ctx.pods_of(node.name) if self._on_veth(pod)]
        made = make_node(
            self.ctx,
            node,
            on_veth,
            self._owners,
            by_interface=self.mode == "eniip",
            kind=KINDS.get(self.config.pods),
        )
        return BasePluginNode(node, made, self.ctx.cluster)

    @cached_property
    def _owners(self) -> Mapping[str, str]:
        from kubectl_skoop.plugins.terway.node import owners_in

        return owners_in(self.ctx) if self.mode == "eniip" else {}

    def _on_veth(self, pod: PodInfo) -> bool:
        """Where nobody can tell: by the mode."""
        if self.config.pods:
            return self.config.pods == "veth"
        place = Place("pod", pod.key)
        inside = self.ctx.device(place, "eth0")
        if inside is None:
            return self.mode != "eni"
        return inside.kind == "veth" and inside not in self.ctx.nics(place)

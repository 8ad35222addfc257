"""Terway (AliyunContainerService/terway): pods by VPC routes, or with addresses of interfaces (ENIIP).

Left to the kernel's word: pods on ipvlan, pods that have an interface for themselves (ENI, trunk), datapath
V2 (Cilium's programs), IPv6.
"""

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
    Device,
    NetNodeAction,
    NetworkNamespace,
    NodeInfo,
    NotCollected,
    OptionError,
    Place,
    Plugin,
    PodInfo,
    Setting,
    SimpleVethPod,
    detection,
    option,
    raw,
)
from kubectl_skoop.plugins.eni import GATEWAY, Scheme, Told, eni_node, owners_of

FROM_POD, FIRST_TABLE = 2048, 1000
"""fromContainerPriority (plugin/datapath/consts_linux.go); GetRouteTableID (plugin/driver/utils)."""
CLOUD = "aliyun"
"""The provider that gathers which interface has which address."""
Mode = Literal["", "vpc", "eni", "eniip"]
MODES: Mapping[str, Mode] = {"terway": "vpc", "terway-eni": "eni", "terway-eniip": "eniip"}
"""By the DaemonSet."""
CONNECTIONS: Mapping[str, str] = {"veth": "veths", "ipvlan": "ipvlan", "": "interfaces of their own"}
"""By the kind of eth0 of a pod."""


@dataclass(frozen=True, slots=True)
class TerwayOptions:
    """`--terway-…`"""

    mode: Mode = option("", "vpc, eni or eniip; empty: by the name of the DaemonSet")
    pod_mtu: int = option(0, "largest MTU of pods, bytes; 0: what the node's interfaces carry")

    def validate(self) -> None:
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
        self.scheme = Scheme(
            agent="Terway",
            prefix="cali",
            from_pod=FROM_POD if self.mode == "eniip" else 0,
            rp_filter=(0, 2),
            spares_uplink=True,
            own_table=own_table if self.mode == "eniip" else lambda ns, nic: 0,
        )

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
        yield Setting("terway: pods", shown, "eth0 of the pods that were collected")

    def create_pod(self, pod: PodInfo) -> NetNodeAction:
        if not self._on_veth(pod):
            return SimpleVethPod(pod, alone=False, resolves=False)
        host = self.ctx.host_device(pod.key)
        return SimpleVethPod(
            pod,
            gateway=GATEWAY,
            gateway_mac=host.mac if host is not None else "",
            gateway_static=True,
            max_mtu=self.config.pod_mtu or None,
        )

    def create_node(self, node: NodeInfo) -> NetNodeAction:
        pods = [pod for pod in self.ctx.pods_of(node.name) if self._on_veth(pod)]
        made = eni_node(self.ctx, node, self.scheme, pods, owners_of(pods, map(_told, self._interfaces)))
        return BasePluginNode(node, made, self.ctx.cluster)

    @cached_property
    def _interfaces(self) -> tuple[object, ...]:
        """As the provider was given them; none: nobody gave them, or no pod has an address of one."""
        if self.mode != "eniip":
            return ()
        section = self.ctx.source.infra(CLOUD)
        return (
            ()
            if isinstance(section, NotCollected)
            else tuple(raw.items(section, "resources", "NetworkInterfaces"))
        )

    def _on_veth(self, pod: PodInfo) -> bool:
        """Where nobody can tell: by the mode."""
        inside = self.ctx.device(Place("pod", pod.key), "eth0")
        return self.mode != "eni" if inside is None else inside.kind == "veth"


def own_table(ns: NetworkNamespace, nic: Device) -> int:
    """It has one if pods' rules or routes name it."""
    table = FIRST_TABLE + nic.index
    used = {rule.table for rule in ns.rules if rule.priority == FROM_POD} | {
        route.table for route in ns.routes
    }
    return table if table in used else 0


def _told(interface: object) -> Told:
    sets, prefixes = ("PrivateIpSets", "PrivateIpSet"), ("Ipv4PrefixSets", "Ipv4PrefixSet")
    return Told(
        mac=raw.text(interface, "MacAddress"),
        addresses=(raw.text(one, "PrivateIpAddress") for one in raw.items(interface, *sets)),
        prefixes=(raw.text(one, "Ipv4Prefix") for one in raw.items(interface, *prefixes)),
    )

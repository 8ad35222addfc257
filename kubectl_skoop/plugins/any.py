"""For a CNI that nobody knows: only what Kubernetes itself demands of every one of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from kubectl_skoop.api import (
    BasePluginNode,
    Context,
    Detected,
    NetNodeAction,
    NodeInfo,
    Plugin,
    PodInfo,
    Setting,
    SimplePluginNode,
    SimpleVethPod,
    Wishes,
    expect,
)

BECAUSE = "a node must forward for its pods; kubelet and kube-proxy expect it"
BRIDGED = "kube-proxy needs it: else answers of a pod on the same bridge bypass the translation"


class Any(Plugin):
    name: ClassVar[str] = "any"

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        """Never: it is taken where no other plugin knows the CNI."""
        return None

    def settings(self) -> Iterable[Setting]:
        yield Setting(
            "not known",
            "which devices, routes, neighbours and rules the CNI wants",
            "no plugin speaks for it, so that was not compared",
            "network-plugin",
        )

    def create_pod(self, pod: PodInfo) -> NetNodeAction:
        return SimpleVethPod(pod, routed=False, resolves=False, alone=False)

    def create_node(self, node: NodeInfo) -> NetNodeAction:
        return BasePluginNode(node, AnyNode(bridged=self._bridged(node)), self.ctx.cluster)

    def _bridged(self, node: NodeInfo) -> bool:
        """A pod of the node hangs on a bridge."""
        ends = (self.ctx.host_device(pod.key) for pod in self.ctx.pods_of(node.name))
        return any(end is not None and end.port is not None for end in ends)


@dataclass(frozen=True, slots=True)
class AnyNode(SimplePluginNode):
    """A node that forwards; nothing more is known."""

    bridged: bool = False

    def always(self) -> Wishes:
        yield expect.sysctl("net.ipv4.ip_forward", 1, because=BECAUSE)
        if self.bridged:
            yield expect.sysctl("net.bridge.bridge-nf-call-iptables", 1, because=BRIDGED)

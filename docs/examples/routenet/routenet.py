"""routenet: each pod on a veth, a route to it, and one to each other node's podCIDR."""

from dataclasses import dataclass
from ipaddress import ip_network
from typing import ClassVar

from kubectl_skoop.api import (
    BasePluginNode,
    ConfigBinder,
    Context,
    Detected,
    Link,
    NetNodeAction,
    NodeInfo,
    OptionError,
    Packet,
    Plugin,
    PodInfo,
    SimplePluginNode,
    SimpleVethPod,
    Wishes,
    detection,
    expect,
    option,
)


@dataclass(frozen=True, slots=True)
class Options:
    mtu: int = option(1500, "largest MTU of pods, bytes")

    def validate(self) -> None:
        if not 1280 <= self.mtu <= 9000:
            raise OptionError("--routenet-mtu: 1280 to 9000")


class Routenet(Plugin):
    name: ClassVar[str] = "routenet"
    options: ClassVar[type[ConfigBinder]] = Options

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        return detection.by_daemon_set(ctx, cls.name, "routenet-agent")

    def create_pod(self, pod: PodInfo) -> NetNodeAction:
        node = self.ctx.node(pod.node)
        gateway = str(ip_network(node.pod_cidr)[1]) if node is not None and node.pod_cidr else ""
        return SimpleVethPod(pod, gateway=gateway, max_mtu=self.ctx.config(Options).mtu)

    def create_node(self, node: NodeInfo) -> NetNodeAction:
        return BasePluginNode(node, RoutenetNode(self.ctx, node), self.ctx.cluster)


@dataclass(frozen=True, slots=True)
class RoutenetNode(SimplePluginNode):
    ctx: Context
    node: NodeInfo

    def always(self) -> Wishes:
        yield expect.sysctl("net.ipv4.ip_forward", 1, because="routenet-agent sets it when it starts")

    def to_pod(self, upstream: Link | None, packet: Packet, pod: PodInfo) -> Wishes:
        device, peer = self.ctx.host_device(pod.key), self.ctx.node(pod.node)
        if pod.node == self.node.name and device is not None:
            because = f"routenet-agent sets it up when {pod.key} starts"
            yield expect.device(device.name, up=True, carrier=True, because=because)
            yield expect.route(f"{packet.dst}/32", dev=device.name, carries=packet.dst, because=because)
        elif peer is not None and peer.name != self.node.name and peer.pod_cidr:
            because = f"routenet-agent adds it when node {peer.name} joins"
            yield expect.route(peer.pod_cidr, via=peer.address, carries=packet.dst, because=because)

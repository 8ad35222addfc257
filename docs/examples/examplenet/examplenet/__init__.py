"""examplenet: pods on veths, one vxlan device ex0 to each other node, MACs by annotation."""

from dataclasses import dataclass
from typing import ClassVar

from kubectl_skoop.api import (
    BasePluginNode,
    ConfigBinder,
    Context,
    Detected,
    Level,
    Link,
    NetNodeAction,
    NodeInfo,
    OptionError,
    Packet,
    Place,
    Plugin,
    PodInfo,
    SimplePluginNode,
    SimpleVethPod,
    Suspicion,
    Wants,
    Where,
    Wishes,
    detection,
    expect,
    option,
)

MAC = "examplenet.io/vtep-mac"


@dataclass(frozen=True, slots=True)
class Config:
    """`--examplenet-vni`."""

    vni: int = option(7, "VNI of ex0")

    def validate(self) -> None:
        if not 0 < self.vni < 2**24:
            raise OptionError("--examplenet-vni: 1 to 16777215")


class Examplenet(Plugin):
    name: ClassVar[str] = "examplenet"
    options: ClassVar[type[ConfigBinder]] = Config
    wants: ClassVar[Wants] = Wants(annotations=(MAC,))

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.config = ctx.config(Config)

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        return detection.by_daemon_set(ctx, cls.name, "examplenet-agent")

    def create_pod(self, pod: PodInfo) -> NetNodeAction:
        return SimpleVethPod(pod, device="eth0")

    def create_node(self, node: NodeInfo) -> NetNodeAction:
        return BasePluginNode(node, ExamplenetNode(node, self.ctx, self.config), self.ctx.cluster)


@dataclass(frozen=True, slots=True)
class ExamplenetNode(SimplePluginNode):
    node: NodeInfo
    ctx: Context
    config: Config

    def always(self) -> Wishes:
        because = "the agent makes it when it starts"
        yield expect.device("ex0", kind="vxlan", up=True, vni=self.config.vni, because=because)
        yield expect.sysctl("net.ipv4.ip_forward", 1, because="nodes route for their pods")

    def to_pod(self, upstream: Link | None, packet: Packet, pod: PodInfo) -> Wishes:
        if pod.node == self.node.name:
            device = self.ctx.host_device(pod.key)
            if device is not None:
                yield expect.route(f"{pod.ip}/32", dev=device.name, because=f"added with {pod.key}")
            return
        peer = self.ctx.node(pod.node)
        if peer is not None:
            yield from self._peer(peer, packet)

    def _peer(self, peer: NodeInfo, packet: Packet) -> Wishes:
        vtep = peer.pod_cidr.partition("/")[0]
        joined = f"the agent adds it when {peer.name} joins"
        yield expect.route(
            peer.pod_cidr, dev="ex0", via=vtep, onlink=True, carries=packet.dst, because=joined
        )
        mac = peer.annotations.get(MAC)
        if mac is None:
            yield no_annotation(peer)
            return
        told = f"the agent adds it from the annotation of {peer.name}"
        yield expect.neighbour(vtep, dev="ex0", mac=mac, because=told)
        yield expect.fdb(mac, dev="ex0", dst=peer.address, because=told)


def no_annotation(peer: NodeInfo) -> Suspicion:
    return Suspicion(
        code="examplenet.annotation.missing",
        level=Level.WARNING,
        where=Where(place=Place("node", peer.name)),
        message=f"node {peer.name} has no annotation {MAC}: other nodes cannot reach its pods",
        remedy=f"look at the log of examplenet-agent on {peer.name}",
    )

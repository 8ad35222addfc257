"""Pods as ports of a bridge that is their gateway: what the CNI plugin `bridge` with host-local leaves on a
node (containernetworking/plugins), whoever calls it."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from typing import NamedTuple

from kubectl_skoop.api import (
    Address,
    Context,
    Device,
    IpNetwork,
    NodeInfo,
    Packet,
    Place,
    PodInfo,
    Wishes,
    expect,
)

_BY_KERNEL = "the kernel adds it with the bridge's address"


class OnBridge(NamedTuple):
    ctx: Context
    bridge: str
    hairpin: bool
    """It must be on; False: it may be."""

    def always(self, networks: Iterable[IpNetwork]) -> Wishes:
        """On a node with pods, of these podCIDRs."""
        because = "the bridge CNI plugin makes it with the first pod"
        yield expect.device(self.bridge, kind="bridge", up=True, arp=True, because=because)
        yield expect.sysctl(
            "net.bridge.bridge-nf-call-iptables",
            1,
            because="kube-proxy needs it: else answers of a pod on the same node bypass the translation",
        )
        yield expect.forwarding(self.bridge)
        for network in networks:
            yield expect.address(
                self.bridge,
                f"{gateway(network)}/{network.prefixlen}",
                because="it is the gateway of the pods, taken from the podCIDR",
            )
            yield expect.route(network, dev=self.bridge, scope=_scope(network), because=_BY_KERNEL)

    def port(self, pod: PodInfo) -> Wishes:
        """The node's end of the pod's veth."""
        outside, inside = ends(self.ctx, pod)
        if outside is None or inside is None:
            return
        because = f"the bridge CNI plugin sets it up when {pod.key} starts"
        yield expect.device(
            outside.name,
            kind="veth",
            up=True,
            carrier=True,
            master=self.bridge,
            mtu=inside.mtu,
            because=because,
        )
        if outside.port is not None:
            yield expect.bridge_port(
                outside.name,
                state="forwarding",
                hairpin=self.hairpin or None,
                isolated=False,
                learning=True,
                flood=True,
                broadcast=True,
                because=because,
            )

    def towards(self, pod: PodInfo, packet: Packet) -> Wishes:
        """Beside its port, for a packet from its node to it."""
        network = pod_network(self.ctx.node(pod.node), packet.family)
        if network is None or packet.dst not in network:
            return
        yield expect.route(
            network, dev=self.bridge, scope=_scope(network), carries=packet.dst, because=_BY_KERNEL
        )
        _, inside = ends(self.ctx, pod)
        if inside is not None:
            yield expect.neighbour(
                packet.dst,
                dev=self.bridge,
                mac=inside.mac,
                required=False,
                because=f"the kernel asks for it; eth0 of {pod.key} has this MAC",
            )


def ends(ctx: Context, pod: PodInfo) -> tuple[Device | None, Device | None]:
    """Of the pod's veth: the node's and the pod's."""
    return ctx.host_device(pod.key), ctx.device(Place("pod", pod.key), "eth0")


def pod_networks(node: NodeInfo | None) -> tuple[IpNetwork, ...]:
    """What can be read of its podCIDRs."""
    return tuple(networks(node.pod_cidrs if node is not None else ()))


def pod_network(node: NodeInfo | None, version: int) -> IpNetwork | None:
    return next((network for network in pod_networks(node) if network.version == version), None)


def networks(texts: Iterable[str]) -> Iterator[IpNetwork]:
    """What can be read and has room for a gateway."""
    for text in texts:
        try:
            network = ip_network(text)
        except ValueError:
            continue
        if network.num_addresses > 1:
            yield network


def gateway(network: IpNetwork) -> Address:
    """host-local's default: the first address of the range."""
    return network[1]


def _scope(network: IpNetwork) -> str:
    """IPv6 has none."""
    return "link" if network.version == 4 else ""

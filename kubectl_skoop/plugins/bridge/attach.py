"""How pods hang on their node: as ports of a bridge, or each on a veth of its own (ptp)."""

from dataclasses import dataclass
from ipaddress import ip_interface
from typing import Protocol

from kubectl_skoop.api import (
    Context,
    NetNodeAction,
    NodeInfo,
    Packet,
    Place,
    PodInfo,
    SimpleVethPod,
    Wishes,
    expect,
)
from kubectl_skoop.plugins.bridge.observed import used_networks
from kubectl_skoop.plugins.on_bridge import OnBridge, ends, gateway, pod_network, pod_networks


class Attachment(Protocol):
    """What a CNI plugin sets up for pods."""

    def pod(self, pod: PodInfo) -> NetNodeAction: ...

    def always(self, node: NodeInfo) -> Wishes:
        """On a node with pods."""
        ...

    def end(self, pod: PodInfo) -> Wishes:
        """The node's end of the pod's veth."""
        ...

    def towards(self, pod: PodInfo, packet: Packet) -> Wishes:
        """Beside its end, for a packet from its node to it."""
        ...


@dataclass(frozen=True, slots=True)
class ByBridge:
    """The plugin `bridge`: the bridge is the pods' gateway."""

    ctx: Context
    bridge: str
    hairpin: bool

    def __str__(self) -> str:
        return f"ports of {self.bridge}"

    def pod(self, pod: PodInfo) -> NetNodeAction:
        network = pod_network(self.ctx.node(pod.node), 4)
        bridge = self.ctx.device(Place("node", pod.node), self.bridge)
        return SimpleVethPod(
            pod,
            gateway=str(gateway(network)) if network else "",
            gateway_mac=bridge.mac if bridge and network else "",
            prefix=network.prefixlen if network else 32,
        )

    def always(self, node: NodeInfo) -> Wishes:
        return self._ports.always(used_networks(self.ctx, node))

    def end(self, pod: PodInfo) -> Wishes:
        return self._ports.port(pod)

    def towards(self, pod: PodInfo, packet: Packet) -> Wishes:
        return self._ports.towards(pod, packet)

    @property
    def _ports(self) -> OnBridge:
        return OnBridge(self.ctx, self.bridge, self.hairpin)


@dataclass(frozen=True, slots=True)
class ByVeth:
    """The plugin `ptp`: a host route to each pod, and the gateway's address on each veth."""

    ctx: Context

    def __str__(self) -> str:
        return "each on a veth with a route (ptp)"

    def pod(self, pod: PodInfo) -> NetNodeAction:
        network = pod_network(self.ctx.node(pod.node), 4)
        outside = self.ctx.host_device(pod.key)
        return SimpleVethPod(
            pod,
            gateway=str(gateway(network)) if network else "",
            gateway_mac=outside.mac if outside and network else "",
            prefix=network.prefixlen if network else 32,
        )

    def always(self, node: NodeInfo) -> Wishes:
        for pod in self.ctx.pods_of(node.name):
            yield from self.end(pod)

    def end(self, pod: PodInfo) -> Wishes:
        outside, inside = ends(self.ctx, pod)
        if outside is None or inside is None:
            return
        because = f"the ptp CNI plugin sets it up when {pod.key} starts"
        yield expect.device(
            outside.name, kind="veth", up=True, carrier=True, arp=True, mtu=inside.mtu, because=because
        )
        yield expect.forwarding(outside.name)
        for network in pod_networks(self.ctx.node(pod.node)):
            if any(address in network for address in pod.addresses):
                told = ip_interface((gateway(network), network.max_prefixlen))
                yield expect.address(outside.name, told, because=f"it is the gateway of {pod.key}")
        for address in pod.addresses:
            yield expect.route(
                f"{address}/{address.max_prefixlen}",
                dev=outside.name,
                because=f"the ptp CNI plugin adds it when {pod.key} starts",
            )

    def towards(self, pod: PodInfo, packet: Packet) -> Wishes:
        outside, inside = ends(self.ctx, pod)
        if outside is None or inside is None or packet.dst not in pod.addresses:
            return
        yield expect.route(
            f"{packet.dst}/{packet.dst.max_prefixlen}",
            dev=outside.name,
            carries=packet.dst,
            source=packet.src,
            because=f"the ptp CNI plugin adds it when {pod.key} starts",
        )
        yield expect.neighbour(
            packet.dst,
            dev=outside.name,
            mac=inside.mac,
            required=False,
            because=f"the kernel asks for it; eth0 of {pod.key} has this MAC",
        )

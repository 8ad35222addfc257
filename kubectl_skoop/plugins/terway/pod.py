"""Pods of Terway that are on the VPC by themselves: an interface of their own, a VLAN of a trunk, an ipvlan.

plugin/datapath: exclusive_eni_linux.go, vlan_linux.go, ipvlan_linux.go.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from kubectl_skoop.api import (
    Address,
    Context,
    Device,
    NetworkNamespace,
    NotCollected,
    Passing,
    Place,
    PodInfo,
    Wishes,
    expect,
)
from kubectl_skoop.plugins.eni import EVERYWHERE, GATEWAY, TABLE_MAIN, default_hop, network_of

INSIDE = "veth1"
"""A pod's way to its own node, beside an interface of its own."""
BECAUSE = "Terway's CNI plugin sets it up when the pod starts"


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcPod:
    """IPv4 only."""

    ctx: Context
    pod: PodInfo
    eth0: Device
    kind: str
    """What eth0 should be; empty: an interface of its own."""

    @property
    def place(self) -> Place:
        return Place("pod", self.pod.key)

    def wishes(self, passing: Passing) -> Wishes:
        return ()

    def always(self) -> Wishes:
        yield expect.device("eth0", kind=self.kind, up=True, carrier=True, because=BECAUSE)
        yield expect.device("lo", up=True, because="the container runtime sets it up")
        for address in self.pod.addresses:
            if address.version == 4:
                told = "Kubernetes has this address as the pod's (status.podIPs)"
                yield expect.address("eth0", f"{address}/32", any_prefix=True, because=told)
        gateway = self._gateway()
        yield expect.route(EVERYWHERE, dev="eth0", via=gateway, onlink=True, because=BECAUSE)
        if self.kind == "ipvlan":
            yield from self._to_node_on_ipvlan()
        elif self.kind != "vlan":
            yield from self._to_node_by_veth()

    def _to_node_on_ipvlan(self) -> Wishes:
        """The node's address is on an ipvlan of its own, which has the same MAC."""
        for address in self._node_addresses():
            yield expect.route(f"{address}/32", dev="eth0", scope="link", because=BECAUSE)
            yield expect.neighbour(address, dev="eth0", mac=self.eth0.mac, because=BECAUSE)

    def _to_node_by_veth(self) -> Wishes:
        yield expect.device(INSIDE, kind="veth", up=True, carrier=True, because=BECAUSE)
        yield expect.route(f"{GATEWAY}/32", dev=INSIDE, scope="link", because=BECAUSE)
        host = self.ctx.host_device(self.pod.key, INSIDE)
        if host is not None:
            yield expect.neighbour(GATEWAY, dev=INSIDE, mac=host.mac, because=BECAUSE)
        for address in self._node_addresses():
            yield expect.route(f"{address}/32", dev=INSIDE, via=GATEWAY, onlink=True, because=BECAUSE)
        for network in sorted(_by_node(self.ctx, self.pod)):
            because = f"{BECAUSE}, as for others on its node: services are the node's affair"
            yield expect.route(network, dev=INSIDE, via=GATEWAY, onlink=True, because=because)

    def _node_addresses(self) -> Iterator[Address]:
        node = self.ctx.node(self.pod.node)
        return (address for address in (node.addresses if node else ())[:1] if address.version == 4)

    def _gateway(self) -> Address | None:
        """Of the pods' vSwitch: the node's own where it is in it, else as all pods on the node have it; None:
        not known, or they differ."""
        node = self.ctx.namespace(Place("node", self.pod.node))
        hop = None if isinstance(node, NotCollected) else default_hop(node, TABLE_MAIN)
        around = network_of(self.ctx, self.place, self.eth0)
        if hop is not None and hop.gateway is not None and around is not None and hop.gateway in around:
            return hop.gateway
        found = {_default(self.ctx, pod) for pod in self.ctx.pods_of(self.pod.node)} - {None}
        return found.pop() if len(found) == 1 else None


def _state(ctx: Context, pod: PodInfo) -> NetworkNamespace | None:
    ns = ctx.namespace(Place("pod", pod.key))
    return None if isinstance(ns, NotCollected) else ns


def _default(ctx: Context, pod: PodInfo) -> Address | None:
    """By eth0 alone: another one is somebody else's."""
    ns = _state(ctx, pod)
    hop = None if ns is None else default_hop(ns, TABLE_MAIN)
    if ns is None or hop is None or ns.device_name(hop.device) != "eth0":
        return None
    return hop.gateway


def _by_node(ctx: Context, pod: PodInfo) -> set[str]:
    """Networks that pods of its node lead to the node: those of services, and what else Terway was told."""
    found: set[str] = set()
    for other in ctx.pods_of(pod.node):
        ns = _state(ctx, other)
        for route in () if ns is None else ns.routes:
            by_node = [str(hop.gateway) for hop in route.nexthops] == [GATEWAY]
            if by_node and 0 < route.destination.prefixlen < 32:
                found.add(str(route.destination))
    return found

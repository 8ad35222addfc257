"""flannel as it is set up in this cluster."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from kubectl_skoop.api import Context, Device, NodeInfo, Place, detection
from kubectl_skoop.plugins.flannel.settings import (
    BACKEND_TYPE,
    BackendType,
    FlannelOptions,
    NetConf,
    net_conf,
    pod_network,
    public_ip_of,
)

VXLAN_OVERHEAD = 50
"""Bytes: inner Ethernet 14, vxlan 8, UDP 8, IPv4 20."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fabric:
    """Which backend, by which devices, with which MTU."""

    ctx: Context
    options: FlannelOptions
    net: NetConf
    on_bridge: bool
    """Pods are on a bridge; False: canal."""

    def backend_of(self, node: NodeInfo) -> BackendType:
        """What its flanneld runs, by its own word; else the cluster's."""
        match node.annotations.get(BACKEND_TYPE):
            case "vxlan" | "host-gw" | "alloc" as told:
                return told
            case _:
                return self.net.backend

    def owner_of(self, address: object) -> NodeInfo | None:
        """The node whose pod network the address is in."""
        if self.net.network is not None and address not in self.net.network:
            return None
        for node in self.ctx.cluster.nodes():
            network = pod_network(node)
            if network is not None and address in network:
                return node
        return None

    def uplink(self, node: NodeInfo | None) -> Device | None:
        """The device towards the other nodes; None: not known (the public-ip may be a translated one)."""
        if node is None:
            return None
        place = Place("node", node.name)
        if self.options.host_interface:
            return self.ctx.device(place, self.options.host_interface)
        address = public_ip_of(node)
        return None if address is None else self.ctx.device_with(place, address)

    def pod_mtu(self, node: NodeInfo | None) -> int | None:
        """The largest that the way to other nodes takes, bytes; None: not known."""
        if self.options.pod_mtu or node is None:
            return self.options.pod_mtu or None
        if self.backend_of(node) != "vxlan":
            return None
        tunnel = self.ctx.device(Place("node", node.name), self.net.device)
        return None if tunnel is None else tunnel.mtu

    def carried_mtu(self, node: NodeInfo) -> int | None:
        """What must fit through the uplink, bytes; None: nothing is known to."""
        if self.backend_of(node) == "vxlan":
            tunnel = self.ctx.device(Place("node", node.name), self.net.device)
            return None if tunnel is None else tunnel.mtu + VXLAN_OVERHEAD
        return self.ctx.largest_pod_mtu(node.name)

    def link_network(self, node: NodeInfo) -> IPv4Network | IPv6Network | None:
        """The network of the node's public-ip on its device."""
        own = public_ip_of(node)
        return None if own is None else self.ctx.network_of(Place("node", node.name), own)


def fabric(ctx: Context) -> Fabric:
    """Raises: OptionError."""
    options = ctx.config(FlannelOptions)
    return Fabric(
        ctx=ctx,
        options=options,
        net=net_conf(ctx, options),
        on_bridge=detection.by_daemon_set(ctx, "flannel", ".*canal") is None,
    )

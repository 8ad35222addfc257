"""flannel as it is set up in this cluster."""

from dataclasses import dataclass

from kubectl_skoop.api import Context, Device, NodeInfo, Place, detection
from kubectl_skoop.plugins.flannel.settings import (
    BACKEND_TYPE,
    FAMILIES,
    V4,
    Address,
    BackendType,
    Family,
    FlannelOptions,
    NetConf,
    PodNetwork,
    backend_type,
    family_of,
    net_conf,
    pod_network,
    public_ip_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fabric:
    """Which backend, by which devices, with which MTU."""

    ctx: Context
    options: FlannelOptions
    net: NetConf
    on_bridge: bool
    """Pods are on a bridge; False: canal."""

    def backend_of(self, node: NodeInfo) -> BackendType:
        """What the user says, else its flanneld by its own word, else the ConfigMap."""
        told = backend_type(node.annotations.get(BACKEND_TYPE, ""))
        return self.options.backend_type or told or self.net.backend

    def owner_of(self, address: Address) -> NodeInfo | None:
        """The node whose pod network the address is in."""
        if self.net.networks and not any(address in network for network in self.net.networks):
            return None
        for node in self.ctx.cluster.nodes():
            network = pod_network(node, family_of(address.version))
            if network is not None and address in network:
                return node
        return None

    def uplink(self, node: NodeInfo | None, family: Family = V4) -> Device | None:
        """The device towards the other nodes; None: not known (the public-ip may be a translated one)."""
        if node is None:
            return None
        place = Place("node", node.name)
        if self.options.host_interface:
            return self.ctx.device(place, self.options.host_interface)
        address = public_ip_of(node, family)
        return None if address is None else self.ctx.device_with(place, address)

    def pod_mtu(self, node: NodeInfo | None) -> int | None:
        """The largest that the way to other nodes takes, bytes; None: not known."""
        if self.options.pod_mtu or node is None:
            return self.options.pod_mtu or None
        if self.backend_of(node) != "vxlan":
            return None
        tunnel = self.ctx.device(Place("node", node.name), self.net.device())
        return None if tunnel is None else tunnel.mtu

    def carried_mtu(self, node: NodeInfo) -> int | None:
        """What must fit through the uplink, bytes; None: nothing is known to."""
        if self.backend_of(node) == "vxlan":
            place = Place("node", node.name)
            tunnels = ((self.ctx.device(place, self.net.device(each)), each.overhead) for each in FAMILIES)
            return max((device.mtu + overhead for device, overhead in tunnels if device), default=None)
        return self.ctx.largest_pod_mtu(node.name)

    def link_network(self, node: NodeInfo, family: Family = V4) -> PodNetwork | None:
        """The network of the node's public-ip on its device."""
        own = public_ip_of(node, family)
        return None if own is None else self.ctx.network_of(Place("node", node.name), own)


def fabric(ctx: Context) -> Fabric:
    """Raises: OptionError."""
    options = ctx.config(FlannelOptions)
    return Fabric(
        ctx=ctx,
        options=options,
        net=net_conf(ctx),
        on_bridge=detection.by_daemon_set(ctx, "flannel", ".*canal") is None,
    )

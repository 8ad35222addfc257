"""flannel as it is set up in this cluster."""

from typing import NamedTuple

from kubectl_skoop.api import Address, Context, Device, IpNetwork, NodeInfo, Place, Setting, detection
from kubectl_skoop.plugins.flannel.settings import (
    BACKEND_TYPE,
    V4,
    BackendType,
    Family,
    FlannelOptions,
    NetConf,
    backend_type,
    family_of,
    net_conf,
    pod_network,
    public_ip_of,
)


class Fabric(NamedTuple):
    """Which backend, by which devices."""

    ctx: Context
    options: FlannelOptions
    net: NetConf
    on_bridge: bool
    """Pods are on a bridge; False: canal."""

    def backend_of(self, node: NodeInfo) -> BackendType:
        """What the user says, else its flanneld by its own word, else the ConfigMap."""
        told = backend_type(node.annotations.get(BACKEND_TYPE, ""))
        return self.options.backend_type or told or self.net.backend

    def runs(self, node: NodeInfo, family: Family) -> bool:
        """The node has pods of this IP version. A podCIDR of IPv6 does not say that flanneld has
        `EnableIPv6`; where no ConfigMap says it, the node's annotation does."""
        if self.net.families is not None:
            told = family in self.net.families
        else:
            told = family is V4 or public_ip_of(node, family) is not None
        return told and pod_network(node, family) is not None

    def owner_of(self, address: Address) -> NodeInfo | None:
        """The node whose pod network the address is in."""
        if self.net.networks and not any(address in network for network in self.net.networks):
            return None
        for node in self.ctx.cluster.nodes():
            network = pod_network(node, family_of(address.version))
            if network is not None and address in network:
                return node
        return None

    def device(self, node: NodeInfo, name: str) -> Device | None:
        return self.ctx.device(Place("node", node.name), name)

    def uplink(self, node: NodeInfo, family: Family = V4) -> Device | None:
        """The device towards the other nodes; None: not known (the public-ip may be a translated one)."""
        if self.options.host_interface:
            return self.device(node, self.options.host_interface)
        address = public_ip_of(node, family)
        return None if address is None else self.ctx.device_with(Place("node", node.name), address)

    def setting(self, name: str, value: str, source: str, option: str = "") -> Setting:
        """As `plugins --detect` shows it. `option`: overrides it, and is the source where it was given."""
        given = option and getattr(self.options, option.replace("-", "_")) != getattr(
            FlannelOptions(), option.replace("-", "_")
        )
        overriding = f"flannel-{option}" if option else ""
        return Setting(f"flannel: {name}", value, f"--{overriding}" if given else source, overriding)

    def link_network(self, node: NodeInfo, family: Family = V4) -> IpNetwork | None:
        """The network of the node's public-ip on its device."""
        own = public_ip_of(node, family)
        return None if own is None else self.ctx.network_of(Place("node", node.name), own)


def fabric(ctx: Context) -> Fabric:
    """Raises: OptionError."""
    options = ctx.config(FlannelOptions)
    return Fabric(
        ctx=ctx,
        options=options,
        net=net_conf(ctx, options),
        on_bridge=not detection.is_cni(ctx, "canal", ".*canal"),
    )

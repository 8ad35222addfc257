"""What the nodes show of a configuration that no object tells: how pods hang on them, and who routes."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from kubectl_skoop.api import Context, Device, IpNetwork, NetworkNamespace, NodeInfo, detection
from kubectl_skoop.plugins.on_bridge import gateway, pod_networks

Attached = Literal["", "bridge", "ptp"]


class Observed(NamedTuple):
    """Of the first nodes that were collected. What holds on one of them is wanted on all."""

    attached: Attached
    """Empty: neither a bridge nor a veth has the first address of a node's podCIDR."""
    bridge: str
    hairpin: bool
    """A port of the bridge has hairpin on: the configuration says `hairpinMode`."""
    routed: bool
    """A node has a route to another's podCIDR by that node's address."""


def observe(ctx: Context, *, bridge: str = "") -> Observed:
    """`bridge`: its name, where that is known."""
    attached: Attached = ""
    hairpin = routed = False
    for ns in detection.states(ctx):
        node = ctx.node(ns.node)
        if node is None:
            continue
        for device in gateways(ns, node):
            if device.kind == "bridge" and bridge in ("", device.name):
                attached, bridge = "bridge", device.name
            elif device.kind == "veth" and attached == "":
                attached = "ptp"
        hairpin = hairpin or any(_hairpin(ns, bridge))
        routed = routed or any(_routes_to_peers(ctx, ns))
    return Observed(attached=attached, bridge=bridge, hairpin=hairpin, routed=routed)


def used_networks(ctx: Context, node: NodeInfo) -> tuple[IpNetwork, ...]:
    """Those of the families that its pods have: a podCIDR does not say that host-local has that range."""
    versions = {address.version for pod in ctx.pods_of(node.name) for address in pod.addresses}
    return tuple(network for network in pod_networks(node) if network.version in versions)


def gateways(ns: NetworkNamespace, node: NodeInfo) -> Iterator[Device]:
    """The devices with the first address of the node's podCIDR."""
    wanted = {gateway(network) for network in pod_networks(node)}
    for entry in ns.addresses:
        if entry.address in wanted and entry.device in ns.devices:
            yield ns.devices[entry.device]


def _hairpin(ns: NetworkNamespace, bridge: str) -> Iterator[bool]:
    master = ns.device_by_name.get(bridge)
    for device in ns.devices.values():
        if master is not None and device.port is not None and device.master == master.index:
            yield device.port.hairpin


def _routes_to_peers(ctx: Context, ns: NetworkNamespace) -> Iterator[bool]:
    peers = {
        network: node.addresses
        for node in ctx.cluster.nodes()
        if node.name != ns.node
        for network in pod_networks(node)
    }
    for route in ns.routes:
        addresses = peers.get(route.destination, ())
        yield any(hop.gateway in addresses for hop in route.nexthops)

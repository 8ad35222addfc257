"""What Calico's objects and annotations say: pools with their blocks, nodes' addresses and their tunnels'."""

from ipaddress import IPv4Address, IPv4Interface, IPv4Network, ip_interface, ip_network
from typing import Literal, NamedTuple

from kubectl_skoop.api import NodeInfo, raw

ADDRESS = "projectcalico.org/IPv4Address"
TUNNEL_ADDRESS, TUNNEL_MAC = "projectcalico.org/IPv4VXLANTunnelAddr", "projectcalico.org/VXLANTunnelMACAddr"
DEFAULT_BLOCK_SIZE = 26


class Pool(NamedTuple):
    """An IPPool (calico api/v3)."""

    network: IPv4Network
    block_size: int
    encapsulation: str
    """`Never`, `CrossSubnet` or `Always`, whichever tunnel it is."""
    tunnel: Literal["", "ipip", "vxlan"]


def node_address(node: NodeInfo) -> IPv4Interface | None:
    """As calico-node chose it, with its prefix length; None: it is not told."""
    try:
        address = ip_interface(node.annotations.get(ADDRESS, ""))
    except ValueError:
        return None
    return address if isinstance(address, IPv4Interface) else None


def tunnel_address(node: NodeInfo) -> IPv4Address | None:
    """Of its vxlan device; None: it is not told."""
    try:
        return IPv4Address(node.annotations.get(TUNNEL_ADDRESS, ""))
    except ValueError:
        return None


def block_of(address: object, pool: Pool) -> IPv4Network:
    return IPv4Network(f"{address}/{pool.block_size}", strict=False)


def pool_in(item: object) -> Pool | None:
    """None: IPv6, or not readable."""
    try:
        network = ip_network(raw.text(item, "spec", "cidr"))
    except ValueError:
        return None
    block_size = raw.number(item, "spec", "blockSize") or DEFAULT_BLOCK_SIZE
    if not isinstance(network, IPv4Network) or not 0 < block_size <= network.max_prefixlen:
        return None
    ipip, vxlan = (raw.text(item, "spec", key) or "Never" for key in ("ipipMode", "vxlanMode"))
    return Pool(
        network=network,
        block_size=block_size,
        encapsulation=vxlan if vxlan != "Never" else ipip,
        tunnel="vxlan" if vxlan != "Never" else "ipip" if ipip != "Never" else "",
    )

"""IPv4 and IPv6, as Calico keeps them apart: annotations of nodes, devices, gateways, sizes of blocks."""

from ipaddress import IPv4Interface, IPv6Interface
from typing import NamedTuple

Interface = IPv4Interface | IPv6Interface


class Family(NamedTuple):
    """Annotations are those of libcalico-go/lib/backend/k8s/resources/node.go."""

    version: int
    bits: int
    """Length of an address."""
    address: str
    """Annotation: the node's own address, with its prefix length."""
    ipip_address: str
    """Annotation: the address of `tunl0`; empty: there is no IPIP."""
    vxlan_address: str
    vxlan_mac: str
    vxlan: str
    """Felix's vxlan device."""
    vxlan_overhead: int
    """Bytes."""
    wireguard_address: str
    wireguard_key: str
    wireguard: str
    """Felix's WireGuard device, unless FelixConfiguration names another."""
    wireguard_overhead: int
    gateway: str
    """Next hop of the pods: nobody's address (IPv4), or the link-local one of the node's end (IPv6)."""
    block_size: int
    """Prefix length of a pool's blocks where it says none (libcalico-go, ippool.go)."""
    block_sizes: range
    """Those that are valid."""


V4 = Family(
    version=4,
    bits=32,
    address="projectcalico.org/IPv4Address",
    ipip_address="projectcalico.org/IPv4IPIPTunnelAddr",
    vxlan_address="projectcalico.org/IPv4VXLANTunnelAddr",
    vxlan_mac="projectcalico.org/VXLANTunnelMACAddr",
    vxlan="vxlan.calico",
    vxlan_overhead=50,
    wireguard_address="projectcalico.org/IPv4WireguardInterfaceAddr",
    wireguard_key="projectcalico.org/WireguardPublicKey",
    wireguard="wireguard.cali",
    wireguard_overhead=60,
    gateway="169.254.1.1",
    block_size=26,
    block_sizes=range(20, 33),
)
V6 = Family(
    version=6,
    bits=128,
    address="projectcalico.org/IPv6Address",
    ipip_address="",
    vxlan_address="projectcalico.org/IPv6VXLANTunnelAddr",
    vxlan_mac="projectcalico.org/VXLANTunnelMACAddrV6",
    vxlan="vxlan-v6.calico",
    vxlan_overhead=70,
    wireguard_address="projectcalico.org/IPv6WireguardInterfaceAddr",
    wireguard_key="projectcalico.org/WireguardPublicKeyV6",
    wireguard="wg-v6.cali",
    wireguard_overhead=80,
    gateway="fe80::ecee:eeff:feee:eeee",
    block_size=122,
    block_sizes=range(116, 129),
)
FAMILIES = (V4, V6)
IPIP, IPIP_OVERHEAD = "tunl0", 20


def family_of(version: int) -> Family:
    return V6 if version == 6 else V4

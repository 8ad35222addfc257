"""What Calico's objects and annotations say: pools, addresses of nodes and of their tunnels."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_interface, ip_network
from typing import Literal, NamedTuple

from kubectl_skoop.api import Address, IpNetwork, NodeInfo, raw
from kubectl_skoop.plugins.calico.family import FAMILIES, Family, Interface, family_of

Tunnel = Literal["", "ipip", "vxlan"]
MODES = frozenset({"Always", "CrossSubnet"})


class Pool(NamedTuple):
    """An IPPool (calico api/v3)."""

    name: str
    network: IpNetwork
    block_size: int
    encapsulation: str
    """`Never`, `CrossSubnet` or `Always`, whichever tunnel it is."""
    tunnel: Tunnel
    nat_outgoing: bool = False
    disabled: bool = False
    """No new addresses; those in use stay."""

    @property
    def family(self) -> Family:
        return family_of(self.network.version)

    def tunnel_between(self, own: Interface, other: Address) -> Tunnel:
        """How packets for the pool's pods go from one node to another; empty: as they are."""
        return self.tunnel if self.encapsulation == "Always" or other not in own.network else ""

    def block_of(self, address: Address) -> IpNetwork:
        return ip_network(f"{address}/{self.block_size}", strict=False)


def node_address(node: NodeInfo, family: Family) -> Interface | None:
    """As calico-node chose it, with its prefix length; None: it is not told."""
    try:
        address = ip_interface(node.annotations.get(family.address, ""))
    except ValueError:
        return None
    return address if address.version == family.version else None


def told_address(node: NodeInfo, family: Family, annotation: str) -> Address | None:
    """Of one of the node's tunnel devices; None: it is not told."""
    try:
        address = ip_address(node.annotations.get(annotation, ""))
    except ValueError:
        return None
    return address if address.version == family.version else None


def tunnel_addresses(node: NodeInfo) -> Iterator[Address]:
    """Of all of its tunnel devices: what it sends to pods from."""
    for family in FAMILIES:
        for annotation in (family.ipip_address, family.vxlan_address, family.wireguard_address):
            address = told_address(node, family, annotation)
            if address is not None:
                yield address


def pools_in(items: Iterable[object]) -> Iterator[Pool]:
    """Those that can be read."""
    for item in items:
        try:
            network = ip_network(raw.text(item, "spec", "cidr"))
        except ValueError:
            continue
        family = family_of(network.version)
        block_size = raw.number(item, "spec", "blockSize") or family.block_size
        if block_size not in family.block_sizes or block_size < network.prefixlen:
            continue
        ipip, vxlan = (raw.text(item, "spec", key) for key in ("ipipMode", "vxlanMode"))
        yield Pool(
            name=raw.text(item, "metadata", "name"),
            network=network,
            block_size=block_size,
            encapsulation=vxlan if vxlan in MODES else ipip if ipip in MODES else "Never",
            tunnel="vxlan" if vxlan in MODES else "ipip" if ipip in MODES else "",
            nat_outgoing=raw.flag(item, "spec", "natOutgoing"),
            disabled=raw.flag(item, "spec", "disabled"),
        )

"""Felix's tunnel devices, and the ways through them: IPIP and VXLAN (ipip_mgr.go, vxlan_mgr.go)."""

from kubectl_skoop.api import Address, Expectation, IpNetwork, NodeInfo, Packet, Wishes, expect
from kubectl_skoop.plugins.calico.fabric import Fabric
from kubectl_skoop.plugins.calico.family import IPIP, V4, Family, Interface
from kubectl_skoop.plugins.calico.missing import no_annotation
from kubectl_skoop.plugins.calico.objects import node_address, told_address

MADE = "Felix makes it when it starts"


def devices(fabric: Fabric, node: NodeInfo, family: Family) -> Wishes:
    """Those that the pools of the family need on a node."""
    if node_address(node, family) is None:
        return
    if fabric.tunnels(family, "vxlan"):
        yield from _vxlan(fabric, node, family)
    if fabric.tunnels(family, "ipip"):
        yield from _ipip(fabric, node, family)


def _vxlan(fabric: Fabric, node: NodeInfo, family: Family) -> Wishes:
    own, address = node_address(node, family), told_address(node, family, family.vxlan_address)
    if address is None:
        yield no_annotation(node, family.vxlan_address, f"Felix makes no {family.vxlan} without it")
        return
    felix, bpf = fabric.felix_on(node), fabric.bpf_on(node)
    yield expect.device(
        family.vxlan,
        kind="vxlan",
        up=True,
        vni=None if bpf else felix.vni,
        port=felix.port,
        local=None if bpf or own is None else own.ip,
        mac=node.annotations.get(family.vxlan_mac, ""),
        because=f"{MADE}, and the node's annotations tell its addresses",
    )
    if not bpf:
        yield expect.address(family.vxlan, f"{address}/{family.bits}", because=MADE)
    if family is V4:
        yield expect.forwarding(family.vxlan)


def _ipip(fabric: Fabric, node: NodeInfo, family: Family) -> Wishes:
    address = told_address(node, family, family.ipip_address)
    yield expect.device(IPIP, kind="ipip", up=True, because=MADE)
    if address is None:
        yield no_annotation(node, family.ipip_address, f"{IPIP} gets no address without it")
    elif not fabric.bpf_on(node):
        yield expect.address(IPIP, f"{address}/{family.bits}", because=MADE)
    yield expect.forwarding(IPIP)


def through_vxlan(
    fabric: Fabric, peer: NodeInfo, other: Interface, block: IpNetwork, packet: Packet, family: Family
) -> Wishes:
    """To a node's pods."""
    address, mac = told_address(peer, family, family.vxlan_address), fabric.tunnel_mac(peer, family)
    if address is None:
        yield no_annotation(peer, family.vxlan_address, f"no other node has a way to its {family.vxlan}")
        return
    because = f"Felix adds it when node {peer.name} takes the block"
    itself = block.num_addresses == 1 and packet.dst == address
    yield _route(block, family.vxlan, None if itself else address, packet, because)
    because = f"Felix adds it when node {peer.name} joins"
    yield expect.neighbour(address, dev=family.vxlan, mac=mac, because=because)
    yield expect.fdb(mac, dev=family.vxlan, dst=other.ip, because=because)


def through_ipip(other: Interface, block: IpNetwork, packet: Packet, because: str) -> Wishes:
    """The outer packet goes to the gateway of the route, a node's own address."""
    yield _route(block, IPIP, other.ip, packet, because)


def _route(block: IpNetwork, device: str, via: Address | None, packet: Packet, because: str) -> Expectation:
    return expect.route(
        block,
        dev=device,
        via=via,
        onlink=True,
        carries=packet.dst,
        source=packet.src,
        because=because,
    )

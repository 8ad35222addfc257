"""A node as flanneld and the bridge CNI plugin set it up: vxlan, ipip, host-gw, alloc."""

# Rules stand as iptables-save prints them.
# ruff: noqa: E501

from collections.abc import Mapping

from kubectl_skoop.testing.restore import Ruleset
from kubectl_skoop.testing.topology import (
    CLUSTER_CIDR,
    IPIP,
    IPIP_OVERHEAD,
    UDP_OVERHEAD,
    UNDERLAY_MTU,
    VNI,
    VXLAN_OVERHEAD,
    VXLAN_PORT,
    WIREGUARD_OVERHEAD,
    LabNode,
    LabPod,
    Mode,
    Topology,
)


def pod_mtu(mode: Mode) -> int:
    overhead: Mapping[Mode, int] = {
        "flannel-vxlan": VXLAN_OVERHEAD,
        "flannel-ipip": IPIP_OVERHEAD,
        "flannel-wireguard": WIREGUARD_OVERHEAD,
        "flannel-udp": UDP_OVERHEAD,
    }
    return UNDERLAY_MTU - overhead.get(mode, 0)


def node_links(mode: Mode, topology: Topology, node: LabNode, namespace_of: dict[str, str]) -> list[str]:
    """`ip -batch` lines for the node; the pods' namespaces get their eth0."""
    mtu = pod_mtu(mode)
    lines = [
        f"link add cni0 address {node.bridge_mac} mtu {mtu} type bridge",
        f"addr add {node.bridge_address}/24 brd {node.pod_cidr.broadcast_address} dev cni0",
        "link set cni0 up",
    ]
    match mode:
        case "flannel-vxlan":
            lines += tunnel_links(topology, node)
        case "flannel-ipip":
            lines += ipip_links(topology, node)
        case "flannel-host-gw":
            lines += plain_routes(topology, node)
    for pod in topology.pods_of(node):
        device = pod.host_device(mode)
        lines += [
            f"link add {device} mtu {mtu} type veth peer name eth0 address {pod.mac} mtu {mtu} "
            f"netns {namespace_of[pod.key]}",
            f"link set {device} master cni0 up",
            f"link set {device} type bridge_slave hairpin on",
        ]
    return lines


def plain_routes(topology: Topology, node: LabNode) -> list[str]:
    return [
        f"route add {peer.pod_cidr} via {peer.address} dev eth0" for peer in topology.nodes if peer != node
    ]


def ipip_links(topology: Topology, node: LabNode) -> list[str]:
    """`ip -batch` lines: flannel.ipip, and the other nodes behind it."""
    device = IPIP["flannel-ipip"]
    return [
        f"link add {device} type ipip local {node.address}",
        f"link set {device} mtu {pod_mtu('flannel-ipip')}",
        f"addr add {node.pod_cidr.network_address}/32 dev {device}",
        f"link set {device} up",
        *(
            f"route add {peer.pod_cidr} via {peer.address} dev {device} onlink"
            for peer in topology.nodes
            if peer != node
        ),
    ]


def tunnel_links(topology: Topology, node: LabNode) -> list[str]:
    """`ip -batch` lines: flannel.1, and the other nodes behind it."""
    lines = [
        f"link add flannel.{VNI} address {node.vtep_mac} mtu {pod_mtu('flannel-vxlan')} type vxlan id {VNI} "
        f"local {node.address} dev eth0 dstport {VXLAN_PORT} nolearning",
        f"addr add {node.pod_cidr.network_address}/32 dev flannel.{VNI}",
        f"link set flannel.{VNI} up",
    ]
    for peer in topology.nodes:
        vtep = peer.pod_cidr.network_address
        if peer != node:
            lines += [
                f"neigh replace {vtep} lladdr {peer.vtep_mac} dev flannel.{VNI} nud permanent",
                f"route add {peer.pod_cidr} via {vtep} dev flannel.{VNI} onlink",
            ]
    return lines


def fdb_entries(topology: Topology, node: LabNode, *, device: str = f"flannel.{VNI}") -> list[str]:
    """`bridge -batch` lines, of a vxlan."""
    return [
        f"fdb append {peer.vtep_mac} dev {device} dst {peer.address} self permanent"
        for peer in topology.nodes
        if peer != node
    ]


def pod_links(pod: LabPod) -> list[str]:
    lines = [
        f"addr add {pod.address}/24 brd {pod.node.pod_cidr.broadcast_address} dev eth0",
        "link set eth0 up",
        f"route add default via {pod.node.bridge_address} dev eth0",
    ]
    return [*lines, f"route add {CLUSTER_CIDR} via {pod.node.bridge_address} dev eth0"]


def rules(node: LabNode) -> Ruleset:
    """FLANNEL-FWD and FLANNEL-POSTRTG (pkg/trafficmngr/iptables)."""
    mine, masquerade = node.pod_cidr, '-m comment --comment "flanneld masq"'
    forward = '-m comment --comment "flanneld forward"'
    return Ruleset(
        chains={"filter": ("FLANNEL-FWD",), "nat": ("FLANNEL-POSTRTG",)},
        rules={
            "filter": (
                f"-A FORWARD {forward} -j FLANNEL-FWD",
                f"-A FLANNEL-FWD -s {CLUSTER_CIDR} {forward} -j ACCEPT",
                f"-A FLANNEL-FWD -d {CLUSTER_CIDR} {forward} -j ACCEPT",
            ),
            "nat": (
                f"-A POSTROUTING {masquerade} -j FLANNEL-POSTRTG",
                f"-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 {masquerade} -j RETURN",
                f"-A FLANNEL-POSTRTG -s {mine} -d {CLUSTER_CIDR} {masquerade} -j RETURN",
                f"-A FLANNEL-POSTRTG -s {CLUSTER_CIDR} -d {mine} {masquerade} -j RETURN",
                f"-A FLANNEL-POSTRTG ! -s {CLUSTER_CIDR} -d {mine} {masquerade} -j RETURN",
                f"-A FLANNEL-POSTRTG -s {CLUSTER_CIDR} ! -d 224.0.0.0/4 {masquerade} -j MASQUERADE --random-fully",
                f"-A FLANNEL-POSTRTG ! -s {CLUSTER_CIDR} -d {CLUSTER_CIDR} {masquerade} -j MASQUERADE --random-fully",
            ),
        },
    )

"""Calico with IPv6 beside IPv4: BGP without encapsulation, or a vxlan for each.

As Felix does it with `FELIX_IPV6SUPPORT` (endpoint_mgr.go, vxlan_mgr.go), the CNI plugin and BIRD. Pods have
the MTU that fits into both tunnels.
"""

from collections.abc import Iterator

from kubectl_skoop.testing import calico
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.dual_stack import PODS, DualStackLab, node_address, pod_address
from kubectl_skoop.testing.objects import Object
from kubectl_skoop.testing.topology import LabNode, LabPod

OVERLAY, OVERLAY_MTU = "vxlan-v6.calico", 1430
GATEWAY = "fe80::ecee:eeff:feee:eeee"
"""Link-local address of a device with Calico's MAC."""
_ANNOTATION = "projectcalico.org/"


def block(node: LabNode) -> str:
    """64 addresses."""
    return f"fd00:244:{node.number}::/122"


def tunnel_address(node: LabNode) -> str:
    return f"fd00:244:{node.number}::20"


def tunnel_mac(node: LabNode) -> str:
    return f"0e:00:00:00:06:{node.number:02x}"


class CalicoDualStack(DualStackLab):
    def __init__(self, *, overlay: bool) -> None:
        ClusterLab.__init__(self, "calico-vxlan" if overlay else "calico")
        self.overlay = overlay
        self._listeners6 = []

    def objects(self) -> list[Object]:
        objects = super().objects()
        pool = next(item for item in objects if item["kind"] == "IPPool")
        spec = {**pool["spec"], "cidr": PODS, "blockSize": 122}
        return [*objects, {**pool, "metadata": {"name": "default-ipv6-ippool"}, "spec": spec}]

    def _annotations(self, node: LabNode) -> dict[str, str]:
        own = {f"{_ANNOTATION}IPv6Address": f"{node_address(node)}/64"}
        if not self.overlay:
            return own
        return own | {
            f"{_ANNOTATION}IPv6VXLANTunnelAddr": tunnel_address(node),
            f"{_ANNOTATION}VXLANTunnelMACAddrV6": tunnel_mac(node),
        }

    def _node_lines(self, node: LabNode) -> Iterator[str]:
        writer = "proto 80" if self.overlay else "proto bird"
        yield f"addr add {node_address(node)}/64 dev eth0"
        yield f"route add blackhole {block(node)} {writer}"
        for pod in self.topology.pods_of(node):
            yield f"route add {pod_address(pod)}/128 dev {self.host_device(pod)}"
            if self.overlay:
                yield f"link set {self.host_device(pod)} mtu {OVERLAY_MTU}"
        if self.overlay:
            yield (
                f"link add {OVERLAY} address {tunnel_mac(node)} mtu {OVERLAY_MTU} type vxlan id {calico.VNI} "
                f"local {node_address(node)} dev eth0 dstport {calico.PORT} nolearning"
            )
            yield f"addr add {tunnel_address(node)}/128 dev {OVERLAY}"
            yield f"link set {OVERLAY} up"
        for peer in self._peers(node):
            via = tunnel_address(peer)
            if self.overlay:
                yield f"neigh replace {via} lladdr {tunnel_mac(peer)} dev {OVERLAY} nud permanent"
                yield f"route add {block(peer)} via {via} dev {OVERLAY} onlink {writer}"
            else:
                yield f"route add {block(peer)} via {node_address(peer)} dev eth0 {writer}"

    def _pod_lines(self, pod: LabPod) -> Iterator[str]:
        if self.overlay:
            yield f"link set eth0 mtu {OVERLAY_MTU}"
        yield f"addr add {pod_address(pod)}/128 dev eth0"
        yield f"route add default via {GATEWAY} dev eth0"

    def _fdb_lines(self, node: LabNode) -> Iterator[str]:
        for peer in self._peers(node):
            yield f"fdb append {tunnel_mac(peer)} dev {OVERLAY} dst {node_address(peer)} self permanent"

    def _write_rules6(self, node: LabNode) -> None:
        namespace = self.namespaces[node.name]
        settings = {"proxy_ndp": 1, "accept_ra": 0, "forwarding": 1}
        for pod in self.topology.pods_of(node):
            prefix = f"net.ipv6.conf.{self.host_device(pod)}"
            namespace.set_sysctls({f"{prefix}.{name}": value for name, value in settings.items()})
        namespace.run("ipset", "restore", text=calico.ipsets(version=6, network=PODS))
        namespace.run("ip6tables-nft-restore", "--noflush", text=calico.rules6(self.topology, node))

"""Calico with nodes in two subnets and a router between them: by a tunnel across subnets, or by BGP alone.

The switch is the router. Without a tunnel it knows the nodes' blocks, as if calico-node had told it by BGP.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from kubectl_skoop.testing import calico
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.objects import Object
from kubectl_skoop.testing.topology import Backend, LabNode, Mode, standard


@dataclass(frozen=True, slots=True)
class SubnetNode(LabNode):
    """In the subnet 10.0.N.0/24."""

    @property
    def address(self) -> str:
        return f"10.0.{self.number}.10"


def router(node: LabNode) -> str:
    """Its address in the node's subnet."""
    return f"10.0.{node.number}.1"


Tunnel = Literal["", "vxlan", "ipip"]
_MODES: Mapping[Tunnel, Mode] = {"": "calico", "vxlan": "calico-vxlan", "ipip": "calico-ipip"}


class CalicoSubnets(ClusterLab):
    """`tunnel`: what the pool has across subnets; empty: no encapsulation."""

    def __init__(self, *, tunnel: Tunnel, backend: Backend = "iptables-nft") -> None:
        super().__init__(_MODES[tunnel], backend, topology=standard(node=SubnetNode))
        self.tunnel = tunnel

    def objects(self) -> list[Object]:
        objects = super().objects()
        for item in objects:
            if item["kind"] == "IPPool" and self.tunnel:
                item["spec"][f"{self.tunnel}Mode"] = "CrossSubnet"
        return objects

    def switch_links(self) -> list[str]:
        lines = ["link set lo up", "route add blackhole default"]
        for node in self.topology.nodes:
            port, inside = f"u{node.number}", self.namespaces[node.name].name
            lines += [
                f"link add {port} type veth peer name eth0 address {node.mac} netns {inside}",
                f"addr add {router(node)}/24 dev {port}",
                f"link set {port} up",
            ]
            lines += [] if self.tunnel else [f"route add {node.block} via {node.address} dev {port}"]
        return lines

    def node_links(self, node: LabNode) -> list[str]:
        lines = [
            "link set lo up",
            f"addr add {node.address}/24 brd + dev eth0",
            "link set eth0 up",
            f"route add default via {router(node)} dev eth0",
        ]
        return lines + self.cni_links(node)

    def cni_links(self, node: LabNode) -> list[str]:
        if self.tunnel:
            return super().cni_links(node)
        namespace_of = {pod.key: self.namespaces[pod.name].name for pod in self.topology.pods}
        routes = [
            f"route add {peer.block} via {router(node)} dev eth0 proto bird"
            for peer in self.topology.nodes
            if peer != node
        ]
        pods = calico.workload_links(self.topology, node, namespace_of)
        return [f"route add blackhole {node.block} proto bird", *routes, *pods]

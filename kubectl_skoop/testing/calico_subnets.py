"""Calico with nodes in two subnets and a router between them: by a tunnel across subnets, or by BGP alone.

The switch is the router. Without a tunnel it knows the nodes' blocks, as if calico-node had told it by BGP.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

from kubectl_skoop.testing import calico
from kubectl_skoop.testing.objects import Object
from kubectl_skoop.testing.subnets import SubnetNode, Subnets, router
from kubectl_skoop.testing.topology import Backend, LabNode, Mode, standard

Tunnel = Literal["", "vxlan", "ipip"]
_MODES: Mapping[Tunnel, Mode] = {"": "calico", "vxlan": "calico-vxlan", "ipip": "calico-ipip"}


class CalicoSubnets(Subnets):
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

    def router_routes(self, node: LabNode, port: str) -> Iterator[str]:
        if not self.tunnel:
            yield f"route add {node.block} via {node.address} dev {port}"

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

"""Labs whose nodes are in two subnets, with a router between them: the switch."""

from collections.abc import Iterator
from dataclasses import dataclass

from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.topology import LabNode


@dataclass(frozen=True, slots=True)
class SubnetNode(LabNode):
    """In the subnet 10.0.N.0/24."""

    @property
    def address(self) -> str:
        return f"10.0.{self.number}.10"


def router(node: LabNode) -> str:
    """Its address in the node's subnet."""
    return f"10.0.{node.number}.1"


class Subnets(ClusterLab):
    """Its topology has `SubnetNode`s."""

    def switch_links(self) -> list[str]:
        lines = ["link set lo up", "route add blackhole default"]
        for node in self.topology.nodes:
            port, inside = f"u{node.number}", self.namespaces[node.name].name
            lines += [
                f"link add {port} type veth peer name eth0 address {node.mac} netns {inside}",
                f"addr add {router(node)}/24 dev {port}",
                f"link set {port} up",
                *self.router_routes(node, port),
            ]
        return lines

    def router_routes(self, node: LabNode, port: str) -> Iterator[str]:
        """`ip -batch` lines for what the router knows of a node's pods."""
        yield from ()

    def node_links(self, node: LabNode) -> list[str]:
        lines = [
            "link set lo up",
            f"addr add {node.address}/24 brd + dev eth0",
            "link set eth0 up",
            f"route add default via {router(node)} dev eth0",
        ]
        return lines + self.cni_links(node)

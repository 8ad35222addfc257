"""flannel with DirectRouting: nodes of one link by plain routes, nodes of two subnets through the tunnel."""

import json

from kubectl_skoop.testing import flannel
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.objects import Object
from kubectl_skoop.testing.subnets import SubnetNode, Subnets
from kubectl_skoop.testing.topology import Backend, LabNode, Mode, standard


def _direct(objects: list[Object]) -> list[Object]:
    for item in objects:
        if item["metadata"]["name"] == "kube-flannel-cfg":
            told = json.loads(item["data"]["net-conf.json"])
            told["Backend"]["DirectRouting"] = True
            item["data"]["net-conf.json"] = json.dumps(told)
    return objects


class OneLink(ClusterLab):
    """The tunnel is there, and nobody uses it."""

    def objects(self) -> list[Object]:
        return _direct(super().objects())

    def cni_links(self, node: LabNode) -> list[str]:
        through = [f"route add {peer.pod_cidr}" for peer in self.topology.nodes]
        lines = [
            line
            for line in super().cni_links(node)
            if not line.startswith(("neigh ", *(f"{route} " for route in through)))
        ]
        return [*lines, *flannel.plain_routes(self.topology, node)]

    def finish_nodes(self) -> None:
        """No forwarding entries of the tunnel."""


class TwoSubnets(Subnets):
    """Each node in a subnet of its own."""

    def __init__(self, mode: Mode, backend: Backend = "iptables-nft") -> None:
        super().__init__(mode, backend, topology=standard(node=SubnetNode))

    def objects(self) -> list[Object]:
        return _direct(super().objects())

"""flannel's backend wireguard: one device a node, one route for the pods of all (pkg/backend/wireguard)."""

import json
from base64 import b64encode
from collections.abc import Mapping

from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.objects import Object
from kubectl_skoop.testing.topology import CLUSTER_CIDR, LabNode
from kubectl_skoop.testing.wireguard import shake_hands

DEVICE, PORT = "flannel-wg", 51820
PUBLIC = (
    "pOCSkrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogk=",
    "zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk=",
    "Xf7dO2vUf2+ijuFdlp1bsOpTd01Ii9r53xxuASSz7yI=",
)
"""Of the nodes by their numbers, and of a node that is gone; private keys are 32 times the number."""


def public(node: LabNode) -> str:
    return PUBLIC[node.number - 1]


class WireguardLab(ClusterLab):
    """`with WireguardLab() as lab`; needs wg(8), and a kernel with WireGuard."""

    def __init__(self) -> None:
        super().__init__("flannel-wireguard")

    def values(self) -> Mapping[str, str]:
        keys = {f"key.{node.name}": public(node) for node in self.topology.nodes}
        return {"wg": DEVICE, "key.gone": PUBLIC[-1], **keys}

    def objects(self) -> list[Object]:
        objects = super().objects()
        for item in objects:
            if item["kind"] == "Node":
                told = {"PublicKey": public(self.topology.node(item["metadata"]["name"])), "Port": PORT}
                item["metadata"]["annotations"]["flannel.alpha.coreos.com/backend-data"] = json.dumps(told)
        return objects

    def cni_links(self, node: LabNode) -> list[str]:
        return [
            f"link add {DEVICE} mtu 1420 type wireguard",
            f"addr add {node.pod_cidr.network_address}/32 dev {DEVICE}",
            f"link set {DEVICE} up",
            f"route add {CLUSTER_CIDR} dev {DEVICE} scope link",
            *super().cni_links(node),
        ]

    def finish_nodes(self) -> None:
        for node in self.topology.nodes:
            namespace, private = self.namespace(node.name), b64encode(bytes([node.number]) * 32).decode()
            own = ("private-key", "/dev/stdin", "listen-port", str(PORT))
            namespace.run("wg", "set", DEVICE, *own, text=private)
            for peer in self.topology.nodes:
                if peer != node:
                    settings = ("endpoint", f"{peer.address}:{PORT}", "allowed-ips", str(peer.pod_cidr))
                    namespace.run("wg", "set", DEVICE, "peer", public(peer), *settings)

    def acquaint(self) -> None:
        first, second = self.topology.nodes
        shake_hands(self.namespace(first.name), str(second.pod_cidr.network_address))

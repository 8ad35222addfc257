"""Calico that encrypts between nodes: a WireGuard device with its table and its rule, over routes of BGP.

As felix/wireguard/wireguard.go sets it up without encryption of the nodes' own traffic.
"""

from collections.abc import Mapping

from kubectl_skoop.testing import calico
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.objects import Object
from kubectl_skoop.testing.topology import LabNode
from kubectl_skoop.testing.wireguard import shake_hands

DEVICE, PORT, MARK, TABLE, PRIORITY = "wireguard.cali", 51820, 0x100000, 1, 99
MTU = 1440
_PRIVATE = {
    "n1": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
    "n2": "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=",
}


def own_address(node: LabNode) -> str:
    """Of the device: one of the node's block."""
    return f"10.244.{node.number}.33"


class CalicoWireguard(ClusterLab):
    def __init__(self) -> None:
        super().__init__("calico")
        self._public: dict[str, str] = {}

    def values(self) -> Mapping[str, str]:
        """`{wg.n1}`: a node's public key."""
        return {f"wg.{name}": key for name, key in self._public.items()}

    def cni_links(self, node: LabNode) -> list[str]:
        namespace_of = {pod.key: self.namespaces[pod.name].name for pod in self.topology.pods}
        lines = [
            f"route add blackhole {node.block} proto bird",
            f"link add {DEVICE} mtu {MTU} type wireguard",
            f"addr add {own_address(node)}/32 dev {DEVICE}",
            f"link set {DEVICE} up",
            f"route add throw {node.block} table {TABLE} proto 80",
            f"rule add not fwmark {MARK:#x}/{MARK:#x} lookup {TABLE} priority {PRIORITY}",
        ]
        for peer in self._peers(node):
            lines += [
                f"route add {peer.block} via {peer.address} dev eth0 proto bird",
                f"route add {peer.block} dev {DEVICE} table {TABLE} proto 80",
                f"route add {own_address(peer)}/32 dev {DEVICE} table {TABLE} proto 80",
            ]
        return lines + calico.workload_links(self.topology, node, namespace_of, mtu=MTU)

    def finish_nodes(self) -> None:
        super().finish_nodes()
        for node in self.topology.nodes:
            namespace, key = self.namespaces[node.name], _PRIVATE[node.name]
            self._public[node.name] = namespace.run("wg", "pubkey", text=key).strip()
            settings = ("private-key", "/dev/stdin", "listen-port", str(PORT), "fwmark", f"{MARK:#x}")
            namespace.run("wg", "set", DEVICE, *settings, text=key)
        for node in self.topology.nodes:
            for peer in self._peers(node):
                allowed = f"{peer.block},{own_address(peer)}/32"
                words = ("peer", self._public[peer.name], "endpoint", f"{peer.address}:{PORT}")
                self.namespaces[node.name].run("wg", "set", DEVICE, *words, "allowed-ips", allowed)

    def acquaint(self) -> None:
        first, second = self.topology.nodes
        shake_hands(self.namespaces[first.name], own_address(second))

    def objects(self) -> list[Object]:
        objects = super().objects()
        for item in objects:
            if item["kind"] == "Node":
                node = self.topology.node(item["metadata"]["name"])
                item["metadata"]["annotations"] |= {
                    "projectcalico.org/IPv4WireguardInterfaceAddr": own_address(node),
                    "projectcalico.org/WireguardPublicKey": self._public[node.name],
                }
        felix: Object = {
            "apiVersion": "crd.projectcalico.org/v1",
            "kind": "FelixConfiguration",
            "metadata": {"name": "default"},
            "spec": {"wireguardEnabled": True},
        }
        return [*objects, felix]

    def _peers(self, node: LabNode) -> list[LabNode]:
        return [peer for peer in self.topology.nodes if peer != node]

"""Nodes as cilium-agent leaves them; in place of its programs are ones that let every packet pass.

With native routing, routes of the endpoints and direct routes the kernel does the rest, so packets arrive.
The tunnel is a vxlan device without a program that would fill it: nothing between nodes arrives there.
"""

from typing import Any, Literal

from kubectl_skoop.testing.objects import Object, daemon_set
from kubectl_skoop.testing.restore import Ruleset
from kubectl_skoop.testing.topology import LabNode, LabPod
from tests.kernel.plugins.programmed import ProgrammedLab
from tests.kernel.plugins.programs import Programs

Routing = Literal["native", "tunnel"]


def router(node: LabNode) -> str:
    """CiliumInternalIP."""
    return f"10.244.{node.number}.200"


class CiliumLab(ProgrammedLab):
    def __init__(self, routing: Routing) -> None:
        super().__init__("custom")
        self.routing = routing
        self._programs = Programs()

    def close(self) -> None:
        self._programs.close()
        super().close()

    def host_device(self, pod: LabPod) -> str:
        return super().host_device(pod).replace("veth", "lxc")

    def objects(self) -> list[Object]:
        told = {
            "routing-mode": self.routing,
            "tunnel-protocol": "vxlan",
            "ipam": "cluster-pool",
            "enable-l7-proxy": "true",
            "auto-direct-node-routes": str(self.routing == "native").lower(),
            "enable-endpoint-routes": str(self.routing == "native").lower(),
        }
        config = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "cilium-config", "namespace": "kube-system"},
            "data": told,
        }
        agent: Object = {"name": "cilium-agent", "image": "quay.io/cilium/cilium:v1.18.2"}
        nodes = [self._cilium_node(node) for node in self.topology.nodes]
        return [*super().objects(), daemon_set("cilium", "kube-system", len(nodes), agent), config, *nodes]

    def cni_links(self, node: LabNode) -> list[str]:
        own, native = router(node), self.routing == "native"
        lines = [
            "link add cilium_host type veth peer name cilium_net",
            "link set cilium_net arp off up",
            f"addr add {own}/32 dev cilium_host",
            "link set cilium_host arp off up",
            "rule add fwmark 0x200/0xf00 lookup 2004 priority 9",
            "route add local default dev lo table 2004",
        ]
        if not native:
            lines += [
                "link add cilium_vxlan type vxlan external dstport 8472",
                "link set cilium_vxlan up",
                f"route add {own} dev cilium_host scope link",
                f"route add {node.pod_cidr} via {own} dev cilium_host",
            ]
        for peer in self.topology.nodes:
            way = f"via {peer.address}" if native else f"via {own} dev cilium_host mtu 1450"
            lines += [f"route add {peer.pod_cidr} {way}"] if peer != node else []
        for pod in self.topology.pods_of(node):
            device, inside = self.host_device(pod), self.namespace(pod.name).name
            lines += [
                f"link add {device} type veth peer name eth0 address {pod.mac} netns {inside}",
                f"link set {device} up",
                *([f"route add {pod.address}/32 dev {device}"] if native else []),
            ]
        return lines

    def pod_links(self, pod: LabPod) -> list[str]:
        return [
            "link set lo up",
            f"addr add {pod.address}/32 dev eth0",
            "link set eth0 up",
            f"route add {router(pod.node)} dev eth0 scope link",
            f"route add default via {router(pod.node)} dev eth0",
        ]

    def finish_nodes(self) -> None:
        for node in self.topology.nodes:
            devices = ["cilium_host", "cilium_net", *map(self.host_device, self.topology.pods_of(node))]
            devices += ["cilium_vxlan"] if self.routing == "tunnel" else []
            self.namespace(node.name).set_sysctls({f"net.ipv4.conf.{name}.rp_filter": 0 for name in devices})
            for device in devices:
                self._programs.attach(self.namespace(node.name), device)

    def cni_rules(self, node: LabNode, proxy: Ruleset) -> str:
        return proxy.text()

    def detach(self, node: str, device: str) -> None:
        """What comes in by the device."""
        self._programs.detach(self.namespace(node), device)

    def _cilium_node(self, node: LabNode) -> dict[str, Any]:
        addresses = [
            {"type": "InternalIP", "ip": node.address},
            {"type": "CiliumInternalIP", "ip": router(node)},
        ]
        return {
            "apiVersion": "cilium.io/v2",
            "kind": "CiliumNode",
            "metadata": {"name": node.name},
            "spec": {"addresses": addresses, "ipam": {"podCIDRs": [str(node.pod_cidr)]}},
        }

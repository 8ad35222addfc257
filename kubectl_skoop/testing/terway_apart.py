"""Nodes of Terway whose pods are on the VPC by themselves: on an ipvlan of eth1, or on a VLAN of it (plugin/
datapath: ipvlan_linux.go, vlan_linux.go).

Two things differ from a real node: eth1 has an address of its own, as a veth of the lab counts as a NIC by
that, and kube-proxy masquerades what goes to services, so that answers come back by the node.
"""

from collections.abc import Iterator
from typing import ClassVar

from kubectl_skoop.testing.objects import Object
from kubectl_skoop.testing.restore import Ruleset
from kubectl_skoop.testing.terway import SECOND_INDEX, SERVICES, EniIpLab
from kubectl_skoop.testing.topology import CLUSTER_CIDR, Backend, LabNode, LabPod
from kubectl_skoop.testing.vpc import SECOND, VpcNode, VpcPort, vpc_node


class ApartLab(EniIpLab):
    rules_lead_to_pods: ClassVar[bool] = False
    from_pod: ClassVar[int] = 0

    def __init__(self, backend: Backend = "iptables-legacy") -> None:
        super().__init__(backend)

    def second_device_address(self, node: VpcNode) -> str:
        return f"{node.second_address}/32"

    def pod_at_node(self, pod: LabPod) -> list[str]:
        return []

    def cni_links(self, node: LabNode) -> list[str]:
        return []


class IpvlanLab(ApartLab):
    """Mode l2: pods and the node share eth1's MAC. What pods send to services tc leads to the node's own
    ipvlan."""

    def pod_wire(self, pod: LabPod) -> list[str]:
        inside = self.namespaces[pod.name].name
        return [f"link add link {SECOND} name {MADE} netns {inside} type ipvlan mode l2"]

    def pod_links(self, pod: LabPod) -> list[str]:
        host = pod.node.address
        return [
            "link set lo up",
            f"link set {MADE} name eth0",
            f"addr add {pod.address}/24 dev eth0",
            "link set eth0 up",
            f"route add default via {vpc_node(pod.node).router} dev eth0 onlink",
            f"route add {host} dev eth0 scope link",
            f"neigh add {host} lladdr {vpc_node(pod.node).second_mac} dev eth0 nud permanent",
        ]

    def pod_at_node(self, pod: LabPod) -> list[str]:
        return [f"route add {pod.address} dev {SLAVE} scope link"]

    def node_links(self, node: LabNode) -> list[str]:
        """The node's slave before the routes to pods."""
        lines = super().node_links(node)
        up = lines.index(f"link set {SECOND} up") + 1
        slave = [
            f"link add link {SECOND} name {SLAVE} type ipvlan mode l2",
            f"link set {SLAVE} arp off up",
            f"addr add {node.address}/32 dev {SLAVE} scope host",
        ]
        return [*lines[:up], *slave, *lines[up:]]

    def finish_nodes(self) -> None:
        super().finish_nodes()
        for node in self.topology.nodes:
            inside = self.namespaces[node.name]
            inside.run("tc", "qdisc", "add", "dev", SECOND, "clsact")
            inside.run(*f"tc filter add dev {SECOND} egress {TO_NODE}".split())

    def objects(self) -> list[Object]:
        objects = super().objects()
        for item in objects:
            if item["kind"] == "ConfigMap" and item["metadata"]["name"] == "kube-proxy":
                item["data"]["config.conf"] += "iptables:\n  masqueradeAll: true\n"
        return objects

    def cni_rules(self, node: LabNode, proxy: Ruleset) -> str:
        return super().cni_rules(node, proxy).replace(f"! -s {CLUSTER_CIDR} ", "")


class TrunkLab(ApartLab):
    """Nothing leads pods to their node but the VPC, and nothing leads them to services."""

    def pod_wire(self, pod: LabPod) -> list[str]:
        inside, vlan = self.namespaces[pod.name].name, pod_vlan(pod)
        return [f"link add link {SECOND} name {MADE} netns {inside} address {pod.mac} type vlan id {vlan}"]

    def pod_links(self, pod: LabPod) -> list[str]:
        return [
            "link set lo up",
            f"link set {MADE} name eth0",
            f"addr add {pod.address}/24 dev eth0",
            "link set eth0 up",
            f"route add default via {vpc_node(pod.node).router} dev eth0 onlink",
        ]

    def interface_of(self, pod: LabPod) -> str:
        return ""

    def ports(self) -> Iterator[VpcPort]:
        yield from super().ports()
        for pod in self.topology.pods:
            trunk, vlan = f"x{pod.node.number}", pod_vlan(pod)
            name, router = f"{trunk}.{vlan}", vpc_node(pod.node).router
            link = f"link {trunk} name {name} type vlan id {vlan}"
            yield VpcPort(name, link, pod.mac, router, (pod.address,))


MADE = "made"
"""What a pod's device is called until it is in the pod."""
SLAVE = f"ipvl_{SECOND_INDEX}"
TO_NODE = (
    f"protocol ip prio 4000 u32 match ip dst {SERVICES} action tunnel_key unset pipe "
    f"action skbedit ptype host pipe action mirred ingress redirect dev {SLAVE}"
)


def pod_vlan(pod: LabPod) -> int:
    return 7 + pod.slot

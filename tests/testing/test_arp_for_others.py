"""A CNI whose nodes answer ARP for the pods' gateway, which nobody has: they answer in time."""

import pytest

from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.plugin import CompareLab
from kubectl_skoop.testing.restore import Ruleset
from kubectl_skoop.testing.topology import LabNode

GATEWAY = "169.254.1.1"


class ProxyLab(ClusterLab):
    def __init__(self) -> None:
        super().__init__("custom")

    def cni_links(self, node: LabNode) -> list[str]:
        lines = [f"route add {one.pod_cidr} via {one.address}" for one in self.topology.nodes if one != node]
        for pod in self.topology.pods_of(node):
            device, inside = self.host_device(pod), self.namespace(pod.name).name
            lines += [
                f"link add {device} type veth peer name eth0 address {pod.mac} netns {inside}",
                f"link set {device} up",
                f"route add {pod.address} dev {device}",
            ]
        return lines

    def connect_pods(self) -> None:
        for pod in self.topology.pods:
            for line in (
                "link set lo up",
                "link set eth0 up",
                f"addr add {pod.address}/32 dev eth0",
                f"route add {GATEWAY} dev eth0",
                f"route add default via {GATEWAY}",
            ):
                self.namespace(pod.name).run("ip", *line.split())

    def finish_nodes(self) -> None:
        for pod in self.topology.pods:
            setting = f"net.ipv4.conf.{self.host_device(pod)}.proxy_arp"
            self.namespace(pod.node.name).set_sysctls({setting: 1})

    def cni_rules(self, node: LabNode, proxy: Ruleset) -> str:
        return proxy.text()


@pytest.mark.kernel
def test_the_answer_comes_in_time(compare_lab: CompareLab) -> None:
    assert compare_lab(ProxyLab) == []

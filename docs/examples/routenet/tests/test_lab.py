"""Nodes as routenet leaves them, in network namespaces: silent when healthy, and each fault named."""

import pytest

from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.faults import Fault
from kubectl_skoop.testing.objects import Object, daemon_set
from kubectl_skoop.testing.plugin import CompareLab
from kubectl_skoop.testing.restore import Ruleset
from kubectl_skoop.testing.topology import LabNode


class RoutenetLab(ClusterLab):
    def __init__(self) -> None:
        super().__init__("custom")

    def objects(self) -> list[Object]:
        agent = {"name": "agent", "image": "routenet"}
        return [*super().objects(), daemon_set("routenet-agent", "kube-system", 2, agent)]

    def cni_links(self, node: LabNode) -> list[str]:
        """Lines of `ip -batch` for a node."""
        lines = [
            f"route add {peer.pod_cidr} via {peer.address}" for peer in self.topology.nodes if peer != node
        ]
        for pod in self.topology.pods_of(node):
            device, inside = self.host_device(pod), self.namespace(pod.name).name
            lines += [
                f"link add {device} type veth peer name eth0 address {pod.mac} netns {inside}",
                f"addr add {node.bridge_address}/32 dev {device}",
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
                f"route add {pod.node.bridge_address} dev eth0",
                f"route add default via {pod.node.bridge_address}",
            ):
                self.namespace(pod.name).run("ip", *line.split())

    def finish_nodes(self) -> None:
        """routenet has no more than links and routes."""

    def cni_rules(self, node: LabNode, proxy: Ruleset) -> str:
        return proxy.text()


FAULTS = {
    "no route to the other node": ("n1: ip route del {range.n2}", "routenet.route.missing", "node/n1"),
    "no route to the pod": ("n2: ip route del {b}", "routenet.route.missing", "node/n2"),
    "the node does not forward": ("n2: sysctl net.ipv4.ip_forward=0", "routenet.sysctl.differs", "node/n2"),
    "the pod has no default route": (
        "a: ip route del default",
        "routenet.route.missing",
        "pod/default/a",
    ),
    "the pod's device is down": ("n2: ip link set {dev.b} down", "routenet.*", "node/n2"),
}


@pytest.mark.kernel
def test_healthy(compare_lab: CompareLab) -> None:
    assert compare_lab(RoutenetLab) == []


@pytest.mark.kernel
@pytest.mark.parametrize(("step", "code", "place"), FAULTS.values(), ids=FAULTS)
def test_fault(compare_lab: CompareLab, step: str, code: str, place: str) -> None:
    fault = Fault(id="fault", steps=(step,), codes=(code,), places=(place,))
    assert compare_lab(RoutenetLab, fault) == []

"""Nodes of aws-node with security groups for pods: eth1 is the trunk, and the first pod of each node has a
branch interface, a VLAN of it (cmd/routed-eni-cni-plugin/driver/driver.go, SetupBranchENIPodNetwork)."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from kubectl_skoop.testing.aws_vpc_cni import AwsLab
from kubectl_skoop.testing.topology import Backend, LabNode, LabPod
from kubectl_skoop.testing.vpc import SECOND, VpcPort, vpc_node

Enforcing = Literal["strict", "standard"]
STRICT_PREFIX = "vlan"
TABLES = 100
"""The table of a VLAN is its id and this."""


class BranchLab(AwsLab):
    """POD_SECURITY_GROUP_ENFORCING_MODE: `strict` leads all that a pod sends or gets by the VPC, `standard`
    only what does not come from its own node."""

    enforcing: ClassVar[Enforcing]

    def __init__(self, backend: Backend = "iptables-legacy") -> None:
        super().__init__(backend)

    def is_branch(self, pod: LabPod) -> bool:
        return pod.slot == 0

    def interface_of(self, pod: LabPod) -> str:
        return "" if self.is_branch(pod) else super().interface_of(pod)

    def host_device(self, pod: LabPod) -> str:
        device = super().host_device(pod)
        if self.is_branch(pod) and self.enforcing == "strict":
            return STRICT_PREFIX + device.removeprefix(self.prefix_of_devices)
        return device

    def branches(self) -> Iterator[LabPod]:
        return filter(self.is_branch, self.topology.pods)

    def ports(self) -> Iterator[VpcPort]:
        yield from super().ports()
        for pod in self.branches():
            trunk, vlan = f"x{pod.node.number}", branch_vlan(pod)
            name, router = f"{trunk}.{vlan}", vpc_node(pod.node).router
            link = f"link {trunk} name {name} type vlan id {vlan}"
            yield VpcPort(name, link, branch_mac(pod), router, (pod.address,))

    def pod_at_node(self, pod: LabPod) -> list[str]:
        if not self.is_branch(pod):
            return super().pod_at_node(pod)
        vlan, router = branch_vlan(pod), vpc_node(pod.node).router
        device, table = f"vlan.eth.{vlan}", TABLES + vlan
        lines = [
            f"link add link {SECOND} name {device} address {branch_mac(pod)} type vlan id {vlan}",
            f"link set {device} up",
            f"route add {router} dev {device} scope link table {table}",
            f"route add default via {router} dev {device} table {table}",
        ]
        if self.enforcing == "standard":
            own = f"rule add from {pod.address} lookup {table} priority {self.from_pod}"
            return [*lines, *super().pod_at_node(pod), own]
        host = self.host_device(pod)
        lines.append(f"route add {pod.address} dev {host} scope link table {table}")
        return lines + [f"rule add iif {name} lookup {table} priority 10" for name in (device, host)]

    def cni_links(self, node: LabNode) -> list[str]:
        lines = super().cni_links(node)
        if self.enforcing == "strict":
            lines += ["rule add lookup local priority 20", "rule del lookup local priority 0"]
        return lines

    def finish_nodes(self) -> None:
        """DISABLE_TCP_EARLY_DEMUX, which kubelet's probes need in strict mode."""
        super().finish_nodes()
        if self.enforcing == "strict":
            for node in self.topology.nodes:
                self.namespaces[node.name].set_sysctls({"net.ipv4.tcp_early_demux": 0})

    def _resources(self) -> dict[str, list[dict[str, Any]]]:
        made = super()._resources()
        own = [self._branch(pod) for pod in self.branches()]
        return {**made, "NetworkInterfaces": [*made["NetworkInterfaces"], *own]}

    def _branch(self, pod: LabPod) -> dict[str, Any]:
        """Of which instance it is no answer says."""
        made = self._interface(vpc_node(pod.node), 1, SECOND)
        del made["Attachment"]
        return {
            **made,
            "NetworkInterfaceId": f"eni-{pod.name}",
            "InterfaceType": "branch",
            "MacAddress": branch_mac(pod),
            "PrivateIpAddress": pod.address,
            "PrivateIpAddresses": [{"PrivateIpAddress": pod.address}],
        }


class StrictLab(BranchLab):
    enforcing: ClassVar[Enforcing] = "strict"


class StandardLab(BranchLab):
    enforcing: ClassVar[Enforcing] = "standard"


def branch_vlan(pod: LabPod) -> int:
    return pod.node.number + 3


def branch_mac(pod: LabPod) -> str:
    return f"02:00:00:00:02:{pod.node.number:02x}"

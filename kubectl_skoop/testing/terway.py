"""Nodes as Terway leaves them (AliyunContainerService/terway, plugin/datapath), and what Alibaba Cloud says
of their interfaces and routes."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from kubectl_skoop.api import InfraFile
from kubectl_skoop.providers.aliyun import answers
from kubectl_skoop.testing.objects import Object, daemon_set
from kubectl_skoop.testing.restore import Ruleset
from kubectl_skoop.testing.topology import Backend, LabNode, LabPod
from kubectl_skoop.testing.vpc import (
    POD_GATEWAY,
    SECOND,
    UPLINK,
    VpcLab,
    VpcNode,
    VpcPort,
    host_mac,
    vpc_node,
)

SERVICES = "10.96.0.0/16"
SECOND_INDEX = 3
"""Of eth1 on a node: lo and eth0 are before it."""


@dataclass(frozen=True, slots=True)
class RoutedNode(VpcNode):
    """In a subnet that is not its pods'."""

    @property
    def address(self) -> str:
        return f"10.0.{self.number}.10"

    @property
    def second_address(self) -> str:
        return f"10.0.{self.number}.11"

    @property
    def router(self) -> str:
        return f"10.0.{self.number}.1"


class TerwayLab(VpcLab):
    prefix_of_devices: ClassVar[str] = "cali"
    daemon_set: ClassVar[str]
    checks_sources: ClassVar[bool] = False
    """As the cloud does by default."""

    def objects(self) -> list[Object]:
        agent = {"name": "terway", "image": "registry.aliyuncs.com/acs/terway:v1.14.0"}
        return [
            *super().objects(),
            daemon_set(self.daemon_set, "kube-system", len(self.topology.nodes), agent),
        ]

    def provider_id(self, node: str) -> str:
        return f"cn-hangzhou.i-{node}"

    def cni_rules(self, node: LabNode, proxy: Ruleset) -> str:
        return proxy.text()

    def finish_nodes(self) -> None:
        """EnsureHostNsConfig: for each device."""
        super().finish_nodes()
        for node in self.topology.nodes:
            self.namespaces[node.name].set_for_each_device("net.ipv4.conf", "rp_filter", 0)

    def infra(self) -> tuple[str, Mapping[str, object]] | None:
        told = "\n".join(json.dumps(one) for one in self._answers())
        return "aliyun", answers.read([InfraFile("lab.json", told.encode())])

    def _answers(self) -> Iterator[dict[str, Any]]:
        nodes = [vpc_node(node) for node in self.topology.nodes]
        yield {"NetworkInterfaceSets": {"NetworkInterfaceSet": list(self._interfaces())}}
        yield {"Vpcs": {"Vpc": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/8"}]}}
        yield {"VSwitches": {"VSwitch": [_vswitch(node) for node in nodes]}}
        yield {"RouteEntrys": {"RouteEntry": [hop for node in nodes for hop in self._routes(node)]}}
        group = {"SecurityGroupId": "sg-1", "SecurityGroupName": "nodes", "SecurityGroupType": "normal"}
        yield {"SecurityGroups": {"SecurityGroup": [group]}}
        yield {
            "SecurityGroupId": "sg-1",
            "InnerAccessPolicy": "Accept",
            "Permissions": {"Permission": [_permission("ingress"), _permission("egress")]},
        }

    def _interfaces(self) -> Iterator[dict[str, Any]]:
        for node in map(vpc_node, self.topology.nodes):
            yield from (self._interface(node, device) for device in (UPLINK, SECOND))
        for pod in self.topology.pods:
            if not self.interface_of(pod):
                yield self._of_pod(pod)

    def _of_pod(self, pod: LabPod) -> dict[str, Any]:
        """An interface for itself."""
        return {
            **self._interface(vpc_node(pod.node), SECOND),
            "NetworkInterfaceId": f"eni-{pod.name}",
            "MacAddress": pod.mac,
            "PrivateIpAddress": pod.address,
            "PrivateIpSets": {"PrivateIpSet": [{"PrivateIpAddress": pod.address}]},
        }

    def _routes(self, node: VpcNode) -> Iterator[dict[str, Any]]:
        yield _hop(_subnet(node), "local")

    def _interface(self, node: VpcNode, device: str) -> dict[str, Any]:
        addresses = list(self.addresses_at(node, device))
        second = device == SECOND
        return {
            "NetworkInterfaceId": f"eni-{node.number}{int(second)}",
            "MacAddress": node.second_mac if second else node.mac,
            "VpcId": "vpc-1",
            "VSwitchId": f"vsw-{node.number}",
            "InstanceId": f"i-{node.name}",
            "Type": "Secondary" if second else "Primary",
            "Status": "InUse",
            "SourceDestCheck": self.checks_sources,
            "PrivateIpAddress": addresses[0],
            "PrivateIpSets": {"PrivateIpSet": [{"PrivateIpAddress": one} for one in addresses]},
            "SecurityGroupIds": {"SecurityGroupId": ["sg-1"]},
        }


class EniIpLab(TerwayLab):
    """ENIIP with veths: all pods have addresses of eth1, which itself has the node's address."""

    daemon_set: ClassVar[str] = "terway-eniip"
    from_pod: ClassVar[int] = 2048

    def __init__(self, backend: Backend = "iptables-nft") -> None:
        super().__init__("terway-eniip", backend)

    def table(self) -> int:
        """GetRouteTableID."""
        return 1000 + SECOND_INDEX

    def interface_of(self, pod: LabPod) -> str:
        return SECOND

    def second_device_address(self, node: VpcNode) -> str:
        return f"{node.address}/32"

    def cni_links(self, node: LabNode) -> list[str]:
        lines = [f"route add default via {vpc_node(node).router} dev {SECOND} onlink table {self.table()}"]
        return lines + [
            f"rule add from {pod.address} lookup {self.table()} priority {self.from_pod}"
            for pod in self.topology.pods_of(node)
        ]


class RoutedLab(TerwayLab):
    """VPC: pods have addresses of the node's podCIDR, which the VPC's route table leads to the instance."""

    daemon_set: ClassVar[str] = "terway"
    from_pod: ClassVar[int] = 0
    rules_lead_to_pods: ClassVar[bool] = False

    def __init__(self, backend: Backend = "iptables-nft") -> None:
        super().__init__("terway-vpc", backend, node=RoutedNode)

    def table(self) -> int:
        return 0

    def interface_of(self, pod: LabPod) -> str:
        return UPLINK

    def objects(self) -> list[Object]:
        objects = super().objects()
        for item in objects:
            if item["kind"] == "Node":
                cidr = str(self.topology.node(item["metadata"]["name"]).pod_cidr)
                item["spec"] |= {"podCIDR": cidr, "podCIDRs": [cidr]}
        return objects

    def cni_links(self, node: LabNode) -> list[str]:
        return []

    def _interface(self, node: VpcNode, device: str) -> dict[str, Any]:
        own = node.second_address if device == SECOND else node.address
        made = super()._interface(node, device)
        return {**made, "PrivateIpSets": {"PrivateIpSet": [{"PrivateIpAddress": own}]}}

    def _routes(self, node: VpcNode) -> Iterator[dict[str, Any]]:
        yield from super()._routes(node)
        yield _hop(str(node.pod_cidr), "Instance", f"i-{node.name}")


class ExclusiveLab(TerwayLab):
    """ENI: each pod has an interface for itself, and a veth to its node for services and the node itself."""

    daemon_set: ClassVar[str] = "terway-eni"
    from_pod: ClassVar[int] = 0
    rules_lead_to_pods: ClassVar[bool] = False
    pod_end: ClassVar[str] = "veth1"

    def __init__(self, backend: Backend = "iptables-nft") -> None:
        super().__init__("terway-eni", backend)

    def table(self) -> int:
        return 0

    def interface_of(self, pod: LabPod) -> str:
        return ""

    def pod_end_mac(self, pod: LabPod) -> str:
        return f"0a:59:0a:f4:{pod.node.number:02x}:{pod.slot + 2:02x}"

    def ports(self) -> Iterator[VpcPort]:
        yield from super().ports()
        for pod in self.topology.pods:
            link = self.wire(f"e{pod.name}", "eth0", pod.mac, pod.name)
            router = vpc_node(pod.node).router
            yield VpcPort(f"e{pod.name}", link, pod.mac, router, (pod.address,))

    def cni_links(self, node: LabNode) -> list[str]:
        return []

    def pod_links(self, pod: LabPod) -> list[str]:
        veth = f"via {POD_GATEWAY} dev {self.pod_end} onlink"
        return [
            "link set lo up",
            f"addr add {pod.address}/32 dev eth0",
            "link set eth0 up",
            f"route add default via {vpc_node(pod.node).router} dev eth0 onlink",
            f"addr add {pod.address}/32 dev {self.pod_end}",
            f"link set {self.pod_end} up",
            f"route add {POD_GATEWAY} dev {self.pod_end} scope link",
            f"neigh add {POD_GATEWAY} lladdr {host_mac(pod)} dev {self.pod_end} nud permanent",
            f"route add {pod.node.address} {veth}",
            f"route add {SERVICES} {veth}",
        ]

    def cni_rules(self, node: LabNode, proxy: Ruleset) -> str:
        """policy/uninstall_policy.sh, masq_eni_only."""
        comment = '-m comment --comment "terway:masq-outgoing"'
        rules = (f"-A POSTROUTING ! -o lo {comment} -j terway-masq", "-A terway-masq -j MASQUERADE")
        return proxy.text(Ruleset(chains={"nat": ("terway-masq",)}, rules={"nat": rules}))


def _subnet(node: VpcNode) -> str:
    return node.router.rpartition(".")[0] + ".0/24"


def _vswitch(node: VpcNode) -> dict[str, Any]:
    table = {"RouteTableId": "vtb-1", "RouteTableType": "System"}
    named = {"VSwitchId": f"vsw-{node.number}", "VpcId": "vpc-1", "NetworkAclId": ""}
    return {**named, "CidrBlock": _subnet(node), "RouteTable": table}


def _hop(destination: str, kind: str, target: str = "") -> dict[str, Any]:
    return {
        "RouteTableId": "vtb-1",
        "DestinationCidrBlock": destination,
        "Status": "Available",
        "NextHops": {"NextHop": [{"NextHopType": kind, "NextHopId": target}]},
    }


def _permission(direction: str) -> dict[str, str]:
    far = "SourceCidrIp" if direction == "ingress" else "DestCidrIp"
    return {
        "Direction": direction,
        "Policy": "Accept",
        "Priority": "1",
        "NicType": "intranet",
        "IpProtocol": "ALL",
        "PortRange": "-1/-1",
        far: "0.0.0.0/0",
    }

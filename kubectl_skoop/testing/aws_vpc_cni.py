"""A node as aws-node leaves it (aws/amazon-vpc-cni-k8s: pkg/networkutils, cmd/routed-eni-cni-plugin), and what
EC2 says of its interfaces."""

# Rules stand as iptables-save prints them.
# ruff: noqa: E501

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from kubectl_skoop.testing.objects import Object, daemon_set
from kubectl_skoop.testing.restore import Ruleset
from kubectl_skoop.testing.topology import CLUSTER_CIDR, Backend, LabNode, LabPod, Mode
from kubectl_skoop.testing.vpc import SECOND, UPLINK, VpcLab, VpcNode, vpc_node

TABLE = 2
"""Of eth1: its device number on the instance, and one."""


class AwsLab(VpcLab):
    mode_of_lab: ClassVar[Mode] = "aws-vpc-cni"
    prefix_of_devices: ClassVar[str] = "eni"
    from_pod: ClassVar[int] = 1536
    node: ClassVar[type[VpcNode]] = VpcNode
    networks: ClassVar[tuple[str, ...]] = (CLUSTER_CIDR,)
    """Of the VPC."""

    def __init__(self, backend: Backend = "iptables-nft") -> None:
        super().__init__(self.mode_of_lab, backend, node=self.node)

    def table(self) -> int:
        return TABLE

    def objects(self) -> list[Object]:
        agent = {
            "name": "aws-node",
            "image": "602401143452.dkr.ecr.eu-west-1.amazonaws.com/amazon-k8s-cni:v1.20.1",
        }
        return [*super().objects(), daemon_set("aws-node", "kube-system", len(self.topology.nodes), agent)]

    def provider_id(self, node: str) -> str:
        return f"aws:///eu-west-1a/i-{node}"

    def infra(self) -> tuple[str, Mapping[str, object]] | None:
        return "aws", {"resources": self._resources(), "gaps": {}}

    def cni_links(self, node: LabNode) -> list[str]:
        own = vpc_node(node)
        lines = [
            f"route add {own.second_router} dev {SECOND} scope link table {TABLE}",
            f"route add default via {own.second_router} dev {SECOND} table {TABLE}",
            f"rule add from {own.second_address} lookup {TABLE} priority 32765",
            "rule add fwmark 0x80/0x80 lookup main priority 1024",
        ]
        return lines + [
            f"rule add from {pod.address} lookup {TABLE} priority {self.from_pod}"
            for pod in self.topology.pods_of(node)
            if self.interface_of(pod) == SECOND
        ]

    def cni_rules(self, node: LabNode, proxy: Ruleset) -> str:
        return proxy.text(rules(node, self.networks))

    def _resources(self) -> dict[str, list[dict[str, Any]]]:
        nodes = [vpc_node(node) for node in self.topology.nodes]
        every = [{"CidrIp": "0.0.0.0/0"}]
        both = [
            {
                "RuleNumber": 100,
                "Protocol": "-1",
                "RuleAction": "allow",
                "Egress": egress,
                "CidrBlock": "0.0.0.0/0",
            }
            for egress in (False, True)
        ]
        return {
            "Vpcs": [
                {
                    "VpcId": "vpc-1",
                    "CidrBlock": self.networks[0],
                    "CidrBlockAssociationSet": [{"CidrBlock": network} for network in self.networks],
                }
            ],
            "Subnets": [
                {"SubnetId": f"subnet-{node.number}", "VpcId": "vpc-1", "CidrBlock": str(node.pod_cidr)}
                for node in nodes
            ],
            "NetworkInterfaces": [
                self._interface(node, number, device)
                for node in nodes
                for number, device in enumerate((UPLINK, SECOND))
            ],
            "SecurityGroups": [
                {
                    "GroupId": "sg-1",
                    "GroupName": "nodes",
                    "VpcId": "vpc-1",
                    "IpPermissions": [{"IpProtocol": "-1", "IpRanges": every}],
                    "IpPermissionsEgress": [{"IpProtocol": "-1", "IpRanges": every}],
                }
            ],
            "NetworkAcls": [
                {
                    "NetworkAclId": "acl-1",
                    "VpcId": "vpc-1",
                    "Associations": [{"SubnetId": f"subnet-{node.number}"} for node in nodes],
                    "Entries": both,
                }
            ],
            "RouteTables": [
                {
                    "RouteTableId": "rtb-1",
                    "VpcId": "vpc-1",
                    "Associations": [{"Main": True}],
                    "Routes": [
                        {"DestinationCidrBlock": network, "GatewayId": "local", "State": "active"}
                        for network in self.networks
                    ],
                }
            ],
        }

    def _interface(self, node: VpcNode, number: int, device: str) -> dict[str, Any]:
        addresses = list(self.addresses_at(node, device))
        return {
            "NetworkInterfaceId": f"eni-{node.number}{number}",
            "MacAddress": node.second_mac if number else node.mac,
            "VpcId": "vpc-1",
            "SubnetId": f"subnet-{node.number}",
            "SourceDestCheck": True,
            "PrivateIpAddress": addresses[0],
            "PrivateIpAddresses": [{"PrivateIpAddress": address} for address in addresses],
            "Groups": [{"GroupId": "sg-1", "GroupName": "nodes"}],
            "Attachment": {"InstanceId": f"i-{node.name}", "DeviceIndex": number},
        }


class NativeMarksLab(AwsLab):
    """aws-node with iptables of nft marks in a table of its own (nftables_connmark.go)."""

    def cni_rules(self, node: LabNode, proxy: Ruleset) -> str:
        own = rules(node, self.networks)
        nat = [rule for rule in own.rules["nat"] if "CONNMARK" not in rule]
        return proxy.text(Ruleset({"nat": ("AWS-SNAT-CHAIN-0",)}, {**own.rules, "nat": nat}))

    def finish_nodes(self) -> None:
        super().finish_nodes()
        for node in self.topology.nodes:
            self.namespaces[node.name].run("nft", "-f", "-", text=native_marks(self.networks))


def native_marks(networks: Sequence[str]) -> str:
    """For `nft -f`."""
    returns = "".join(f"counter ip daddr {network} return\n" for network in networks)
    return f"""table ip aws-cni {{
  chain nat-prerouting {{
    type nat hook prerouting priority -90; policy accept;
    fib daddr type local return
    iifname "eni*" counter jump snat-mark
    counter meta mark set ct mark and 0x80
  }}
  chain snat-mark {{
    {returns}
    counter ct mark set ct mark or 0x80
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class ApartNode(VpcNode):
    """Its primary interface is in a subnet that is not its pods'."""

    @property
    def address(self) -> str:
        return f"10.0.{self.number}.10"

    @property
    def router(self) -> str:
        return f"10.0.{self.number}.1"

    @property
    def second_router(self) -> str:
        return self.bridge_address


class CustomNetworkLab(AwsLab):
    """AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG: an ENIConfig puts the second interfaces, with all pods, into other
    subnets than the nodes'."""

    mode_of_lab: ClassVar[Mode] = "aws-custom-network"
    node: ClassVar[type[VpcNode]] = ApartNode
    networks: ClassVar[tuple[str, ...]] = ("10.0.0.0/16", CLUSTER_CIDR)

    def interface_of(self, pod: LabPod) -> str:
        return SECOND

    def objects(self) -> list[Object]:
        config: Object = {
            "apiVersion": "crd.k8s.amazonaws.com/v1alpha1",
            "kind": "ENIConfig",
            "metadata": {"name": "eu-west-1a"},
            "spec": {"subnet": "subnet-1", "securityGroups": ["sg-1"]},
        }
        return [*super().objects(), config]


@dataclass(frozen=True, slots=True)
class PrefixNode(VpcNode):
    """Its own addresses are beyond the prefix of its pods."""

    @property
    def address(self) -> str:
        return f"10.244.{self.number}.100"

    @property
    def second_address(self) -> str:
        return f"10.244.{self.number}.101"


class PrefixLab(AwsLab):
    """ENABLE_PREFIX_DELEGATION: pods have addresses of a /28 that is their interface's."""

    mode_of_lab: ClassVar[Mode] = "aws-prefixes"
    node: ClassVar[type[VpcNode]] = PrefixNode

    def interface_of(self, pod: LabPod) -> str:
        return SECOND

    def _interface(self, node: VpcNode, number: int, device: str) -> dict[str, Any]:
        made = super()._interface(node, number, device)
        own = made["PrivateIpAddresses"][:1]
        prefixes = [{"Ipv4Prefix": f"{node.pod_cidr.network_address}/28"}] if device == SECOND else []
        return {**made, "PrivateIpAddresses": own, "Ipv4Prefixes": prefixes}


def rules(node: LabNode, networks: Sequence[str]) -> Ruleset:
    """Without AWS_VPC_K8S_CNI_EXTERNALSNAT (network.go: buildIptablesSNATRules; iptables_connmark.go)."""
    primary = '-m comment --comment "AWS, primary ENI"'
    return Ruleset(
        chains={"nat": ("AWS-CONNMARK-CHAIN-0", "AWS-SNAT-CHAIN-0")},
        rules={
            "mangle": (
                f"-A PREROUTING -i {UPLINK} {primary} -m addrtype --dst-type LOCAL --limit-iface-in -j CONNMARK --set-xmark 0x80/0x80",
                f"-A PREROUTING -i eni+ {primary} -j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80",
                f"-A PREROUTING -i vlan+ {primary} -j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80",
            ),
            "nat": (
                '-A PREROUTING -i eni+ -m comment --comment "AWS, outbound connections" -j AWS-CONNMARK-CHAIN-0',
                '-A PREROUTING -m comment --comment "AWS, CONNMARK" -j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80',
                '-A POSTROUTING -m comment --comment "AWS SNAT CHAIN" -j AWS-SNAT-CHAIN-0',
                *(
                    f'-A AWS-CONNMARK-CHAIN-0 -d {network} -m comment --comment "AWS CONNMARK CHAIN" -j RETURN'
                    for network in networks
                ),
                '-A AWS-CONNMARK-CHAIN-0 -m comment --comment "AWS, CONNMARK" -j CONNMARK --set-xmark 0x80/0x80',
                *(
                    f'-A AWS-SNAT-CHAIN-0 -d {network} -m comment --comment "AWS SNAT CHAIN" -j RETURN'
                    for network in networks
                ),
                f'-A AWS-SNAT-CHAIN-0 ! -o vlan+ -m comment --comment "AWS, SNAT" -m addrtype ! --dst-type LOCAL -j SNAT --to-source {node.address} --random-fully',
            ),
        },
    )

"""The plugin `aws-vpc-cni`: what it is told, and what it is found by."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from kubectl_skoop.api import (
    BasePluginNode,
    ConfigBinder,
    Context,
    Detected,
    NetNodeAction,
    NodeInfo,
    OptionError,
    Plugin,
    PodInfo,
    Setting,
    SimpleVethPod,
    Wants,
    detection,
    option,
)

ENI_CONFIG = "ENIConfig.crd.k8s.amazonaws.com"
FROM_ENI = 32765
"""Priority of the rules for what interfaces send themselves (pkg/networkutils/network.go)."""


@dataclass(frozen=True, slots=True)
class AwsVpcCniOptions:
    """`--aws-vpc-cni-…`: aws-node's environment, which no snapshot has."""

    veth_prefix: str = option("eni", "AWS_VPC_K8S_CNI_VETHPREFIX: beginning of the pods' device names")
    external_snat: bool = option(False, "AWS_VPC_K8S_CNI_EXTERNALSNAT: pods leave the VPC untranslated")
    node_ports: bool = option(True, "AWS_VPC_CNI_NODE_PORT_SUPPORT: answers to node ports leave by eth0")
    pod_mtu: int = option(0, "POD_MTU, bytes; 0: what the node's interfaces carry")

    def validate(self) -> None:
        if not 1 <= len(self.veth_prefix) <= 4:
            raise OptionError("--aws-vpc-cni-veth-prefix: 1 to 4 characters")
        if self.pod_mtu and not 576 <= self.pod_mtu <= 9001:
            raise OptionError("--aws-vpc-cni-pod-mtu: 576 to 9001")


class AwsVpcCni(Plugin):
    name: ClassVar[str] = "aws-vpc-cni"
    options: ClassVar[type[ConfigBinder]] = AwsVpcCniOptions
    wants: ClassVar[Wants] = Wants(kinds=(ENI_CONFIG,))
    enforces: ClassVar[frozenset[str]] = frozenset({"NetworkPolicy"})
    pods_in_underlay = True

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.config = ctx.config(AwsVpcCniOptions)

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        return detection.by_daemon_set(ctx, cls.name, "aws-node")

    @classmethod
    def guess(cls, ctx: Context) -> Detected | None:
        for ns in detection.states(ctx):
            own = {entry.address for entry in ns.addresses}
            sources = [rule.source for rule in ns.rules if rule.priority == FROM_ENI]
            if any(source is not None and source.network_address in own for source in sources):
                return Detected(cls.name, f"rules of priority {FROM_ENI} on {ns.place}")
        return None

    def settings(self) -> Iterable[Setting]:
        custom = "on" if self.ctx.cluster.objects(ENI_CONFIG) else "off"
        yield Setting("aws-vpc-cni: custom networking", custom, "ENIConfigs")
        from kubectl_skoop.plugins.aws_vpc_cni.node import interfaces

        told = interfaces(self.ctx)
        prefixes = "" if not told else "on" if any(any(each.prefixes) for each in told) else "off"
        yield Setting("aws-vpc-cni: prefixes", prefixes, "the nodes' interfaces, as EC2 describes them")
        for ns in detection.states(self.ctx):
            if any(device.kind == "vlan" for device in ns.devices.values()):
                yield Setting("aws-vpc-cni: security groups for pods", "on", f"VLANs of {ns.place}")
                return

    def create_pod(self, pod: PodInfo) -> NetNodeAction:
        from kubectl_skoop.plugins.eni import GATEWAY

        host = self.ctx.host_device(pod.key)
        return SimpleVethPod(
            pod,
            gateway=GATEWAY,
            gateway_mac=host.mac if host is not None else "",
            gateway_static=True,
            max_mtu=self.config.pod_mtu or None,
        )

    def create_node(self, node: NodeInfo) -> NetNodeAction:
        from kubectl_skoop.plugins.aws_vpc_cni.node import make_node

        marks = self.config.node_ports or not self.config.external_snat
        made = make_node(self.ctx, node, self._owners, prefix=self.config.veth_prefix, marks=marks)
        return BasePluginNode(node, made, self.ctx.cluster)

    @cached_property
    def _owners(self) -> Mapping[str, str]:
        from kubectl_skoop.plugins.aws_vpc_cni.node import owners_in

        return owners_in(self.ctx)

"""The plugin `aws-vpc-cni`: what it is told, and what it is found by."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

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


SecurityGroups = Literal["", "off", "strict", "standard"]


@dataclass(eq=False, frozen=True, slots=True)
class AwsVpcCniOptions:
    """`--aws-vpc-cni-…`: aws-node's environment, which no snapshot has."""

    veth_prefix: str = option("eni", "AWS_VPC_K8S_CNI_VETHPREFIX: beginning of the pods' device names")
    external_snat: bool = option(False, "AWS_VPC_K8S_CNI_EXTERNALSNAT: pods leave the VPC untranslated")
    node_ports: bool = option(True, "AWS_VPC_CNI_NODE_PORT_SUPPORT: answers to node ports leave by eth0")
    pod_mtu: int = option(0, "POD_MTU, bytes; 0: what the node's interfaces carry")
    custom_network: Literal["", "on", "off"] = option(
        "", "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG: no pod has an address of eth0; empty: EC2's word for each"
    )
    security_groups: SecurityGroups = option(
        "",
        "off, or POD_SECURITY_GROUP_ENFORCING_MODE, strict or standard, of pods with security groups of "
        "their own; empty: by the pods' devices",
    )

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
        detected = "on" if self.ctx.cluster.objects(ENI_CONFIG) else "off"
        yield _setting(
            "custom networking", "custom-network", self.config.custom_network, detected, "ENIConfigs"
        )
        from kubectl_skoop.plugins.aws_vpc_cni.node import interfaces

        told = interfaces(self.ctx)
        prefixes = "" if not told else "on" if any(any(each.prefixes) for each in told) else "off"
        yield Setting("aws-vpc-cni: prefixes", prefixes, "the nodes' interfaces, as EC2 describes them")
        of_pods = ("security groups for pods", "security-groups", self.config.security_groups)
        for ns in detection.states(self.ctx):
            if any(device.kind == "vlan" for device in ns.devices.values()):
                yield _setting(*of_pods, "on", f"VLANs of {ns.place}")
                return
        yield _setting(*of_pods, "off", "no node that is looked at has a VLAN")

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
        made = make_node(
            self.ctx,
            node,
            self._owners,
            prefix=self.config.veth_prefix,
            marks=marks,
            spares_uplink=self.config.custom_network == "on",
            groups=self.config.security_groups,
        )
        return BasePluginNode(node, made, self.ctx.cluster)

    @cached_property
    def _owners(self) -> Mapping[str, str]:
        from kubectl_skoop.plugins.aws_vpc_cni.node import owners_in

        return owners_in(self.ctx)


def _setting(name: str, option: str, given: str, detected: str, source: str) -> Setting:
    """`given`: what the option says; empty: it is not given."""
    overriding = f"aws-vpc-cni-{option}"
    return Setting(
        f"aws-vpc-cni: {name}", given or detected, f"--{overriding}" if given else source, overriding
    )

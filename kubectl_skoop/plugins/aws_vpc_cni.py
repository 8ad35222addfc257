"""The AWS VPC CNI (aws/amazon-vpc-cni-k8s): pods have addresses of the node's network interfaces.

Left to the kernel's word: pods with a branch interface of their own (security groups for pods), several
interfaces, IPv6, the rules of AWS-SNAT-CHAIN-0 and AWS-CONNMARK-CHAIN-0.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import ClassVar

from kubectl_skoop.api import (
    BasePluginNode,
    ConfigBinder,
    Context,
    Detected,
    Device,
    Link,
    NetNodeAction,
    NetworkNamespace,
    NodeInfo,
    NotCollected,
    OptionError,
    Packet,
    Plugin,
    PodInfo,
    Setting,
    SimplePluginNode,
    SimpleVethPod,
    Wants,
    Wishes,
    detection,
    expect,
    option,
    raw,
)
from kubectl_skoop.plugins.eni import GATEWAY, EniNode, Scheme, Told, default_hop, eni_node, owners_of

BRANCH = "vlan"
"""Beginning of the device names of pods with a branch interface."""
ENI_CONFIG = "ENIConfig.crd.k8s.amazonaws.com"
FROM_POD, FROM_ENI, MARKED = 1536, 32765, 1024
"""Priorities (pkg/networkutils/network.go)."""
MARK = 0x80
CLOUD = "aws"
"""The provider that gathers which interface has which address."""


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
        self.scheme = Scheme(
            agent="ipamd",
            prefix=self.config.veth_prefix,
            from_pod=FROM_POD,
            rp_filter=(2, 0),
            own_table=own_table,
        )

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
        prefixes = "" if not self._interfaces else "on" if any(map(_prefixes, self._interfaces)) else "off"
        yield Setting("aws-vpc-cni: prefixes", prefixes, "the nodes' interfaces, as EC2 describes them")
        for ns in detection.states(self.ctx):
            if any(device.kind == "vlan" for device in ns.devices.values()):
                found = "on, and left to the kernel's word"
                yield Setting("aws-vpc-cni: security groups for pods", found, f"VLANs of {ns.place}")
                return

    def create_pod(self, pod: PodInfo) -> NetNodeAction:
        host = self.ctx.host_device(pod.key)
        return SimpleVethPod(
            pod,
            gateway=GATEWAY,
            gateway_mac=host.mac if host is not None else "",
            gateway_static=True,
            max_mtu=self.config.pod_mtu or None,
        )

    def create_node(self, node: NodeInfo) -> NetNodeAction:
        pods = [pod for pod in self.ctx.pods_of(node.name) if not self._on_branch(pod)]
        made = eni_node(self.ctx, node, self.scheme, pods, owners_of(pods, map(_told, self._interfaces)))
        marked = MARK if self.config.node_ports or not self.config.external_snat else 0
        return BasePluginNode(node, AwsNode(made, marked), self.ctx.cluster)

    def _on_branch(self, pod: PodInfo) -> bool:
        host = self.ctx.host_device(pod.key)
        return host is not None and host.name.startswith(BRANCH)

    @cached_property
    def _interfaces(self) -> tuple[object, ...]:
        """As the provider gathered them; none: EC2 was not asked."""
        if not any(node.provider_id.startswith("aws://") for node in self.ctx.cluster.nodes()):
            return ()
        section = self.ctx.source.infra(CLOUD)
        if isinstance(section, NotCollected):
            return ()
        known = raw.mapping(section, "resources")
        of_instances = (raw.items(one, "NetworkInterfaces") for one in raw.items(known, "Instances"))
        return (*raw.items(known, "NetworkInterfaces"), *chain.from_iterable(of_instances))


@dataclass(frozen=True, slots=True)
class AwsNode(SimplePluginNode):
    pods: EniNode
    mark: int
    """Of packets that leave by eth0 wherever they come from; 0: there is none."""

    def always(self) -> Wishes:
        yield from self.pods.always()
        if self.mark:
            because = "ipamd adds it when it starts: answers to node ports leave by the uplink"
            yield expect.rule(mark=self.mark, mask=self.mark, priority=MARKED, because=because)

    def to_pod(self, upstream: Link | None, packet: Packet, pod: PodInfo) -> Wishes:
        return self.pods.to_pod(upstream, packet, pod)


def own_table(ns: NetworkNamespace, nic: Device) -> int:
    """By the rule for the interface's own address, else by the table whose default route leads out by it."""
    own = {entry.address for entry in ns.addresses if entry.device == nic.index}
    for rule in ns.rules:
        if rule.priority == FROM_ENI and rule.source is not None and rule.source.network_address in own:
            return rule.table
    for table in sorted({rule.table for rule in ns.rules if rule.priority == FROM_POD}):
        default = default_hop(ns, table)
        if default is not None and default.device == nic.index:
            return table
    return 0


def _told(interface: object) -> Told:
    return Told(
        mac=raw.text(interface, "MacAddress"),
        addresses=(raw.text(one, "PrivateIpAddress") for one in raw.items(interface, "PrivateIpAddresses")),
        prefixes=_prefixes(interface),
    )


def _prefixes(interface: object) -> list[str]:
    return [raw.text(entry, "Ipv4Prefix") for entry in raw.items(interface, "Ipv4Prefixes")]

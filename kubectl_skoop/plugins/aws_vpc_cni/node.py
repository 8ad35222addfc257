"""A node of the AWS VPC CNI: which interface of it has which address, by EC2 and by the rules of ipamd."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from itertools import chain

from kubectl_skoop.api import (
    Address,
    Context,
    Device,
    Expectation,
    Link,
    NetworkNamespace,
    NodeInfo,
    NotCollected,
    Packet,
    Place,
    PodInfo,
    SimplePluginNode,
    Wishes,
    detection,
    raw,
)
from kubectl_skoop.plugins.aws_vpc_cni.branch import Branch, branch_of, is_strict
from kubectl_skoop.plugins.aws_vpc_cni.plugin import FROM_ENI, SecurityGroups
from kubectl_skoop.plugins.aws_vpc_cni.rules import Host, wanted
from kubectl_skoop.plugins.eni import TABLE_MAIN, EniNode, Scheme, Told, default_hop, eni_node, owners_of

FROM_POD, MARKED = 1536, 1024
"""Priorities (pkg/networkutils/network.go)."""
MARK = 0x80
CLOUD = "aws"
"""The provider that gathers which interface has which address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsNode(SimplePluginNode):
    """Pods on the node's own interfaces, those on branch interfaces, and the rules of iptables."""

    eni: EniNode
    branches: tuple[Branch, ...]
    rules: tuple[Expectation, ...]

    def always(self) -> Wishes:
        yield from self.eni.always()
        for branch in self.branches:
            yield from branch.wishes(self.eni.owners)
        yield from self.rules

    def to_pod(self, upstream: Link | None, packet: Packet, pod: PodInfo) -> Wishes:
        yield from self.eni.to_pod(upstream, packet, pod)
        for branch in self.branches:
            if branch.pod == pod:
                yield from branch.to_pod(upstream, packet)


def make_node(
    ctx: Context,
    node: NodeInfo,
    owners: Mapping[str, str],
    *,
    prefix: str,
    marks: bool,
    spares_uplink: bool,
    groups: SecurityGroups,
) -> AwsNode:
    """`prefix`: of the pods' device names. `marks`: packets of node ports are marked. `groups`: of pods with
    security groups of their own; empty: by their devices."""
    scheme = Scheme(
        agent="ipamd",
        prefix=prefix,
        from_pod=FROM_POD,
        rp_filter=(2, 0),
        own_table=own_table,
        mark=MARK if marks else 0,
        mark_priority=MARKED,
        spares_uplink=spares_uplink,
    )
    pods, ns = ctx.pods_of(node.name), ctx.namespace(Place("node", node.name))
    if isinstance(ns, NotCollected):
        return AwsNode(eni=eni_node(ctx, node, scheme, pods, owners), branches=(), rules=())
    routers = routers_in(ctx)
    made_of = (branch_of(ctx, ns, pod, owners, routers, mode=groups) for pod in pods if groups != "off")
    branches = tuple(branch for branch in made_of if branch is not None)
    strict = {branch.pod.key for branch in branches if branch.strict}
    own = [pod for pod in pods if pod.key not in strict and (groups or not is_strict(ctx, pod))]
    made = eni_node(ctx, node, scheme, own, owners)
    networks = _vpc_networks(ctx, made.uplink)
    rules = () if made.uplink is None else tuple(_rules(ctx, node, ns, prefix, networks))
    return AwsNode(eni=made, branches=branches, rules=rules)


def _rules(
    ctx: Context, node: NodeInfo, ns: NetworkNamespace, prefix: str, networks: Sequence[str]
) -> Iterator[Expectation]:
    others = [host for state in detection.states(ctx) if (host := _host(ctx, state)) is not None]
    host = _host(ctx, ns)
    if host is not None:
        yield from wanted(host, others, prefix, networks)


def _host(ctx: Context, ns: NetworkNamespace) -> Host | None:
    node, default = ctx.node(ns.node), default_hop(ns, TABLE_MAIN)
    if node is None or default is None or not node.address:
        return None
    return Host(ns, ns.device_name(default.device), node.address)


def owners_in(ctx: Context) -> Mapping[str, str]:
    """MACs of interfaces by address, as EC2 tells them."""
    return owners_of(interfaces(ctx))


def routers_in(ctx: Context) -> Mapping[str, Address]:
    """Of interfaces' subnets, by the interface's MAC: the first address that a host can have."""
    section = _section(ctx)
    subnets = {
        raw.text(one, "SubnetId"): ip_network(network)[1]
        for one in raw.items(section, "resources", "Subnets")
        if (network := raw.text(one, "CidrBlock"))
    }
    told = () if section is None else _items(section)
    by_mac = ((raw.text(one, "MacAddress").lower(), raw.text(one, "SubnetId")) for one in told)
    return {mac: subnets[subnet] for mac, subnet in by_mac if mac and subnet in subnets}


def interfaces(ctx: Context) -> tuple[Told, ...]:
    """As the provider gathered them; none: EC2 was not asked."""
    section = _section(ctx)
    return () if section is None else tuple(map(_told, _items(section)))


def _vpc_networks(ctx: Context, uplink: Device | None) -> Sequence[str]:
    """Of the VPC of the uplink, IPv4; none: EC2 was not asked."""
    section = _section(ctx)
    told = () if section is None else tuple(_items(section))
    own = (one for one in told if uplink is not None and raw.text(one, "MacAddress").lower() == uplink.mac)
    vpc = next((raw.text(one, "VpcId") for one in own), "")
    for item in raw.items(section, "resources", "Vpcs") if vpc else ():
        if raw.text(item, "VpcId") == vpc:
            more = (raw.text(one, "CidrBlock") for one in raw.items(item, "CidrBlockAssociationSet"))
            return list(dict.fromkeys(text for text in (raw.text(item, "CidrBlock"), *more) if text))
    return ()


def _section(ctx: Context) -> Mapping[str, object] | None:
    if not any(node.provider_id.startswith("aws://") for node in ctx.cluster.nodes()):
        return None
    section = ctx.source.infra(CLOUD)
    return None if isinstance(section, NotCollected) else section


def _items(section: object) -> Iterator[object]:
    known = raw.mapping(section, "resources")
    of_instances = (raw.items(one, "NetworkInterfaces") for one in raw.items(known, "Instances"))
    return chain(raw.items(known, "NetworkInterfaces"), *of_instances)


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
        addresses=[raw.text(one, "PrivateIpAddress") for one in raw.items(interface, "PrivateIpAddresses")],
        prefixes=[raw.text(one, "Ipv4Prefix") for one in raw.items(interface, "Ipv4Prefixes")],
    )

"""A node of the AWS VPC CNI: which interface of it has which address, by EC2 and by the rules of ipamd."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from kubectl_skoop.api import Context, Device, NetworkNamespace, NodeInfo, NotCollected, PodInfo, raw
from kubectl_skoop.plugins.aws_vpc_cni import FROM_ENI
from kubectl_skoop.plugins.eni import EniNode, Scheme, Told, default_hop, eni_node, owners_of

FROM_POD, MARKED = 1536, 1024
"""Priorities (pkg/networkutils/network.go)."""
MARK = 0x80
CLOUD = "aws"
"""The provider that gathers which interface has which address."""


def make_node(
    ctx: Context,
    node: NodeInfo,
    pods: Sequence[PodInfo],
    owners: Mapping[str, str],
    *,
    prefix: str,
    marks: bool,
) -> EniNode:
    """`prefix`: of the pods' device names. `marks`: packets of node ports are marked."""
    scheme = Scheme(
        agent="ipamd",
        prefix=prefix,
        from_pod=FROM_POD,
        rp_filter=(2, 0),
        own_table=own_table,
        mark=MARK if marks else 0,
        mark_priority=MARKED,
    )
    return eni_node(ctx, node, scheme, pods, owners)


def owners_in(ctx: Context) -> Mapping[str, str]:
    """MACs of interfaces by address, as EC2 tells them."""
    return owners_of(interfaces(ctx))


def interfaces(ctx: Context) -> tuple[Told, ...]:
    """As the provider gathered them; none: EC2 was not asked."""
    if not any(node.provider_id.startswith("aws://") for node in ctx.cluster.nodes()):
        return ()
    section = ctx.source.infra(CLOUD)
    return () if isinstance(section, NotCollected) else tuple(map(_told, _items(section)))


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

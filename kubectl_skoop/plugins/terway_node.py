"""A node of Terway: which interface of it has which address, by ECS and by the rules of terwayd."""

from collections.abc import Mapping, Sequence

from kubectl_skoop.api import Context, Device, NetworkNamespace, NodeInfo, NotCollected, PodInfo, raw
from kubectl_skoop.plugins.eni import EniNode, Scheme, Told, eni_node, owners_of

FROM_POD, FIRST_TABLE = 2048, 1000
"""fromContainerPriority (plugin/datapath/consts_linux.go); GetRouteTableID (plugin/driver/utils)."""
CLOUD = "aliyun"
"""The provider that gathers which interface has which address."""


def make_node(
    ctx: Context,
    node: NodeInfo,
    pods: Sequence[PodInfo],
    owners: Mapping[str, str],
    *,
    by_interface: bool,
) -> EniNode:
    """`by_interface`: pods have addresses of interfaces (ENIIP), else of the node's podCIDR."""
    scheme = Scheme(
        agent="Terway",
        prefix="cali",
        from_pod=FROM_POD if by_interface else 0,
        rp_filter=(0, 2),
        spares_uplink=True,
        own_table=own_table if by_interface else lambda ns, nic: 0,
    )
    return eni_node(ctx, node, scheme, pods, owners)


def owners_in(ctx: Context) -> Mapping[str, str]:
    """MACs of interfaces by address, as the provider was given them; empty: nobody gave them."""
    section = ctx.source.infra(CLOUD)
    told = () if isinstance(section, NotCollected) else raw.items(section, "resources", "NetworkInterfaces")
    return owners_of(map(_told, told))


def own_table(ns: NetworkNamespace, nic: Device) -> int:
    """It has one if pods' rules or routes name it."""
    table = FIRST_TABLE + nic.index
    used = {rule.table for rule in ns.rules if rule.priority == FROM_POD} | {
        route.table for route in ns.routes
    }
    return table if table in used else 0


def _told(interface: object) -> Told:
    sets, prefixes = ("PrivateIpSets", "PrivateIpSet"), ("Ipv4PrefixSets", "Ipv4PrefixSet")
    return Told(
        mac=raw.text(interface, "MacAddress"),
        addresses=[raw.text(one, "PrivateIpAddress") for one in raw.items(interface, *sets)],
        prefixes=[raw.text(one, "Ipv4Prefix") for one in raw.items(interface, *prefixes)],
    )

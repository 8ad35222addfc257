"""Asking ECS, VPC, SLB and NLB for the network of the nodes' VPCs."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from kubectl_skoop.api import NoVerdict, raw
from kubectl_skoop.providers.aliyun.answers import part, section
from kubectl_skoop.providers.aliyun.client import Call, Refused
from kubectl_skoop.providers.allow_list import Item
from kubectl_skoop.providers.section import Section

_ALL = "the pages do not end"
_PAGES = 1_000
"""Of one list, at most."""
_NODES = 100
"""Instances that are asked for at once."""
_NUMBERED = "PageSize"


class _List(NamedTuple):
    """An operation that answers with a list."""

    product: str
    operation: str
    size: str = "MaxResults"
    """Parameter for a page's length. PageSize: pages have numbers; else a token leads to the next."""

    @property
    def length(self) -> int:
        return 50 if self.size == _NUMBERED else 100


_INSTANCES = _List("ecs", "DescribeInstances")
_OF_VPC: Mapping[str, _List] = {
    "Vpcs": _List("vpc", "DescribeVpcs", _NUMBERED),
    "NetworkInterfaces": _List("ecs", "DescribeNetworkInterfaces"),
    "SecurityGroups": _List("ecs", "DescribeSecurityGroups"),
    "VSwitches": _List("vpc", "DescribeVSwitches", _NUMBERED),
    "NatGateways": _List("vpc", "DescribeNatGateways", _NUMBERED),
    "NetworkAcls": _List("vpc", "DescribeNetworkAcls", _NUMBERED),
    "Ipv4Gateways": _List("vpc", "ListIpv4Gateways"),
    "ServerGroups": _List("nlb", "ListServerGroups"),
}
"""By kind; each is asked with VpcId."""
_OF_REGION: Mapping[str, _List] = {
    "EipAddresses": _List("vpc", "DescribeEipAddresses", _NUMBERED),
    "LoadBalancers": _List("slb", "DescribeLoadBalancers", _NUMBERED),
    "NetworkBalancers": _List("nlb", "ListLoadBalancers"),
}
_ROUTES = _List("vpc", "DescribeRouteEntryList", "MaxResult")
_RULES = _List("ecs", "DescribeSecurityGroupAttribute")
_SNAT = _List("vpc", "DescribeSnatTableEntries", _NUMBERED)
_LISTENERS = _List("slb", "DescribeLoadBalancerListeners")
_NETWORK_LISTENERS = _List("nlb", "ListListeners")
_SERVERS = _List("nlb", "ListServerGroupServers")
_LISTED = 50
"""Entries on a page of an access control list, at most."""


def ask(call: Call, instances: Sequence[str]) -> Mapping[str, object]:
    """The network of the VPCs that the instances are in. What may not be asked is a gap, with the reason.

    Raises: NoVerdict (no instance is there).
    """
    asked = _Asked(call, section())
    asked.collect("Instances", lambda: asked.instances(instances))
    vpcs = sorted({raw.text(one, "VpcAttributes", "VpcId") for one in asked.of("Instances")} - {""})
    if not vpcs:
        why = asked.section.gaps.get(
            "Instances", "none of the nodes' instances is in this region and account"
        )
        raise NoVerdict(f"Alibaba Cloud was asked in vain: {why}")
    for kind, operation in _OF_VPC.items():
        asked.each(kind, "Instances", vpcs, partial(asked.of_vpc, operation))
    for kind, operation in _OF_REGION.items():
        asked.collect(kind, partial(asked.of_region, operation, vpcs))
    _network(asked)
    _classic_balancers(asked)
    _network_balancers(asked)
    return asked.section.fields()


class _Asked:
    """What was asked for so far."""

    def __init__(self, call: Call, section: Section) -> None:
        self.call = call
        self.section = section

    def of(self, kind: str) -> Sequence[Item]:
        return list(self.section.resources.get(kind, {}).values())

    def collect(self, kind: str, items: Callable[[], Iterable[Item]]) -> None:
        """What was read before an error stays."""
        self.section.resources.setdefault(kind, {})
        try:
            for item in items():
                self.section.add(kind, [item])
        except (Refused, ValueError) as error:
            self.section.gaps[kind] = str(error)

    def each(
        self, kind: str, known_by: str, keys: Iterable[str], items: Callable[[str], Iterable[Item]]
    ) -> None:
        """Of each key. They are known by another kind: what lacks there lacks here."""
        for key in dict.fromkeys(keys):
            self.collect(kind, partial(items, key))
        self.section.resources.setdefault(kind, {})
        if known_by in self.section.gaps:
            self.section.gaps.setdefault(kind, self.section.gaps[known_by])

    def instances(self, wanted: Sequence[str]) -> Iterator[Item]:
        for begin in range(0, len(wanted), _NODES):
            yield from self.items(_INSTANCES, InstanceIds=json.dumps(wanted[begin : begin + _NODES]))

    def of_vpc(self, how: _List, vpc: str) -> Iterator[Item]:
        return self.items(how, VpcId=vpc)

    def of_region(self, how: _List, vpcs: Sequence[str]) -> Iterator[Item]:
        """Without what is of other VPCs."""
        return (one for one in self.items(how) if raw.text(one, "VpcId") in ("", *vpcs))

    def items(self, how: _List, **parameters: object) -> Iterator[Item]:
        for answer in self.pages(how, **parameters):
            yield from _items(how.operation, answer)

    def pages(self, how: _List, **parameters: object) -> Iterator[Item]:
        """All pages. Raises: Refused."""
        seen, mark = 0, ""
        for number in range(1, _PAGES + 1):
            place: dict[str, object] = {how.size: how.length}
            if how.size == _NUMBERED:
                place["PageNumber"] = number
            elif mark:
                place["NextToken"] = mark
            answer = self.call(how.product, how.operation, {**parameters, **place})
            yield answer
            found = len(_items(how.operation, answer))
            seen, mark = seen + found, raw.text(answer, "NextToken")
            if how.size == _NUMBERED and (not found or seen >= raw.number(answer, "TotalCount")):
                return
            if how.size != _NUMBERED and not mark:
                return
        raise Refused(f"{how.operation}: {_ALL}")

    def one(self, product: str, operation: str, **parameters: object) -> Sequence[Item]:
        return _items(operation, self.call(product, operation, parameters))


def _items(operation: str, answer: Item) -> Sequence[Item]:
    """As what the command line prints is read. Raises: Refused."""
    found = part(answer)
    if found is None:
        raise Refused(f"{operation} was answered with what is not known")
    return found.items


def _ids(items: Iterable[Item], *path: str) -> list[str]:
    return [key for item in items if (key := raw.text(item, *path))]


def _network(asked: _Asked) -> None:
    """Rules, routes and gateways of what the VPCs have."""
    groups = _ids(asked.of("SecurityGroups"), "SecurityGroupId")
    asked.each(
        "SecurityGroupRules",
        "SecurityGroups",
        groups,
        lambda key: asked.pages(_RULES, SecurityGroupId=key),
    )
    rules = [
        rule
        for one in asked.of("SecurityGroupRules")
        for rule in raw.items(one, "Permissions", "Permission")
        if isinstance(rule, Mapping)
    ]
    lists = [*_ids(rules, "SourcePrefixListId"), *_ids(rules, "DestPrefixListId")]
    asked.each(
        "PrefixLists",
        "SecurityGroupRules",
        lists,
        lambda key: asked.one("ecs", "DescribePrefixListAttributes", PrefixListId=key),
    )
    asked.each(
        "RouteEntries",
        "VSwitches",
        _ids(asked.of("VSwitches"), "RouteTable", "RouteTableId"),
        lambda key: asked.items(_ROUTES, RouteTableId=key),
    )
    asked.each(
        "NetworkAcls",
        "NetworkAcls",
        _ids(asked.of("NetworkAcls"), "NetworkAclId"),
        lambda key: asked.one("vpc", "DescribeNetworkAclAttributes", NetworkAclId=key),
    )
    asked.each(
        "SnatTableEntries",
        "NatGateways",
        [key for one in asked.of("NatGateways") for key in raw.texts(one, "SnatTableIds", "SnatTableId")],
        lambda key: asked.items(_SNAT, SnatTableId=key),
    )


def _classic_balancers(asked: _Asked) -> None:
    balancers = _ids(asked.of("LoadBalancers"), "LoadBalancerId")

    def health(key: str) -> Iterator[Item]:
        yield {"LoadBalancerId": key, **asked.call("slb", "DescribeHealthStatus", {"LoadBalancerId": key})}

    def access_list(key: str) -> Iterator[Item]:
        """Its pages have numbers, and no total of their own: a page that is not full is the last."""
        for number in range(1, _PAGES + 1):
            where = {"AclId": key, "Page": number, "PageSize": _LISTED}
            answer = asked.call("slb", "DescribeAccessControlListAttribute", where)
            yield answer
            if len(raw.items(answer, "AclEntrys", "AclEntry")) < _LISTED:
                return
        raise Refused(f"DescribeAccessControlListAttribute: {_ALL}")

    asked.each(
        "Listeners",
        "LoadBalancers",
        balancers,
        lambda key: asked.items(_LISTENERS, **{"LoadBalancerId.1": key}),
    )
    asked.each(
        "DefaultServers",
        "LoadBalancers",
        balancers,
        lambda key: asked.one("slb", "DescribeLoadBalancerAttribute", LoadBalancerId=key),
    )
    asked.each("HealthStatus", "LoadBalancers", balancers, health)
    listeners = asked.of("Listeners")
    asked.each(
        "VServerGroups",
        "Listeners",
        _ids(listeners, "VServerGroupId"),
        lambda key: asked.one("slb", "DescribeVServerGroupAttribute", VServerGroupId=key),
    )
    lists = [key for one in listeners for key in (*raw.texts(one, "AclIds"), raw.text(one, "AclId")) if key]
    asked.each("AccessControlLists", "Listeners", lists, access_list)


def _network_balancers(asked: _Asked) -> None:
    asked.each(
        "NetworkListeners",
        "NetworkBalancers",
        _ids(asked.of("NetworkBalancers"), "LoadBalancerId"),
        lambda key: asked.items(_NETWORK_LISTENERS, **{"LoadBalancerIds.1": key}),
    )
    asked.each(
        "Servers",
        "ServerGroups",
        _ids(asked.of("ServerGroups"), "ServerGroupId"),
        lambda key: asked.items(_SERVERS, ServerGroupId=key),
    )
    asked.each(
        "NetworkHealthStatus",
        "NetworkListeners",
        _ids(asked.of("NetworkListeners"), "ListenerId"),
        lambda key: asked.one("nlb", "GetListenerHealthStatus", ListenerId=key),
    )

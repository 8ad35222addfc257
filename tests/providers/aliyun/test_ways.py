"""Routes, gateways and what is beyond: each row changes one thing of a healthy VPC."""

from collections.abc import Callable, Sequence

import pytest

from kubectl_skoop.api import Suspicion, Tracked
from tests.providers.aliyun.asking import (
    ANSWER,
    IN,
    OUT,
    OUT_BY_NAT,
    POD_TO_POD,
    RESOLVER,
    TO_SECOND,
    between,
    eni,
    entering,
    leaving,
    no_address,
    no_route,
    route,
)
from tests.providers.aliyun.vpc import (
    CLIENT,
    FAR,
    FIRST,
    KNOWN,
    SECOND,
    THIRD,
    Answers,
    healthy,
    hop,
    mac,
    node,
    packet,
    shim,
)
from tests.providers.row import Row

PASSES: dict[str, Callable[[Answers], Sequence[Suspicion]]] = {
    "a node to a node in another vSwitch": lambda found: between(found, TO_SECOND),
    "its answer": lambda found: between(found, ANSWER, KNOWN, "n2", "n1"),
    "a pod to a pod, each routed to its node": lambda found: between(found, POD_TO_POD),
    "a node out by its elastic address": lambda found: leaving(found, OUT),
    "a node out by the NAT gateway": lambda found: leaving(found, OUT_BY_NAT, src="n3"),
    "a node to the cloud's resolver": lambda found: leaving(found, RESOLVER),
    "the resolver's answer": lambda found: entering(
        found, packet("100.100.2.136", FIRST, 40000, protocol=17), Tracked(destination=True)
    ),
    "the outside to a node port": lambda found: entering(found, IN),
    "the answer to the outside": lambda found: leaving(
        found, packet(FIRST, CLIENT, 40000, sport=30080), Tracked(source=True)
    ),
    "the answer from outside": lambda found: entering(
        found, packet(FAR, FIRST, 40000, sport=443), Tracked(destination=True)
    ),
}


@pytest.mark.parametrize("ask", PASSES.values(), ids=PASSES)
def test_a_healthy_vpc_is_silent(ask: Callable[[Answers], Sequence[Suspicion]]) -> None:
    assert ask(healthy()) == []


ROWS = {
    "no route to a pod network": Row(
        lambda found: between(found, POD_TO_POD),
        lambda found: (no_route(found, "10.244.2.0/24"), no_route(found, "0.0.0.0/0")),
        "aliyun.route.none",
        ("vtb-1 of vsw-a has no route to 10.244.2.2", "vtb-1: 10.0.1.0/24 via local"),
    ),
    "the route to a pod network leads to another node": Row(
        lambda found: between(found, POD_TO_POD),
        lambda found: route(found, hop("10.244.2.0/24", "Instance", "i-n3")),
        "aliyun.route.elsewhere",
        ("vsw-a leads 10.244.2.2 to Instance i-n3, not to eni-2", "vtb-1: 10.244.2.0/24 via Instance i-n3"),
    ),
    "a longer prefix leads elsewhere": Row(
        lambda found: between(found, POD_TO_POD),
        lambda found: route(found, hop("10.244.2.2/32", "NetworkInterface", "eni-9")),
        "aliyun.route.elsewhere",
        ("10.244.2.2/32 via NetworkInterface eni-9",),
    ),
    "a pod's address of the VPC that no interface has": Row(
        lambda found: between(found, packet(FIRST, "10.0.2.99", dst_mac=mac(SECOND))),
        lambda found: None,
        "aliyun.route.elsewhere",
        ("10.0.2.99 is an address of the VPC for vsw-a, and eni-2 does not have it",),
    ),
    "a route with two next hops": Row(
        lambda found: between(found, POD_TO_POD),
        lambda found: route(
            found,
            {
                **hop("10.244.2.0/24", "Instance"),
                "NextHops": {"NextHop": [{"NextHopId": "i-n2"}, {"NextHopId": "i-n3"}]},
            },
        ),
        "aliyun.unknown",
        ("has 2 next hops",),
    ),
    "no elastic address, no route": Row(
        lambda found: leaving(found, OUT),
        lambda found: (no_address(found), no_route(found, "0.0.0.0/0")),
        "aliyun.route.none",
        ("vtb-1 of vsw-a has no route to 192.0.2.80", "10.0.1.10 has no elastic address"),
    ),
    "no elastic address, no SNAT entry": Row(
        lambda found: leaving(found, OUT),
        no_address,
        "aliyun.snat.none",
        ("ngw-1 has no usable SNAT entry for 10.0.1.10 of vsw-a", "snat-1: 10.0.3.0/24 to 198.51.100.30"),
    ),
    "the SNAT entry is pending": Row(
        lambda found: leaving(found, OUT_BY_NAT, src="n3"),
        lambda found: found["SnatTableEntries"]["SnatTableEntry"][0].update(Status="Pending"),
        "aliyun.snat.none",
        ("(Pending)",),
    ),
    "a pod leaves with its own address": Row(
        lambda found: leaving(found, packet("10.244.3.2", FAR, 443, src_mac=mac(THIRD)), src="n3"),
        lambda found: None,
        "aliyun.snat.none",
        ("no usable SNAT entry for 10.244.3.2",),
    ),
    "a private address by the NAT gateway": Row(
        lambda found: leaving(found, packet(THIRD, "172.31.0.9"), src="n3"),
        lambda found: None,
        "aliyun.beyond",
        ("172.31.0.9 is a private address, and whether the NAT gateway ngw-1 leads anywhere but to the",),
    ),
    "a private address by the IPv4 gateway": Row(
        lambda found: leaving(found, packet(FIRST, "172.31.0.9")),
        lambda found: (
            route(found, hop("0.0.0.0/0", "Ipv4Gateway", "ipv4gw-1")),
            found.update(Ipv4GatewayModels=[{"Ipv4GatewayId": "ipv4gw-1", "Enabled": True}]),
        ),
        "aliyun.route.elsewhere",
        ("leads 172.31.0.9 to ipv4gw-1 and the internet, which has no route to a private address",),
    ),
    "the NAT gateway is locked": Row(
        lambda found: leaving(found, OUT_BY_NAT, src="n3"),
        lambda found: found["NatGateways"]["NatGateway"][0].update(BusinessStatus="FinancialLocked"),
        "aliyun.gateway.unusable",
        ("ngw-1 is FinancialLocked",),
    ),
    "the NAT gateway is deleted": Row(
        lambda found: leaving(found, OUT_BY_NAT, src="n3"),
        lambda found: found["NatGateways"]["NatGateway"].clear(),
        "aliyun.unknown",
        ("ngw-1 is not among the NatGateways",),
    ),
    "a NAT gateway inside of the VPC": Row(
        lambda found: leaving(found, OUT_BY_NAT, src="n3"),
        lambda found: found["NatGateways"]["NatGateway"][0].update(NetworkType="intranet"),
        "aliyun.beyond",
        ("by the VPC NAT gateway ngw-1",),
    ),
    "an IPv4 gateway without a public address": Row(
        lambda found: leaving(found, OUT_BY_NAT, src="n3"),
        lambda found: (
            route(found, hop("0.0.0.0/0", "Ipv4Gateway", "ipv4gw-1")),
            found.update(Ipv4GatewayModels=[{"Ipv4GatewayId": "ipv4gw-1", "Enabled": True}]),
        ),
        "aliyun.no-public-address",
        ("10.0.3.10 leaves by the IPv4 gateway ipv4gw-1, but has no public address",),
    ),
    "an IPv4 gateway that is not activated": Row(
        lambda found: leaving(found, OUT),
        lambda found: (
            route(found, hop("0.0.0.0/0", "Ipv4Gateway", "ipv4gw-1")),
            found.update(Ipv4GatewayModels=[{"Ipv4GatewayId": "ipv4gw-1", "Enabled": False}]),
        ),
        "aliyun.gateway.unusable",
        ("ipv4gw-1 is not activated",),
    ),
    "beyond a transit router": Row(
        lambda found: leaving(found, packet(FIRST, "172.31.0.9")),
        lambda found: route(found, hop("172.16.0.0/12", "Attachment", "tr-attach-1")),
        "aliyun.beyond",
        ("172.31.0.9 is beyond a transit router",),
    ),
    "a node in another VPC": Row(
        lambda found: between(found, TO_SECOND),
        lambda found: (
            eni(found, 1).update(VpcId="vpc-2"),
            route(found, hop("10.0.2.0/24", "RouterInterface", "ri-1")),
        ),
        "aliyun.beyond",
        ("10.0.2.10 is beyond a router interface",),
    ),
    "a private sender from outside of the VPC": Row(
        lambda found: entering(found, packet("172.31.0.9", FIRST, 30080)),
        lambda found: None,
        "aliyun.beyond",
        ("by which way 172.31.0.9 comes into vpc-1",),
    ),
    "the outside asks a node without a public address": Row(
        lambda found: entering(found, packet(CLIENT, THIRD, 30080), dst="n3"),
        lambda found: found.update(NatGateways={"NatGateway": []}),
        "aliyun.no-public-address",
        ("10.0.3.10 of eni-3 has no public address: nothing leads 203.0.113.7 to it",),
    ),
    "the outside may come by a DNAT entry": Row(
        lambda found: entering(found, packet(CLIENT, THIRD, 30080), dst="n3"),
        lambda found: None,
        "aliyun.beyond",
        ("only a DNAT entry leads to it",),
    ),
    "an address of the VPC that no interface has": Row(
        lambda found: leaving(found, packet(FIRST, "10.0.2.77")),
        lambda found: None,
        "aliyun.unknown",
        ("no network interface with 10.0.2.77 is known in vpc-1",),
    ),
    "the node's interface was not collected": Row(
        lambda found: between(found, TO_SECOND),
        lambda found: found["NetworkInterfaceSets"]["NetworkInterfaceSet"].pop(0),
        "aliyun.unknown",
        ("no network interface with the MAC 00:16:3e:00:01:0a is known",),
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_one_thing_is_wrong(row: Row) -> None:
    row.holds(healthy())


WHOLE_KINDS: list[tuple[str, Callable[[Answers], Sequence[Suspicion]]]] = [
    ("groups", lambda found: entering(found, IN)),
    ("SecurityGroups", lambda found: leaving(found, OUT)),
    ("RouteEntrys", lambda found: leaving(found, OUT)),
    ("VSwitches", lambda found: leaving(found, OUT)),
    ("NetworkInterfaceSets", lambda found: leaving(found, OUT)),
    ("Instances", lambda found: leaving(found, OUT)),
    ("NatGateways", lambda found: leaving(found, OUT_BY_NAT, src="n3")),
    ("SnatTableEntries", lambda found: leaving(found, OUT_BY_NAT, src="n3")),
    ("Vpcs", lambda found: entering(found, IN)),
]


@pytest.mark.parametrize(("kind", "ask"), WHOLE_KINDS, ids=[row[0] for row in WHOLE_KINDS])
def test_a_list_that_was_not_collected_is_unknown(
    kind: str, ask: Callable[[Answers], Sequence[Suspicion]]
) -> None:
    found = healthy()
    del found[kind]
    (finding,) = ask(found)
    assert (finding.code, finding.effect) == ("aliyun.unknown", "unknown")


def test_the_primary_interfaces_that_instances_tell_of_are_enough() -> None:
    found = healthy()
    enis = found.pop("NetworkInterfaceSets")["NetworkInterfaceSet"]
    for instance, one in zip(found["Instances"]["Instance"], enis, strict=True):
        kept = ("NetworkInterfaceId", "MacAddress", "Type", "PrivateIpSets")
        primary = {**{key: one[key] for key in kept}, "PrimaryIpAddress": one["PrivateIpAddress"]}
        instance["NetworkInterfaces"] = {"NetworkInterface": [primary]}
    assert between(found, TO_SECOND) == []
    assert leaving(found, OUT) == []


def test_an_elastic_address_of_a_secondary_interface_counts() -> None:
    found = healthy()
    no_address(found)
    found["EipAddresses"] = {
        "EipAddress": [{"AllocationId": "eip-1", "IpAddress": "198.51.100.1", "InstanceId": "eni-1"}]
    }
    assert leaving(found, OUT) == []
    found["EipAddresses"]["EipAddress"][0]["InstanceId"] = ""
    assert [one.code for one in leaving(found, OUT)] == ["aliyun.snat.none"]


def test_a_pods_address_is_led_to_its_interface_by_address_prefix_or_route() -> None:
    found = healthy()
    eni(found, 1)["Ipv4PrefixSets"] = {"Ipv4PrefixSet": [{"Ipv4Prefix": "10.0.2.64/28"}]}
    eni(found, 2)["PrivateIpSets"]["PrivateIpSet"].append({"PrivateIpAddress": "10.0.3.99"})
    vpc = shim(found)
    for address, owner in (("10.0.2.70", SECOND), ("10.0.3.99", THIRD), ("10.244.2.9", SECOND)):
        assert vpc.interface_of(node("n1"), packet(FIRST, address)) == mac(owner), address
    assert vpc.interface_of(None, packet(CLIENT, "10.0.2.70")) == mac(SECOND)
    assert vpc.interface_of(None, packet(CLIENT, "10.244.2.9")) == ""
    assert vpc.interface_of(node("n1"), packet(FIRST, "10.0.2.99")) == ""

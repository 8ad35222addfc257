"""Routes, gateways and what is beyond: each row changes one thing of a healthy VPC."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from kubectl_skoop.api import Suspicion, Tracked
from tests.providers.aws.asking import (
    ANSWER,
    IN,
    OUT,
    OUT_BY_NAT,
    POD_TO_POD,
    TO_SECOND,
    acl,
    add,
    between,
    entering,
    leaving,
    peered,
    route,
)
from tests.providers.aws.vpc import (
    CLIENT,
    FAR,
    FIRST,
    KNOWN,
    SECOND,
    THIRD,
    Answers,
    entry,
    healthy,
    node,
    packet,
    permission,
    shim,
)
from tests.providers.row import Row

PASSES = {
    "a node to a node in another subnet": lambda found: between(found, TO_SECOND),
    "its answer": lambda found: between(found, ANSWER, KNOWN, "n2", "n1"),
    "a node to the private subnet": lambda found: between(found, packet(FIRST, THIRD), dst="n3"),
    "a node to a node in a peered VPC": lambda found: between(peered(found), TO_SECOND),
    "its answer by the peering connection": lambda found: between(peered(found), ANSWER, KNOWN, "n2", "n1"),
    "a node out by the internet gateway": lambda found: leaving(found, OUT),
    "a node out by the NAT gateway": lambda found: leaving(found, OUT_BY_NAT, src="n3"),
    "a node to the VPC's resolver": lambda found: leaving(found, packet(FIRST, "10.0.2.2", 53, protocol=17)),
    "a node to the metadata service": lambda found: leaving(found, packet(FIRST, "169.254.169.254", 80)),
    "the resolver's answer, which no ACL can deny": lambda found: entering(
        acl(found), packet("10.0.2.2", FIRST, 40000, protocol=17), Tracked(destination=True)
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
    "no route": Row(
        lambda found: leaving(found, OUT),
        lambda found: found["RouteTables"][0]["Routes"].pop(),
        "aws.route.none",
        ("rtb-public of subnet-a has no route to 192.0.2.80", "rtb-public: 10.0.0.0/16 via local"),
    ),
    "a blackhole is more specific than the default": Row(
        lambda found: leaving(found, OUT),
        lambda found: route(
            found, DestinationCidrBlock="192.0.2.0/24", NetworkInterfaceId="eni-9", State="blackhole"
        ),
        "aws.route.blackhole",
        ("its target eni-9 is gone", "rtb-public: 192.0.2.0/24 via eni-9 (blackhole)"),
    ),
    "the route to a pod network leads to another node": Row(
        lambda found: between(found, POD_TO_POD),
        lambda found: (
            [one.update(SourceDestCheck=False) for one in found["NetworkInterfaces"]],
            route(found, DestinationCidrBlock="10.244.2.0/24", NetworkInterfaceId="eni-3"),
        ),
        "aws.route.elsewhere",
        ("subnet-a leads 10.244.2.2 to eni-3, not to eni-2",),
    ),
    "the subnet has the main table": Row(
        lambda found: leaving(found, OUT_BY_NAT, src="n3"),
        lambda found: found["RouteTables"][1]["Routes"].pop(),
        "aws.route.none",
        ("rtb-main of subnet-c",),
    ),
    "out by an internet gateway without a public address": Row(
        lambda found: leaving(found, OUT),
        lambda found: found["NetworkInterfaces"][0].update(PrivateIpAddresses=[{"PrivateIpAddress": FIRST}]),
        "aws.gateway.no-public-address",
        ("10.0.1.10 leaves by the internet gateway igw-1", "public addresses of eni-1: none"),
    ),
    "the internet gateway is detached": Row(
        lambda found: leaving(found, OUT),
        lambda found: found["InternetGateways"][0].update(Attachments=[]),
        "aws.gateway.unusable",
        ("igw-1 is not attached to vpc-1",),
    ),
    "a private address by the internet gateway": Row(
        lambda found: leaving(found, packet(FIRST, "172.31.0.9")),
        lambda found: None,
        "aws.route.elsewhere",
        (
            "subnet-a leads 172.31.0.9 to igw-1 and the internet, which has no route to a private address",
            "rtb-public: 0.0.0.0/0 via igw-1",
        ),
    ),
    "a private address by the NAT gateway": Row(
        lambda found: leaving(found, packet(THIRD, "172.31.0.9"), src="n3"),
        lambda found: None,
        "aws.route.elsewhere",
        ("subnet-a leads 172.31.0.9 to igw-1 and the internet",),
    ),
    "a private address by the NAT gateway and a transit gateway": Row(
        lambda found: leaving(found, packet(THIRD, "172.31.0.9"), src="n3"),
        lambda found: route(found, DestinationCidrBlock="172.16.0.0/12", TransitGatewayId="tgw-1"),
        "aws.beyond",
        ("172.31.0.9 is reached by the NAT gateway nat-1 and tgw-1",),
    ),
    "the NAT gateway has failed": Row(
        lambda found: leaving(found, OUT_BY_NAT, src="n3"),
        lambda found: found["NatGateways"][0].update(State="failed", FailureMessage="no address"),
        "aws.gateway.unusable",
        ("nat-1 is failed", "no address"),
    ),
    "the NAT gateway is in a private subnet": Row(
        lambda found: leaving(found, OUT_BY_NAT, src="n3"),
        lambda found: found["NatGateways"][0].update(SubnetId="subnet-c"),
        "aws.route.elsewhere",
        ("leads 192.0.2.80 to no internet gateway",),
    ),
    "the NAT gateway is deleted": Row(
        lambda found: leaving(found, OUT_BY_NAT, src="n3"),
        lambda found: found["NatGateways"].clear(),
        "aws.unknown",
        ("nat-1 is not among the NatGateways",),
    ),
    "a peering connection that nobody accepted": Row(
        lambda found: leaving(found, packet(FIRST, "172.31.0.9")),
        lambda found: (
            route(found, DestinationCidrBlock="172.31.0.0/16", VpcPeeringConnectionId="pcx-1"),
            add(
                found,
                "VpcPeeringConnections",
                {"VpcPeeringConnectionId": "pcx-1", "Status": {"Code": "pending-acceptance"}},
            ),
        ),
        "aws.gateway.unusable",
        ("pcx-1 is pending-acceptance",),
    ),
    "beyond a peering connection": Row(
        lambda found: leaving(found, packet(FIRST, "172.31.0.9")),
        lambda found: (
            route(found, DestinationCidrBlock="172.31.0.0/16", VpcPeeringConnectionId="pcx-1"),
            add(
                found,
                "VpcPeeringConnections",
                {"VpcPeeringConnectionId": "pcx-1", "Status": {"Code": "active"}},
            ),
        ),
        "aws.beyond",
        ("the VPC beyond it was not collected",),
    ),
    "beyond a transit gateway": Row(
        lambda found: leaving(found, packet(FIRST, "172.31.0.9")),
        lambda found: route(found, DestinationCidrBlock="172.31.0.0/16", TransitGatewayId="tgw-1"),
        "aws.beyond",
        ("172.31.0.9 is beyond a transit gateway", "172.31.0.0/16 via tgw-1"),
    ),
    "a private sender from outside of the VPC": Row(
        lambda found: entering(found, packet("172.31.0.9", FIRST, 30080)),
        lambda found: None,
        "aws.beyond",
        ("by which way 172.31.0.9 comes into vpc-1",),
    ),
    "the outside asks a node of a private subnet": Row(
        lambda found: entering(found, packet(CLIENT, THIRD, 30080), dst="n3"),
        lambda found: None,
        "aws.route.elsewhere",
        ("subnet-c is no public subnet: its answers to 203.0.113.7 go to nat-1",),
    ),
    "a node in another VPC, and nobody says which two are peered": Row(
        lambda found: between(found, TO_SECOND),
        lambda found: peered(found)["VpcPeeringConnections"][0].pop("AccepterVpcInfo"),
        "aws.beyond",
        ("the packet leaves by the peering connection pcx-1",),
    ),
    "the peering connection leads to a third VPC": Row(
        lambda found: between(found, TO_SECOND),
        lambda found: peered(found)["VpcPeeringConnections"][0].update(AccepterVpcInfo={"VpcId": "vpc-3"}),
        "aws.beyond",
        ("the packet leaves by the peering connection pcx-1",),
    ),
    "the peering connection of two nodes' VPCs is deleted": Row(
        lambda found: between(found, TO_SECOND),
        lambda found: peered(found)["VpcPeeringConnections"][0].update(Status={"Code": "deleted"}),
        "aws.gateway.unusable",
        ("pcx-1 is deleted",),
    ),
    "the peered VPC has no route back": Row(
        lambda found: between(found, ANSWER, KNOWN, src="n2", dst="n1"),
        lambda found: peered(found)["RouteTables"][2]["Routes"].pop(),
        "aws.route.none",
        ("rtb-2 of subnet-b has no route to 10.0.1.10",),
    ),
    "the ACL of the peered VPC denies": Row(
        lambda found: between(found, TO_SECOND),
        lambda found: (
            add(
                peered(found),
                "NetworkAcls",
                {
                    "NetworkAclId": "acl-2",
                    "VpcId": "vpc-2",
                    "Associations": [{"SubnetId": "subnet-b"}],
                    "Entries": [entry(32767, "deny"), entry(32767, "deny", egress=True)],
                },
            ),
            found["NetworkAcls"][0]["Associations"].pop(1),
        ),
        "aws.network-acl.ingress",
        ("acl-2",),
    ),
    "a pod behind the peering connection": Row(
        lambda found: between(found, POD_TO_POD),
        lambda found: (
            found["NetworkInterfaces"][0].update(SourceDestCheck=False),
            found["NetworkInterfaces"][1].update(SourceDestCheck=False),
            found["SecurityGroups"][0]["IpPermissions"].append(permission(cidrs=["10.244.0.0/16"])),
            peered(found),
            route(found, DestinationCidrBlock="10.244.2.0/24", VpcPeeringConnectionId="pcx-1"),
        ),
        "aws.beyond",
        ("the packet leaves by the peering connection pcx-1",),
    ),
    "an address of the VPC that no interface has": Row(
        lambda found: leaving(found, packet(FIRST, "10.0.2.77")),
        lambda found: None,
        "aws.unknown",
        ("no network interface with 10.0.2.77 is known in vpc-1",),
    ),
    "the node's interface was not collected": Row(
        lambda found: between(found, TO_SECOND),
        lambda found: found["NetworkInterfaces"].pop(0),
        "aws.unknown",
        ("no network interface with the MAC 02:0a:00:00:01:0a is known",),
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_one_thing_is_wrong(row: Row) -> None:
    row.holds(healthy())


WHOLE_KINDS = [
    ("SecurityGroups", lambda found: entering(found, IN)),
    ("NetworkAcls", lambda found: entering(found, IN)),
    ("RouteTables", lambda found: leaving(found, OUT)),
    ("NetworkInterfaces", lambda found: leaving(found, OUT)),
    ("InternetGateways", lambda found: leaving(found, OUT)),
    ("NatGateways", lambda found: leaving(found, OUT_BY_NAT, src="n3")),
    ("Vpcs", lambda found: entering(found, IN)),
]


@pytest.mark.parametrize(("kind", "ask"), WHOLE_KINDS, ids=[row[0] for row in WHOLE_KINDS])
def test_a_list_that_was_not_collected_is_unknown(
    kind: str, ask: Callable[[Answers], Sequence[Suspicion]]
) -> None:
    found = healthy()
    del found[kind]
    (finding,) = ask(found)
    assert (finding.code, finding.effect) == ("aws.unknown", "unknown")


@pytest.mark.parametrize("kind", ["SecurityGroups", "InternetGateways", "NetworkInterfaces"])
def test_what_may_be_on_a_page_that_is_lacking_is_unknown(kind: str) -> None:
    found: dict[str, Any] = {**healthy(), "NextToken": "more"}
    found[kind] = []
    (finding,) = leaving(found, OUT)
    assert finding.effect == "unknown"
    assert "lacks the pages after its first" in finding.message


def test_a_pods_address_is_led_to_its_interface_by_prefix_address_or_route() -> None:
    found = healthy()
    found["NetworkInterfaces"][1]["Ipv4Prefixes"] = [{"Ipv4Prefix": "10.0.2.64/28"}]
    found["NetworkInterfaces"][2]["PrivateIpAddresses"].append({"PrivateIpAddress": "10.0.3.99"})
    route(found, DestinationCidrBlock="10.244.2.0/24", InstanceId="i-n2")
    vpc = shim(found)
    for address, owner in (("10.0.2.70", SECOND), ("10.0.3.99", THIRD), ("10.244.2.9", SECOND)):
        assert vpc.interface_of(node("n1"), packet(FIRST, address)) == packet(FIRST, owner).dst_mac, address
    assert vpc.interface_of(None, packet(CLIENT, "10.0.2.70")) == packet(FIRST, SECOND).dst_mac
    assert vpc.interface_of(None, packet(CLIENT, "10.244.2.9")) == ""
    assert vpc.interface_of(node("n1"), packet(FIRST, "10.0.2.99")) == ""


def test_an_address_of_a_peered_vpc_is_led_to_the_interface_there() -> None:
    found = peered(healthy())
    assert shim(found).interface_of(node("n1"), TO_SECOND) == TO_SECOND.dst_mac
    found["VpcPeeringConnections"][0].update(Status={"Code": "deleted"})
    assert shim(found).interface_of(node("n1"), TO_SECOND) == ""

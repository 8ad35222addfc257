"""What stops a packet in a VPC: each row changes one thing of a healthy VPC, and names what is found."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

from kubectl_skoop.api import Packet, Suspicion, Tracked
from tests.providers.aws.vpc import (
    CLIENT,
    FAR,
    FIRST,
    KNOWN,
    NEW,
    SECOND,
    THIRD,
    VPC,
    Answers,
    entry,
    healthy,
    node,
    packet,
    permission,
    shim,
)

POD, OTHER_POD = "10.244.1.2", "10.244.2.2"


def between(
    found: Answers, sent: Packet, tracked: Tracked = NEW, src: str = "n1", dst: str = "n2"
) -> Sequence[Suspicion]:
    return shim(found).node_to_node(node(src), "eth0", node(dst), sent, tracked)


def leaving(found: Answers, sent: Packet, tracked: Tracked = NEW, src: str = "n1") -> Sequence[Suspicion]:
    return shim(found).node_to_external(node(src), "eth0", sent, tracked)


def entering(found: Answers, sent: Packet, tracked: Tracked = NEW, dst: str = "n1") -> Sequence[Suspicion]:
    return shim(found).external_to_node(node(dst), sent, tracked)


class Row(NamedTuple):
    """`change`: of the healthy VPC. `found`: the code, and words of the message and of the evidence."""

    ask: Callable[[Answers], Sequence[Suspicion]]
    change: Callable[[Answers], Any]
    code: str
    words: tuple[str, ...] = ()


def group(found: Answers, index: int = 0) -> dict[str, Any]:
    return found["SecurityGroups"][index]


def acl(found: Answers, *entries: dict[str, Any]) -> Answers:
    found["NetworkAcls"][0]["Entries"] = [*entries, entry(32767, "deny"), entry(32767, "deny", egress=True)]
    return found


def add(found: Answers, kind: str, item: dict[str, Any]) -> Answers:
    found[kind].append(item)
    return found


def route(found: Answers, **more: str) -> Answers:
    """In the table of the public subnets."""
    found["RouteTables"][0]["Routes"].append({"State": "active", **more})
    return found


TO_SECOND = packet(FIRST, SECOND)
ANSWER = packet(SECOND, FIRST, 40000, sport=80)
POD_TO_POD = packet(
    POD, OTHER_POD, src_mac=packet(FIRST, SECOND).src_mac, dst_mac=packet(FIRST, SECOND).dst_mac
)
OUT = packet(FIRST, FAR, 443)
OUT_BY_NAT = packet(THIRD, FAR, 443)
IN = packet(CLIENT, FIRST, 30080)
INGRESS_SHUT = (permission(groups=["sg-nodes"]),)

PASSES = {
    "a node to a node in another subnet": lambda found: between(found, TO_SECOND),
    "its answer": lambda found: between(found, ANSWER, KNOWN, "n2", "n1"),
    "a node to the private subnet": lambda found: between(found, packet(FIRST, THIRD), dst="n3"),
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


def _untie_group(found: Answers) -> None:
    found["NetworkInterfaces"][0]["Groups"] = [{"GroupId": "sg-other"}]
    found["SecurityGroups"].append(
        {
            "GroupId": "sg-other", "GroupName": "other", "VpcId": VPC, "IpPermissions": [],
            "IpPermissionsEgress": [permission(cidrs=["0.0.0.0/0"])],
        }
    )  # fmt: skip


ROWS = {
    "no ingress rule": Row(
        lambda found: entering(found, IN),
        lambda found: group(found).update(IpPermissions=[*INGRESS_SHUT]),
        "aws.security-group.ingress",
        ("tcp 30080 from 203.0.113.7", "sg-nodes (nodes) ingress: all from sg-nodes (nodes)"),
    ),
    "the ingress rule is for other ports": Row(
        lambda found: entering(found, packet(CLIENT, FIRST, 29999)),
        lambda found: None,
        "aws.security-group.ingress",
        ("sg-nodes (nodes) ingress: tcp 30000-32767 from 0.0.0.0/0",),
    ),
    "the sender is not of the group that the rule refers to": Row(
        lambda found: between(found, TO_SECOND),
        _untie_group,
        "aws.security-group.ingress",
        ("tcp 80 from 10.0.1.10",),
    ),
    "a reference to a group does not mean the pods behind its interfaces": Row(
        lambda found: between(found, POD_TO_POD),
        lambda found: (
            [one.update(SourceDestCheck=False) for one in found["NetworkInterfaces"]],
            route(found, DestinationCidrBlock="10.244.2.0/24", NetworkInterfaceId="eni-2"),
        ),
        "aws.security-group.ingress",
        ("from 10.244.1.2",),
    ),
    "no egress rule": Row(
        lambda found: leaving(found, OUT),
        lambda found: group(found).update(
            IpPermissionsEgress=[permission("tcp", 80, 80, cidrs=["0.0.0.0/0"])]
        ),
        "aws.security-group.egress",
        ("tcp 443 to 192.0.2.80", "sg-nodes (nodes) egress: tcp 80 to 0.0.0.0/0"),
    ),
    "a rule refers to a group that is deleted": Row(
        lambda found: entering(found, IN),
        lambda found: group(found).update(IpPermissions=[permission(groups=["sg-gone"])]),
        "aws.unknown",
        ("sg-gone is not among the SecurityGroups: it is deleted",),
    ),
    "the interface has a group that is deleted": Row(
        lambda found: entering(found, IN),
        lambda found: found["NetworkInterfaces"][0].update(Groups=[{"GroupId": "sg-gone"}]),
        "aws.unknown",
        ("sg-gone is not among the SecurityGroups",),
    ),
    "a rule has a prefix list that was not collected": Row(
        lambda found: entering(found, IN),
        lambda found: group(found).update(IpPermissions=[permission(lists=["pl-1"])]),
        "aws.unknown",
        ("pl-1 is not among the PrefixLists",),
    ),
    "a prefix list without the sender": Row(
        lambda found: entering(found, IN),
        lambda found: (
            group(found).update(IpPermissions=[permission(lists=["pl-1"])]),
            add(found, "PrefixLists", {"PrefixListId": "pl-1", "Cidrs": ["198.51.100.0/24"]}),
        ),
        "aws.security-group.ingress",
        ("sg-nodes (nodes) ingress: all from pl-1",),
    ),
    "the ACL denies on the way out": Row(
        lambda found: between(found, TO_SECOND),
        lambda found: acl(
            found, entry(90, "deny", "6", (80, 80), egress=True), entry(100, "allow", egress=True)
        ),
        "aws.network-acl.egress",
        (
            "acl-1 (all) of subnet-a denies tcp 80 to 10.0.2.10",
            "acl-1 (all) egress 90: deny tcp 80 to 0.0.0.0/0",
        ),
    ),
    "the ACL denies on the way in": Row(
        lambda found: between(found, TO_SECOND),
        lambda found: acl(found, entry(100, "allow", egress=True)),
        "aws.network-acl.ingress",
        ("of subnet-b denies", "ingress *: deny all from 0.0.0.0/0"),
    ),
    "the ACL denies the answer": Row(
        lambda found: entering(found, packet(FAR, FIRST, 40000, sport=443), Tracked(destination=True)),
        lambda found: acl(found, entry(100, "allow", "6", (443, 443))),
        "aws.network-acl.ingress",
        ("tcp 40000 from 192.0.2.80 (an answer: network ACLs are stateless)",),
    ),
    "the ACL lets some answers back": Row(
        lambda found: entering(found, packet(FAR, FIRST, 50000, sport=443), Tracked(destination=True)),
        lambda found: acl(found, entry(100, "allow", "6", (49152, 65535))),
        "aws.network-acl.ephemeral",
        ("lets answers back to 49152-60999 only", "41 %"),
    ),
    "the ACL is of another subnet": Row(
        lambda found: between(found, TO_SECOND),
        lambda found: found["NetworkAcls"][0].update(Associations=[{"SubnetId": "subnet-a"}]),
        "aws.unknown",
        ("the network ACL of subnet-b is not known: none is associated",),
    ),
    "a pod's packet at an interface with the check": Row(
        lambda found: between(found, POD_TO_POD),
        lambda found: None,
        "aws.source-dest-check",
        ("the packet's source 10.244.1.2", "SourceDestCheck: true"),
    ),
    "a pod's packet to an interface with the check": Row(
        lambda found: between(found, POD_TO_POD),
        lambda found: (
            found["NetworkInterfaces"][0].update(SourceDestCheck=False),
            group(found).update(IpPermissions=[permission(cidrs=["0.0.0.0/0"])]),
            route(found, DestinationCidrBlock="10.244.2.0/24", InstanceId="i-n2"),
        ),
        "aws.source-dest-check",
        ("the packet's destination 10.244.2.2", "i-n2"),
    ),
    "no route": Row(
        lambda found: leaving(found, OUT),
        lambda found: found["RouteTables"][0]["Routes"].pop(),
        "aws.route.none",
        ("rtb-public of subnet-a has no route to 192.0.2.80",),
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
    "the ACL of the NAT gateway's subnet lets nothing out": Row(
        lambda found: leaving(found, OUT_BY_NAT, src="n3"),
        lambda found: (
            found["NetworkAcls"][0].update(Associations=[{"SubnetId": "subnet-c"}]),
            add(
                found,
                "NetworkAcls",
                {
                    "NetworkAclId": "acl-2",
                    "VpcId": VPC,
                    "Associations": [{"SubnetId": "subnet-a"}],
                    "Entries": [entry(1, "allow"), entry(1, "allow", cidr="10.0.0.0/16", egress=True)],
                },
            ),
        ),
        "aws.network-acl.egress",
        ("the network ACL acl-2 of subnet-a denies tcp 443 to 192.0.2.80",),
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
    "a node in another VPC, beyond a peering connection": Row(
        lambda found: between(found, TO_SECOND),
        lambda found: (
            found["NetworkInterfaces"][1].update(VpcId="vpc-2"),
            route(found, DestinationCidrBlock="10.0.2.0/24", VpcPeeringConnectionId="pcx-1"),
            add(
                found,
                "VpcPeeringConnections",
                {"VpcPeeringConnectionId": "pcx-1", "Status": {"Code": "active"}},
            ),
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
    found = healthy()
    row.change(found)
    (finding,) = row.ask(found)
    assert finding.code == row.code, finding
    text = " | ".join((finding.message, *finding.evidence))
    for word in row.words:
        assert word in text
    unknown, harmless = row.code in ("aws.unknown", "aws.beyond"), row.code == "aws.network-acl.ephemeral"
    assert finding.effect == ("unknown" if unknown else "" if harmless else "stops")
    assert unknown or finding.remedy


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


def test_an_established_connection_passes_the_groups_and_not_the_acl() -> None:
    found = healthy()
    group(found).update(IpPermissions=[], IpPermissionsEgress=[])
    assert between(found, ANSWER, KNOWN, "n2", "n1") == []
    acl(found)
    (finding,) = between(found, ANSWER, KNOWN, "n2", "n1")
    assert finding.code == "aws.network-acl.egress"


def test_inside_a_subnet_no_acl_is_asked() -> None:
    found = healthy()
    found["NetworkInterfaces"][1]["SubnetId"] = "subnet-a"
    acl(found)
    assert between(found, TO_SECOND) == []


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

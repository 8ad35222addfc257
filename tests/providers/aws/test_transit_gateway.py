"""The way over a transit gateway: each row changes one thing of two healthy VPCs at one."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_skoop.api import Suspicion, Unknown
from kubectl_skoop.providers.aws import transit_table
from kubectl_skoop.providers.aws.route_table import NoRoute
from tests.providers.aws.asking import ANSWER, TO_SECOND, add, between, leaving
from tests.providers.aws.transit import (
    FAR,
    FAR_ATTACHMENT,
    GATEWAY,
    TABLE,
    acl,
    association,
    attachment,
    to_gateway,
    transit,
    transit_route,
    transit_routes,
)
from tests.providers.aws.vpc import (
    FIRST,
    KNOWN,
    SECOND,
    THIRD,
    VPC,
    Answers,
    entry,
    interface,
    inventory,
    node,
    packet,
    permission,
    shim,
)
from tests.providers.row import Row

DATABASE, PREMISES = "10.0.2.77", "172.31.0.9"
LARGE = {"protocol": 17, "length": 8501}


def to_second(found: Answers) -> Sequence[Suspicion]:
    return between(found, TO_SECOND)


def answer(found: Answers) -> Sequence[Suspicion]:
    return between(found, ANSWER, KNOWN, "n2", "n1")


def gateway(found: Answers, **more: object) -> dict[str, Any]:
    found["TransitGateways"][0].update(more)
    return found["TransitGateways"][0]


def near(found: Answers) -> dict[str, Any]:
    return found["TransitGatewayVpcAttachments"][0]


def far(found: Answers) -> dict[str, Any]:
    return found["TransitGatewayVpcAttachments"][1]


def options(found: Answers, which: Callable[[Answers], dict[str, Any]], **more: str) -> Answers:
    which(found)["Options"].update(more)
    return found


def deny(found: Answers, key: str, *, egress: bool) -> Answers:
    (own,) = (one for one in found["NetworkAcls"] if one["NetworkAclId"] == key)
    own["Entries"] = [one for one in own["Entries"] if one["Egress"] is not egress]
    own["Entries"].append(entry(90, "deny", egress=egress))
    return found


def only_groups(found: Answers) -> Answers:
    """The groups let in what is of themselves, in the other VPC, too."""
    found["SecurityGroups"][0]["IpPermissions"] = [permission(groups=["sg-nodes"])]
    return found


def referring(found: Answers) -> Answers:
    gateway(only_groups(found), Options={"SecurityGroupReferencingSupport": "enable"})
    return found


def in_the_attachments_subnet(found: Answers) -> Answers:
    """Both nodes are where the gateway is attached."""
    found["NetworkInterfaces"][0].update(SubnetId="subnet-near-a")
    found["NetworkInterfaces"][1].update(SubnetId="subnet-far-a")
    found["RouteTables"][0]["Associations"].append({"SubnetId": "subnet-near-a"})
    return found


def beyond(found: Answers, kind: str) -> Answers:
    found["RouteTables"][0]["Routes"].append(to_gateway("172.31.0.0/16"))
    transit_routes(found).append(transit_route("172.31.0.0/16", "tgw-attach-9", "x-9", of=kind))
    return found


def database(found: Answers) -> Answers:
    """A machine of the far VPC that is no node."""
    return add(found, "NetworkInterfaces", interface(7, DATABASE, "subnet-b", VpcId=FAR))


Ask = Callable[[Answers], Sequence[Suspicion]]
PASSES: dict[str, tuple[Ask, Callable[[Answers], object]]] = {
    "a node to a node in another VPC": (to_second, bool),
    "its answer": (answer, bool),
    "a static route comes before the propagated blackhole of the same network": (
        to_second,
        lambda found: transit_routes(found).extend(
            [
                transit_route("10.0.2.0/24", kind="propagated"),
                transit_route("10.0.2.0/24", FAR_ATTACHMENT, FAR),
            ]
        ),
    ),
    "a route that is deleted does not count": (
        to_second,
        lambda found: transit_routes(found).append({**transit_route("10.0.2.10/32"), "State": "deleted"}),
    ),
    "a route for a prefix list": (
        to_second,
        lambda found: (
            transit_routes(found).pop(),
            transit_routes(found).append({**transit_route("", FAR_ATTACHMENT, FAR), "PrefixListId": "pl-1"}),
            add(found, "PrefixLists", {"PrefixListId": "pl-1", "Entries": [{"Cidr": "10.0.2.0/23"}]}),
        ),
    ),
    "more routes than one answer has": (
        to_second,
        lambda found: found["TransitGatewayRoutes"].__setitem__(
            0,
            {
                "TransitGatewayRouteTableId": TABLE,
                "Routes": [*transit_routes(found), *[transit_route("10.9.0.0/16")] * 1000],
            },
        ),
    ),
    "groups refer to each other where that is enabled": (to_second, referring),
    "in the attachment's subnet what comes from the gateway is not asked of": (
        to_second,
        lambda found: deny(
            deny(in_the_attachments_subnet(found), "acl-far-a", egress=True), "acl-far-a", egress=False
        ),
    ),
    "the far attachment's ACL in another zone": (
        to_second,
        lambda found: deny(found, "acl-far-b", egress=True),
    ),
    "what the far attachment's ACL lets in is not asked of": (
        to_second,
        lambda found: deny(found, "acl-far-a", egress=False),
    ),
    "what the near attachment's ACL lets out is not asked of": (
        to_second,
        lambda found: deny(found, "acl-near", egress=True),
    ),
    "a machine of the far VPC": (lambda found: leaving(found, packet(FIRST, DATABASE, 5432)), database),
    "TCP agrees on less than its segments": (
        lambda found: between(found, packet(FIRST, SECOND, length=9001)),
        bool,
    ),
    "a packet that just fits": (
        lambda found: between(found, packet(FIRST, SECOND, protocol=17, length=8500)),
        bool,
    ),
}


@pytest.mark.parametrize(("ask", "change"), PASSES.values(), ids=PASSES)
def test_it_carries_the_packet(ask: Ask, change: Callable[[Answers], object]) -> None:
    found = transit()
    change(found)
    assert ask(found) == []


ROWS = {
    "the gateway is being deleted": Row(
        to_second,
        lambda found: gateway(found, State="deleting"),
        "aws.gateway.unusable",
        ("the transit gateway tgw-1 is deleting", "10.0.2.0/24 via tgw-1"),
    ),
    "the sender's VPC has no attachment": Row(
        to_second,
        lambda found: found["TransitGatewayVpcAttachments"].pop(0),
        "aws.transit-gateway.attachment",
        ("vpc-1 has no attachment to the transit gateway tgw-1",),
    ),
    "the attachment waits for its acceptance": Row(
        to_second,
        lambda found: near(found).update(State="pendingAcceptance"),
        "aws.transit-gateway.attachment",
        ("the attachment tgw-attach-1 (vpc-1) of vpc-1 to tgw-1 is pendingAcceptance",),
    ),
    "the far attachment has failed": Row(
        to_second,
        lambda found: far(found).update(State="failed"),
        "aws.transit-gateway.attachment",
        ("the attachment tgw-attach-2 (vpc-2) of vpc-2 to tgw-1 is failed",),
    ),
    "the attachment is associated with no table": Row(
        to_second,
        lambda found: found["TransitGatewayAttachments"][0].pop("Association"),
        "aws.transit-gateway.attachment",
        ("tgw-attach-1 (vpc-1) of vpc-1 is associated with no route table",),
    ),
    "the attachment is not yet associated": Row(
        to_second,
        lambda found: found["TransitGatewayAttachments"][0]["Association"].update(State="associating"),
        "aws.transit-gateway.attachment",
        ("is associated with no route table",),
    ),
    "no subnet of the attachment in the sender's zone": Row(
        lambda found: between(found, packet(THIRD, SECOND), src="n3"),
        lambda found: None,
        "aws.transit-gateway.zone",
        (
            "has no subnet in eu-west-1c, where subnet-c is",
            "subnets of the attachment: subnet-near-a in eu-west-1a, subnet-near-b in eu-west-1b",
        ),
    ),
    "no subnet of the far attachment in the answer's zone": Row(
        answer,
        lambda found: far(found).update(SubnetIds=["subnet-far-b"]),
        "aws.transit-gateway.zone",
        ("tgw-attach-2 (vpc-2) of vpc-2 has no subnet in eu-west-1a",),
    ),
    "the gateway's table has no route": Row(
        to_second,
        lambda found: transit_routes(found).pop(),
        "aws.transit-gateway.no-route",
        (
            "tgw-rtb-1, the route table of the attachment tgw-attach-1 (vpc-1), has no route to 10.0.2.10",
            "tgw-rtb-1: 10.0.1.0/24 via tgw-attach-1 of vpc-1 (propagated)",
        ),
    ),
    "the far VPC does not propagate to the table": Row(
        to_second,
        lambda found: (
            transit_routes(found).pop(),
            found["TransitGatewayPropagations"][0]["TransitGatewayRouteTablePropagations"].pop(),
        ),
        "aws.transit-gateway.no-route",
        ("tgw-attach-2 (vpc-2) of vpc-2, which has the address, does not propagate to it",),
    ),
    "the way back is not in the table of the far attachment": Row(
        answer,
        lambda found: (
            found["TransitGatewayAttachments"].__setitem__(1, association(FAR_ATTACHMENT, FAR, "tgw-rtb-2")),
            add(found, "TransitGatewayRoutes", {"TransitGatewayRouteTableId": "tgw-rtb-2", "Routes": []}),
        ),
        "aws.transit-gateway.no-route",
        ("tgw-rtb-2, the route table of the attachment tgw-attach-2 (vpc-2), has no route to 10.0.1.10",),
    ),
    "a blackhole is more specific": Row(
        to_second,
        lambda found: transit_routes(found).append(transit_route("10.0.2.0/25")),
        "aws.transit-gateway.blackhole",
        ("tgw-rtb-1: 10.0.2.0/25 blackhole (static)",),
    ),
    "a static blackhole comes before the propagated route": Row(
        to_second,
        lambda found: transit_routes(found).append(transit_route("10.0.2.0/24")),
        "aws.transit-gateway.blackhole",
        ("10.0.2.0/24 blackhole (static)",),
    ),
    "a static route comes before that of a prefix list": Row(
        to_second,
        lambda found: (
            transit_routes(found).append(
                {**transit_route("10.0.2.0/24", FAR_ATTACHMENT, FAR), "PrefixListId": "pl-1"}
            ),
            transit_routes(found).append(transit_route("10.0.2.0/24")),
        ),
        "aws.transit-gateway.blackhole",
    ),
    "the ACL of the near attachment's subnet": Row(
        to_second,
        lambda found: deny(found, "acl-near", egress=False),
        "aws.network-acl.ingress",
        ("the network ACL acl-near of subnet-near-a denies tcp 80 from 10.0.1.10",),
    ),
    "the ACL of the far attachment's subnet": Row(
        to_second,
        lambda found: deny(found, "acl-far-a", egress=True),
        "aws.network-acl.egress",
        ("the network ACL acl-far-a of subnet-far-a denies tcp 80 to 10.0.2.10",),
    ),
    "the ACL of the near attachment's subnet, where the node is, too": Row(
        to_second,
        lambda found: deny(in_the_attachments_subnet(found), "acl-near", egress=False),
        "aws.network-acl.ingress",
        ("acl-near of subnet-near-a",),
    ),
    "the ACL of the receiver's subnet": Row(
        to_second,
        lambda found: (
            found["NetworkAcls"][0]["Associations"].remove({"SubnetId": "subnet-b"}),
            add(found, "NetworkAcls", acl("acl-b", "subnet-b")),
            deny(found, "acl-b", egress=False),
        ),
        "aws.network-acl.ingress",
        ("acl-b of subnet-b denies tcp 80 from 10.0.1.10",),
    ),
    "groups do not refer to those of another VPC": Row(
        to_second,
        only_groups,
        "aws.security-group.ingress",
        ("all from sg-nodes (nodes) (does not count: tgw-1 has SecurityGroupReferencingSupport: disable)",),
    ),
    "the attachment does not let groups be referred to": Row(
        to_second,
        lambda found: options(referring(found), near, SecurityGroupReferencingSupport="disable"),
        "aws.security-group.ingress",
        ("does not count: tgw-attach-1 (vpc-1) has SecurityGroupReferencingSupport: disable",),
    ),
    "outbound rules never refer to groups of another VPC": Row(
        to_second,
        lambda found: referring(found)["SecurityGroups"][0].update(
            IpPermissionsEgress=[permission(groups=["sg-nodes"])]
        ),
        "aws.security-group.egress",
        ("all to sg-nodes (nodes) (does not count: tgw-1 knows references of inbound rules only)",),
    ),
    "the far attachment's subnet leads elsewhere": Row(
        to_second,
        lambda found: add(
            found,
            "RouteTables",
            {
                "RouteTableId": "rtb-far-a",
                "VpcId": FAR,
                "Associations": [{"SubnetId": "subnet-far-a"}],
                "Routes": [{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "vpce-1"}],
            },
        ),
        "aws.route.elsewhere",
        ("subnet-far-a leads 10.0.2.10 to vpce-1, not to eni-2",),
    ),
    "a machine of the far VPC that its groups guard": Row(
        lambda found: leaving(found, packet(FIRST, DATABASE, 5432)),
        lambda found: (
            database(found)["NetworkInterfaces"][-1].update(Groups=[{"GroupId": "sg-db"}]),
            add(found, "SecurityGroups", {"GroupId": "sg-db", "GroupName": "db", "IpPermissions": []}),
        ),
        "aws.security-group.ingress",
        ("no rule of the security groups of eni-7 (sg-db (db)) permits tcp 5432 from 10.0.1.10",),
    ),
    "an address of the far VPC that nobody has": Row(
        lambda found: leaving(found, packet(FIRST, DATABASE, 5432)),
        lambda found: None,
        "aws.beyond",
        ("10.0.2.77 is beyond tgw-1 in vpc-2: no network interface with 10.0.2.77 is known in vpc-2",),
    ),
    "beyond a VPN connection": Row(
        lambda found: leaving(found, packet(FIRST, PREMISES)),
        lambda found: beyond(found, "vpn"),
        "aws.beyond",
        ("172.31.0.9 is beyond a VPN connection", "172.31.0.0/16 via tgw-attach-9 of x-9 (static)"),
    ),
    "beyond a Direct Connect gateway": Row(
        lambda found: leaving(found, packet(FIRST, PREMISES)),
        lambda found: beyond(found, "direct-connect-gateway"),
        "aws.beyond",
        ("172.31.0.9 is beyond a Direct Connect gateway",),
    ),
    "beyond a peered transit gateway": Row(
        lambda found: leaving(found, packet(FIRST, PREMISES)),
        lambda found: beyond(found, "peering"),
        "aws.beyond",
        ("beyond another transit gateway that this one is peered with",),
    ),
    "beyond a VPC without nodes": Row(
        lambda found: leaving(found, packet(FIRST, PREMISES)),
        lambda found: beyond(found, "vpc"),
        "aws.beyond",
        ("172.31.0.9 is in x-9, and nothing of that was collected",),
    ),
    "the gateway leads to a third VPC, an inspecting one perhaps": Row(
        to_second,
        lambda found: (
            transit_routes(found).append(transit_route("10.0.2.0/24", "tgw-attach-3", "vpc-3")),
            add(found, "TransitGatewayVpcAttachments", attachment("tgw-attach-3", "vpc-3", "subnet-x")),
        ),
        "aws.beyond",
        ("tgw-1 leads 10.0.2.10 to vpc-3, and whether that sends it on to eni-2 in vpc-2",),
    ),
    "a packet that is too large for it": Row(
        lambda found: between(found, packet(FIRST, SECOND, 8472, **LARGE)),
        lambda found: None,
        "aws.transit-gateway.size",
        ("the packet has 8501 bytes, the transit gateway tgw-1 carries 8500",),
    ),
    "it may come out by either zone, and the ACLs differ": Row(
        to_second,
        lambda found: deny(
            options(found, far, ApplianceModeSupport="enable"), "acl-far-b", egress=True
        ),
        "aws.unknown",
        ("by which of subnet-far-a, subnet-far-b the packet comes out into vpc-2 is not known",),
    ),
    "it may come out by either zone, and no ACL lets it": Row(
        to_second,
        lambda found: deny(
            deny(options(found, far, ApplianceModeSupport="enable"), "acl-far-b", egress=True),
            "acl-far-a",
            egress=True,
        ),
        "aws.network-acl.egress",
    ),
    "the far VPC has no subnet in the zone, and its ACL denies": Row(
        to_second,
        lambda found: (
            far(found).update(SubnetIds=["subnet-far-b"]),
            deny(found, "acl-far-b", egress=True),
        ),
        "aws.network-acl.egress",
        ("acl-far-b of subnet-far-b",),
    ),
    "the table has more routes than were collected": Row(
        to_second,
        lambda found: found["TransitGatewayRoutes"][0].update(AdditionalRoutesAvailable=True),
        "aws.unknown",
        ("tgw-rtb-1 has more routes than the 3 that were collected",),
    ),
    "a thousand routes of which nobody says that they are all": Row(
        to_second,
        lambda found: found["TransitGatewayRoutes"].__setitem__(
            0, {"TransitGatewayRouteTableId": TABLE, "Routes": [transit_route("10.9.0.0/16")] * 1000}
        ),
        "aws.unknown",
        ("tgw-rtb-1 has more routes than the 1000 that were collected",),
    ),
    "a route for a prefix list that was not collected": Row(
        to_second,
        lambda found: transit_routes(found).append({**transit_route("", "x"), "PrefixListId": "pl-9"}),
        "aws.unknown",
        ("tgw-rtb-1 has a route for a prefix list, and pl-9 is not among the PrefixLists",),
    ),
    "the sender is in a Local Zone": Row(
        to_second,
        lambda found: found["Subnets"][0].update(AvailabilityZone="eu-west-1-ath-1a"),
        "aws.unknown",
        ("subnet-a is in eu-west-1-ath-1a, whose way to a transit gateway is not modelled",),
    ),
    "references to groups of which nobody says whether they count": Row(
        to_second,
        lambda found: gateway(only_groups(found), Options={}),
        "aws.unknown",
        ("whether tgw-1 supports references to security groups is not known",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_one_thing_is_wrong(row: Row) -> None:
    row.holds(transit())


def test_of_a_gateway_that_was_not_collected_everything_is_beyond() -> None:
    found = transit()
    del found["TransitGateways"]
    (finding,) = to_second(found)
    assert (finding.code, finding.effect) == ("aws.beyond", "unknown")
    assert "10.0.2.10 is beyond a transit gateway, and nothing beyond it was collected" in finding.message


WHOLE_KINDS = {
    "TransitGatewayVpcAttachments": "no TransitGatewayVpcAttachments of AWS were collected",
    "TransitGatewayAttachments": "tgw-attach-1 is not known: no TransitGatewayAttachments",
    "TransitGatewayRoutes": "the routes of tgw-rtb-1 are not known: tgw-rtb-1 is not known",
    "Subnets": "no Subnets of AWS were collected",
}


@pytest.mark.parametrize(("kind", "words"), WHOLE_KINDS.items(), ids=WHOLE_KINDS)
def test_a_list_that_was_not_collected_is_unknown(kind: str, words: str) -> None:
    found = transit()
    del found[kind]
    (finding,) = to_second(found)
    assert (finding.code, finding.effect) == ("aws.unknown", "unknown")
    assert words in finding.message


def test_what_may_not_be_asked_names_the_call() -> None:
    found: Any = {**transit(), "NextToken": "more"}
    found["TransitGatewayVpcAttachments"] = []
    (finding,) = to_second(found)
    assert finding.effect == "unknown"
    assert "TransitGatewayVpcAttachments: vpc.json lacks the pages after its first" in finding.message


def test_ipv6_is_carried_where_both_attachments_are_told_to() -> None:
    found = transit()
    for table, network in ((0, "fd00:2::/64"), (2, "fd00:1::/64")):
        route = {"DestinationIpv6CidrBlock": network, "TransitGatewayId": GATEWAY, "State": "active"}
        found["RouteTables"][table]["Routes"].append(route)
    local = {"DestinationIpv6CidrBlock": "fd00:2::/64", "GatewayId": "local", "State": "active"}
    found["RouteTables"][2]["Routes"].append(local)
    for number, one in enumerate(found["NetworkInterfaces"][:2], 1):
        one["Ipv6Addresses"] = [{"Ipv6Address": f"fd00:{number}::10"}]
    everything = {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    found["SecurityGroups"][0]["IpPermissions"].append(everything)
    found["SecurityGroups"][0]["IpPermissionsEgress"].append(everything)
    for one in found["NetworkAcls"]:
        for egress in (False, True):
            allow = {"RuleNumber": 101, "Protocol": "-1", "RuleAction": "allow", "Egress": egress}
            one["Entries"].append({**allow, "Ipv6CidrBlock": "::/0"})
    transit_routes(found).append(transit_route("fd00:2::/64", FAR_ATTACHMENT, FAR))
    six = replace(TO_SECOND, src=ip_address("fd00:1::10"), dst=ip_address("fd00:2::10"))
    (finding,) = between(found, six)
    assert finding.code == "aws.transit-gateway.attachment"
    assert "the attachment tgw-attach-1 (vpc-1) of vpc-1 carries no IPv6" in finding.message
    options(options(found, near, Ipv6Support="enable"), far, Ipv6Support="enable")
    assert between(found, six) == []


def test_an_address_beyond_it_is_led_to_the_interface_there() -> None:
    found = transit()
    vpc = shim(found)
    assert vpc.interface_of(node("n1"), TO_SECOND) == TO_SECOND.dst_mac
    found["RouteTables"][0]["Routes"].append(to_gateway("10.244.2.0/24"))
    found["RouteTables"][2]["Routes"].append(
        {"DestinationCidrBlock": "10.244.2.0/24", "InstanceId": "i-n2", "State": "active"}
    )
    transit_routes(found).append(transit_route("10.244.2.0/24", FAR_ATTACHMENT, FAR))
    to_a_pod = packet(FIRST, "10.244.2.2")
    assert shim(found).interface_of(node("n1"), to_a_pod) == TO_SECOND.dst_mac
    transit_routes(found).pop()
    assert shim(found).interface_of(node("n1"), to_a_pod) == ""


def test_pods_are_routed_behind_their_nodes_of_two_vpcs() -> None:
    found = transit()
    for one in found["NetworkInterfaces"][:2]:
        one.update(SourceDestCheck=False)
    found["RouteTables"][0]["Routes"].append(to_gateway("10.244.2.0/24"))
    found["SecurityGroups"][0]["IpPermissions"].append(permission(cidrs=["10.244.0.0/16"]))
    transit_routes(found).append(transit_route("10.244.2.0/24", FAR_ATTACHMENT, FAR))
    sent = packet("10.244.1.2", "10.244.2.2", src_mac=TO_SECOND.src_mac, dst_mac=TO_SECOND.dst_mac)
    (finding,) = between(found, sent)
    assert finding.code == "aws.route.none"
    assert "the route table rtb-far of subnet-far-a has no route to 10.244.2.2" in finding.message
    route = {"DestinationCidrBlock": "10.244.2.0/24", "InstanceId": "i-n2", "State": "active"}
    found["RouteTables"][2]["Routes"].append(route)
    assert between(found, sent) == []


CIDRS = ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "10.0.2.0/24", "10.0.2.10/32"]
KINDS = ["static", "list", "vpc", "direct-connect-gateway", "connect", "vpn", "peering"]
"""Who wrote a route, the first first."""


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.sampled_from(CIDRS), st.sampled_from(KINDS)), max_size=6, unique=True),
    st.sampled_from(["10.0.2.10", "10.0.2.11", "10.9.9.9", "192.0.2.80"]),
)
def test_the_longest_prefix_decides_then_who_wrote_the_route(
    routes: list[tuple[str, str]], address: str
) -> None:
    found = transit()
    transit_routes(found)[:] = [_of(cidr, kind) for cidr, kind in routes]
    answer = transit_table.route_of(inventory(found), TABLE, ip_address(address))
    fitting = [one for one in routes if ip_address(address) in ip_network(one[0])]
    if not fitting:
        assert isinstance(answer, NoRoute)
        return
    cidr, kind = max(fitting, key=lambda one: (ip_network(one[0]).prefixlen, -KINDS.index(one[1])))
    assert not isinstance(answer, NoRoute | Unknown)
    assert (answer.destination, answer.attachment) == (cidr, f"to-{kind}")


def _of(cidr: str, kind: str) -> dict[str, Any]:
    if kind in ("static", "list"):
        made = transit_route(cidr, f"to-{kind}", VPC)
        return made if kind == "static" else {**made, "PrefixListId": "pl-1"}
    return transit_route(cidr, f"to-{kind}", "x", of=kind, kind="propagated")


def test_of_two_attachments_the_one_that_works_counts() -> None:
    found = transit()
    gone = {**attachment("tgw-attach-0", VPC, "subnet-near-b"), "State": "deleted"}
    found["TransitGatewayVpcAttachments"].insert(0, gone)
    assert to_second(found) == []

"""What stops a packet in a VPC: each row changes one thing of a healthy VPC, and names what is found."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

from kubectl_skoop.api import Packet, Suspicion, Tracked
from tests.providers.aliyun.vpc import (
    CLIENT,
    FAR,
    FIRST,
    KNOWN,
    NEW,
    SECOND,
    THIRD,
    Answers,
    group,
    healthy,
    hop,
    mac,
    node,
    packet,
    rule,
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


def rules(found: Answers, *rules: dict[str, str], inner: str = "Accept") -> Answers:
    """In place of those of the nodes' group."""
    found["groups"] = [group("sg-nodes", *rules, inner=inner)]
    return found


def eni(found: Answers, index: int) -> dict[str, Any]:
    one: dict[str, Any] = found["NetworkInterfaceSets"]["NetworkInterfaceSet"][index]
    return one


def other_group(found: Answers, *rules: dict[str, str]) -> None:
    """The first node is of another one than the rest, which anybody may leave."""
    eni(found, 0)["SecurityGroupIds"] = {"SecurityGroupId": ["sg-other"]}
    found["groups"].append(group("sg-other", *rules))
    found["SecurityGroups"]["SecurityGroup"].append(
        {"SecurityGroupId": "sg-other", "SecurityGroupType": "normal"}
    )


def enterprise(found: Answers, *own: dict[str, str]) -> None:
    found["SecurityGroups"]["SecurityGroup"][0]["SecurityGroupType"] = "enterprise"
    rules(found, *own)


def route(found: Answers, *entries: dict[str, Any]) -> Answers:
    """In place of the one that has the same destination."""
    gone = {entry["DestinationCidrBlock"] for entry in entries}
    old = found["RouteEntrys"]["RouteEntry"]
    found["RouteEntrys"]["RouteEntry"] = [
        *(one for one in old if one["DestinationCidrBlock"] not in gone),
        *entries,
    ]
    return found


def no_route(found: Answers, destination: str) -> Answers:
    found["RouteEntrys"]["RouteEntry"] = [
        one for one in found["RouteEntrys"]["RouteEntry"] if one["DestinationCidrBlock"] != destination
    ]
    return found


def no_address(found: Answers) -> Answers:
    """The first node's elastic one is gone."""
    found["Instances"]["Instance"][0]["EipAddress"] = {"IpAddress": ""}
    return found


TO_SECOND = packet(FIRST, SECOND)
ANSWER = packet(SECOND, FIRST, 40000, sport=80)
POD_TO_POD = packet(POD, OTHER_POD, src_mac=mac(FIRST), dst_mac=mac(SECOND))
OUT = packet(FIRST, FAR, 443)
OUT_BY_NAT = packet(THIRD, FAR, 443)
IN = packet(CLIENT, FIRST, 30080)
RESOLVER = packet(FIRST, "100.100.2.136", 53, protocol=17)

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
    "no ingress rule": Row(
        lambda found: entering(found, IN),
        rules,
        "aliyun.security-group.ingress",
        (
            "sg-nodes (nodes)) drop tcp 30080 from 203.0.113.7",
            "the rest is dropped",
            "accepts its own interfaces",
        ),
    ),
    "the ingress rule is for other ports": Row(
        lambda found: entering(found, packet(CLIENT, FIRST, 80)),
        lambda found: None,
        "aliyun.security-group.ingress",
        ("sg-nodes (nodes) ingress 1: accept tcp 30000/32767 from 0.0.0.0/0",),
    ),
    "a rule that drops has the same priority": Row(
        lambda found: entering(found, IN),
        lambda found: rules(found, rule("0.0.0.0/0"), rule("203.0.113.0/24", Policy="Drop")),
        "aliyun.security-group.ingress",
        ("sg-nodes (nodes) ingress 1: drop all from 203.0.113.0/24",),
    ),
    "priorities are numbers, not texts": Row(
        lambda found: entering(found, IN),
        lambda found: rules(
            found, rule("0.0.0.0/0", Priority="10"), rule("0.0.0.0/0", Policy="drop", Priority="2")
        ),
        "aliyun.security-group.ingress",
        ("ingress 2: drop all",),
    ),
    "a rule comes before the group's own interfaces": Row(
        lambda found: between(found, TO_SECOND),
        lambda found: rules(found, rule("10.0.1.0/24", "TCP", "80/80", Policy="Drop", Priority="100")),
        "aliyun.security-group.ingress",
        ("ingress 100: drop tcp 80/80 from 10.0.1.0/24",),
    ),
    "both ends of a rule must fit": Row(
        lambda found: entering(found, IN),
        lambda found: rules(found, rule("0.0.0.0/0", DestCidrIp="10.0.9.0/24")),
        "aliyun.security-group.ingress",
        ("accept all from 0.0.0.0/0 at 10.0.9.0/24",),
    ),
    "a source port that is another": Row(
        lambda found: entering(found, IN),
        lambda found: rules(found, rule("0.0.0.0/0", "TCP", "30080/30080", SourcePortRange="1/1024")),
        "aliyun.security-group.ingress",
    ),
    "a rule of the classic network's outer side": Row(
        lambda found: entering(found, IN),
        lambda found: rules(found, rule("0.0.0.0/0", NicType="internet")),
        "aliyun.security-group.ingress",
    ),
    "no group in common": Row(
        lambda found: between(found, TO_SECOND),
        other_group,
        "aliyun.security-group.ingress",
        ("eni-2 (sg-nodes (nodes)) drop tcp 80 from 10.0.1.10",),
    ),
    "the group isolates its interfaces": Row(
        lambda found: between(found, TO_SECOND),
        lambda found: rules(found, inner="Drop"),
        "aliyun.security-group.ingress",
    ),
    "a group does not mean the pods behind its interfaces": Row(
        lambda found: between(found, POD_TO_POD),
        lambda found: rules(found, rule("sg-nodes")),
        "aliyun.security-group.ingress",
        ("from 10.244.1.2", "accept all from sg-nodes"),
    ),
    "an enterprise group does not know its own": Row(
        lambda found: between(found, TO_SECOND),
        lambda found: enterprise(found, rule("0.0.0.0/0", egress=True)),
        "aliyun.security-group.ingress",
        ("an enterprise group drops the rest",),
    ),
    "an enterprise group lets nothing out": Row(
        lambda found: leaving(found, OUT),
        lambda found: enterprise(found, rule("0.0.0.0/0")),
        "aliyun.security-group.egress",
        ("drop tcp 443 to 192.0.2.80", "an enterprise group drops the rest"),
    ),
    "an egress rule drops": Row(
        lambda found: leaving(found, OUT),
        lambda found: rules(
            found, rule("192.0.2.0/24", "TCP", "1/65535", egress=True, Policy="Drop", Priority="7")
        ),
        "aliyun.security-group.egress",
        ("egress 7: drop tcp 1/65535 to 192.0.2.0/24",),
    ),
    "a prefix list without the sender": Row(
        lambda found: entering(found, IN),
        lambda found: (
            rules(found, rule("pl-1")),
            found.update(
                lists=[{"PrefixListId": "pl-1", "Entries": {"Entry": [{"Cidr": "198.51.100.0/24"}]}}]
            ),
        ),
        "aliyun.security-group.ingress",
        ("accept all from pl-1",),
    ),
    "a prefix list that was not collected": Row(
        lambda found: entering(found, IN),
        lambda found: rules(found, rule("pl-1")),
        "aliyun.unknown",
        ("pl-1 is not known: no PrefixLists of Alibaba Cloud were collected",),
    ),
    "a list of ports": Row(
        lambda found: entering(found, IN),
        lambda found: rules(found, rule("0.0.0.0/0", "TCP", "", PortRangeListId="prl-1")),
        "aliyun.unknown",
        ("the ports of the list prl-1 are not modelled",),
    ),
    "a group whose rules were not collected": Row(
        lambda found: entering(found, IN),
        lambda found: eni(found, 0).update(SecurityGroupIds={"SecurityGroupId": ["sg-nodes", "sg-gone"]}),
        "aliyun.unknown",
        ("sg-gone is not among the SecurityGroupRules",),
    ),
    "a priority that is none": Row(
        lambda found: entering(found, IN),
        lambda found: rules(found, rule("0.0.0.0/0", Priority="high")),
        "aliyun.unknown",
        ("an answer of Alibaba Cloud cannot be read",),
    ),
    "the cloud's own services and a group that lets nothing out": Row(
        lambda found: leaving(found, RESOLVER),
        enterprise,
        "aliyun.unknown",
        ("whether security groups are asked for the cloud's own 100.100.2.136",),
    ),
    "the source/destination check on the way out": Row(
        lambda found: between(found, POD_TO_POD),
        lambda found: eni(found, 0).update(SourceDestCheck=True),
        "aliyun.source-dest-check",
        ("the packet's source 10.244.1.2", "SourceDestCheck: true"),
    ),
    "the source/destination check on the way in": Row(
        lambda found: between(found, POD_TO_POD),
        lambda found: eni(found, 1).update(SourceDestCheck=True),
        "aliyun.source-dest-check",
        ("the packet's destination 10.244.2.2", "i-n2"),
    ),
    "no route to a pod network": Row(
        lambda found: between(found, POD_TO_POD),
        lambda found: (no_route(found, "10.244.2.0/24"), no_route(found, "0.0.0.0/0")),
        "aliyun.route.none",
        ("vtb-1 of vsw-a has no route to 10.244.2.2",),
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
    "a vSwitch with a network ACL": Row(
        lambda found: between(found, TO_SECOND),
        lambda found: found["VSwitches"]["VSwitch"][1].update(NetworkAclId="nacl-1"),
        "aliyun.unknown",
        ("what the network ACL nacl-1 of vsw-b says is not modelled",),
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
    found = healthy()
    row.change(found)
    (finding,) = row.ask(found)
    assert finding.code == row.code, finding
    text = " | ".join((finding.message, *finding.evidence))
    for word in row.words:
        assert word in text
    unknown = row.code in ("aliyun.unknown", "aliyun.beyond")
    assert finding.effect == ("unknown" if unknown else "stops")
    assert unknown or finding.remedy


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


def test_a_known_connection_passes_the_groups_whatever_they_say_now() -> None:
    found = healthy()
    enterprise(found)
    assert between(found, ANSWER, KNOWN, "n2", "n1") == []


def test_a_rule_that_accepts_decides_before_what_is_unknown_and_comes_later() -> None:
    found = healthy()
    rules(found, rule("0.0.0.0/0"), rule("pl-1", Policy="Drop", Priority="2"))
    assert entering(found, IN) == []
    rules(found, rule("0.0.0.0/0"), rule("pl-1", Policy="Drop"))
    assert [one.effect for one in entering(found, IN)] == ["unknown"]


def test_a_rule_for_a_group_lets_its_interfaces_in() -> None:
    found = healthy()
    other_group(found)
    found["groups"][0]["Permissions"]["Permission"].append(rule("sg-other", "TCP", "80/80"))
    assert between(found, TO_SECOND) == []


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

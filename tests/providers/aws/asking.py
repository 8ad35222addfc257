"""What is asked of a VPC, and how one thing of it is changed."""

from collections.abc import Sequence
from typing import Any

from kubectl_skoop.api import Packet, Suspicion, Tracked
from tests.providers.aws.vpc import (
    CLIENT,
    FAR,
    FIRST,
    NEW,
    SECOND,
    THIRD,
    VPC,
    Answers,
    entry,
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


def peered(found: Answers) -> Answers:
    """The second node is in a VPC of its own, at the other end of a peering connection."""
    found["Vpcs"] = [
        {
            "VpcId": VPC,
            "CidrBlock": "10.0.1.0/24",
            "CidrBlockAssociationSet": [{"CidrBlock": "10.0.3.0/24"}],
        },
        {"VpcId": "vpc-2", "CidrBlock": "10.0.2.0/24"},
    ]
    found["NetworkInterfaces"][1].update(VpcId="vpc-2")
    found["Subnets"][1].update(VpcId="vpc-2")
    public = found["RouteTables"][0]
    public["Associations"] = [{"SubnetId": "subnet-a"}]
    by_peering = {"VpcPeeringConnectionId": "pcx-1", "State": "active"}
    public["Routes"] = [
        {"DestinationCidrBlock": "10.0.1.0/24", "GatewayId": "local", "State": "active"},
        {"DestinationCidrBlock": "10.0.2.0/24", **by_peering},
    ]
    found["RouteTables"].append(
        {
            "RouteTableId": "rtb-2",
            "VpcId": "vpc-2",
            "Associations": [{"SubnetId": "subnet-b"}],
            "Routes": [
                {"DestinationCidrBlock": "10.0.2.0/24", "GatewayId": "local", "State": "active"},
                {"DestinationCidrBlock": "10.0.1.0/24", **by_peering},
            ],
        }
    )
    ends = {"RequesterVpcInfo": {"VpcId": VPC}, "AccepterVpcInfo": {"VpcId": "vpc-2"}}
    connection = {"VpcPeeringConnectionId": "pcx-1", "Status": {"Code": "active"}, **ends}
    return add(found, "VpcPeeringConnections", connection)


TO_SECOND = packet(FIRST, SECOND)


ANSWER = packet(SECOND, FIRST, 40000, sport=80)


POD_TO_POD = packet(
    POD, OTHER_POD, src_mac=packet(FIRST, SECOND).src_mac, dst_mac=packet(FIRST, SECOND).dst_mac
)


OUT = packet(FIRST, FAR, 443)


OUT_BY_NAT = packet(THIRD, FAR, 443)


IN = packet(CLIENT, FIRST, 30080)


INGRESS_SHUT = (permission(groups=["sg-nodes"]),)


def _untie_group(found: Answers) -> None:
    found["NetworkInterfaces"][0]["Groups"] = [{"GroupId": "sg-other"}]
    found["SecurityGroups"].append(
        {
            "GroupId": "sg-other", "GroupName": "other", "VpcId": VPC, "IpPermissions": [],
            "IpPermissionsEgress": [permission(cidrs=["0.0.0.0/0"])],
        }
    )  # fmt: skip

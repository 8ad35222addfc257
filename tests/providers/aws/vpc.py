"""Answers of EC2 and ELB about a small VPC, in the shape of the public API documentation (made by hand).

Two public subnets, one private one; a node in each; an elastic address; a NAT gateway in the first.
"""

import copy
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from kubectl_skoop.api import InfraFile, NodeInfo, Packet, Protocol, Tracked
from kubectl_skoop.model.packet import TcpFlags
from kubectl_skoop.providers.aws import answers
from kubectl_skoop.providers.aws.inventory import Inventory
from kubectl_skoop.providers.aws.shim import shim as shim_of
from kubectl_skoop.providers.vpc_shim import VpcShim

VPC = "vpc-1"
Answers = dict[str, list[dict[str, Any]]]
"""By kind, in the shape in which `describe-…` prints them."""
FIRST, SECOND, THIRD = "10.0.1.10", "10.0.2.10", "10.0.3.10"
"""Of nodes in the subnets a and b, which are public, and c, which is private."""
PUBLIC = {FIRST: "198.51.100.10", SECOND: "198.51.100.20"}
CLIENT, FAR = "203.0.113.7", "192.0.2.80"
NEW, KNOWN = Tracked(), Tracked(source=True, destination=True)


def mac(address: str) -> str:
    return "02:0a:00:" + ":".join(f"{int(part):02x}" for part in address.split(".")[1:])


def node(name: str) -> NodeInfo:
    address = {"n1": FIRST, "n2": SECOND, "n3": THIRD}[name]
    return NodeInfo(
        {
            "metadata": {"name": name},
            "spec": {"providerID": f"aws:///eu-west-1a/i-{name}"},
            "status": {"addresses": [{"type": "InternalIP", "address": address}]},
        }
    )


def permission(protocol: str = "-1", low: int = 0, high: int = 0, **peers: list[str]) -> dict[str, Any]:
    """`cidrs`, `groups`, `lists`."""
    made: dict[str, Any] = {
        "IpProtocol": protocol,
        "IpRanges": [{"CidrIp": one} for one in peers.get("cidrs", ())],
        "Ipv6Ranges": [],
        "PrefixListIds": [{"PrefixListId": one} for one in peers.get("lists", ())],
        "UserIdGroupPairs": [{"GroupId": one, "UserId": "123456789012"} for one in peers.get("groups", ())],
    }
    return made if protocol == "-1" else {**made, "FromPort": low, "ToPort": high}


def entry(
    number: int,
    action: str,
    protocol: str = "-1",
    ports: tuple[int, int] | None = None,
    *,
    cidr: str = "0.0.0.0/0",
    egress: bool = False,
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "RuleNumber": number,
        "Protocol": protocol,
        "RuleAction": action,
        "Egress": egress,
        "CidrBlock": cidr,
    }
    return made if ports is None else {**made, "PortRange": {"From": ports[0], "To": ports[1]}}


def interface(number: int, address: str, subnet: str, instance: str = "", **more: Any) -> dict[str, Any]:
    public = {"Association": {"PublicIp": PUBLIC[address]}} if address in PUBLIC else {}
    return {
        "NetworkInterfaceId": f"eni-{number}",
        "MacAddress": mac(address),
        "VpcId": VPC,
        "SubnetId": subnet,
        "Description": "",
        "SourceDestCheck": True,
        "PrivateIpAddress": address,
        "PrivateIpAddresses": [{"PrivateIpAddress": address, "Primary": True, **public}],
        "Groups": [{"GroupId": "sg-nodes", "GroupName": "nodes"}],
        **({"Attachment": {"InstanceId": instance, "DeviceIndex": 0}} if instance else {}),
        **more,
    }


def healthy() -> Answers:
    """Everything between the nodes and out is let through, from outside TCP 30000-32767."""
    route = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}
    out = {"DestinationCidrBlock": "0.0.0.0/0", "State": "active"}
    both = [
        entry(100, "allow"), entry(32767, "deny"),
        entry(100, "allow", egress=True), entry(32767, "deny", egress=True),
    ]  # fmt: skip
    return copy.deepcopy({
        "Vpcs": [{"VpcId": VPC, "CidrBlock": "10.0.0.0/16"}],
        "Subnets": [
            {"SubnetId": f"subnet-{name}", "VpcId": VPC, "CidrBlock": f"10.0.{number}.0/24"}
            for number, name in enumerate("abc", 1)
        ],
        "NetworkInterfaces": [
            interface(1, FIRST, "subnet-a", "i-n1"),
            interface(2, SECOND, "subnet-b", "i-n2"),
            interface(3, THIRD, "subnet-c", "i-n3"),
        ],
        "SecurityGroups": [
            {
                "GroupId": "sg-nodes",
                "GroupName": "nodes",
                "VpcId": VPC,
                "IpPermissions": [
                    permission(groups=["sg-nodes"]),
                    permission("tcp", 30000, 32767, cidrs=["0.0.0.0/0"]),
                ],
                "IpPermissionsEgress": [permission(cidrs=["0.0.0.0/0"])],
            },
        ],
        "NetworkAcls": [
            {
                "NetworkAclId": "acl-1",
                "VpcId": VPC,
                "Associations": [{"SubnetId": f"subnet-{name}"} for name in "abc"],
                "Entries": both,
                "Tags": [{"Key": "Name", "Value": "all"}],
            },
        ],
        "RouteTables": [
            {
                "RouteTableId": "rtb-public",
                "VpcId": VPC,
                "Associations": [{"SubnetId": "subnet-a"}, {"SubnetId": "subnet-b"}],
                "Routes": [route, {**out, "GatewayId": "igw-1"}],
            },
            {
                "RouteTableId": "rtb-main",
                "VpcId": VPC,
                "Associations": [{"Main": True}],
                "Routes": [route, {**out, "NatGatewayId": "nat-1"}],
            },
        ],
        "InternetGateways": [
            {"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": VPC, "State": "available"}]}
        ],
        "NatGateways": [
            {
                "NatGatewayId": "nat-1", "State": "available", "SubnetId": "subnet-a", "VpcId": VPC,
                "ConnectivityType": "public",
            }
        ],
        "VpcPeeringConnections": [],
        "PrefixLists": [],
        "LoadBalancers": [],
    })  # fmt: skip


def section(found: Mapping[str, object]) -> Mapping[str, object]:
    """As `gather` gives it, from one file."""
    import json

    return answers.read([InfraFile("vpc.json", json.dumps(found).encode())])


def inventory(found: Mapping[str, object]) -> Inventory:
    made = section(found)
    gaps, resources = made["gaps"], made["resources"]
    assert isinstance(gaps, dict)
    assert isinstance(resources, dict)
    return Inventory(resources, gaps)


def shim(found: Mapping[str, object]) -> VpcShim[Inventory]:
    return shim_of(lambda: section(found))


def packet(
    src: str, dst: str, dport: int = 80, *, protocol: int = Protocol.TCP, sport: int = 40000, **more: Any
) -> Packet:
    """On the wire at the interfaces of its addresses."""
    macs = {"src_mac": mac(src), "dst_mac": mac(dst)}
    return Packet(
        src=ip_address(src), dst=ip_address(dst), protocol=protocol, sport=sport, dport=dport,
        flags=TcpFlags.SYN, **{**macs, **more},
    )  # fmt: skip

"""Answers of ECS and VPC about a small VPC, in the shape of the public API documentation (made by hand).

Three vSwitches with one route table and a node in each; the nodes of the first two have elastic addresses,
the third one leaves by a NAT gateway. Pods of 10.244.0.0/16 are routed to their nodes.
"""

import copy
import json
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from kubectl_skoop.api import InfraFile, NodeInfo, Packet, Protocol, Tracked
from kubectl_skoop.model.packet import TcpFlags
from kubectl_skoop.providers.aliyun import answers
from kubectl_skoop.providers.aliyun.inventory import Inventory
from kubectl_skoop.providers.aliyun.shim import shim as shim_of
from kubectl_skoop.providers.vpc_shim import VpcShim

VPC, TABLE = "vpc-1", "vtb-1"
Answers = dict[str, Any]
"""Answers by the operation that gives them; of those about one thing a list."""
FIRST, SECOND, THIRD = "10.0.1.10", "10.0.2.10", "10.0.3.10"
"""Of nodes in the vSwitches a, b and c."""
PUBLIC = {FIRST: "198.51.100.10", SECOND: "198.51.100.20"}
CLIENT, FAR = "203.0.113.7", "192.0.2.80"
NEW, KNOWN = Tracked(), Tracked(source=True, destination=True)


def mac(address: str) -> str:
    return "00:16:3e:" + ":".join(f"{int(part):02x}" for part in address.split(".")[1:])


def node(name: str) -> NodeInfo:
    address = {"n1": FIRST, "n2": SECOND, "n3": THIRD}[name]
    return NodeInfo(
        {
            "metadata": {"name": name},
            "spec": {"providerID": f"cn-hangzhou.i-{name}"},
            "status": {"addresses": [{"type": "InternalIP", "address": address}]},
        }
    )


def rule(
    far: str, protocol: str = "ALL", ports: str = "-1/-1", *, egress: bool = False, **more: str
) -> dict[str, str]:
    """As the API answers: fields that a rule does not have are empty. `far`: a network, `sg-…` or `pl-…`."""
    side = "Dest" if egress else "Source"
    field = {"sg-": "GroupId", "pl-": "PrefixListId"}.get(far[:3], "CidrIp")
    empty = ("SourceCidrIp", "SourceGroupId", "SourcePrefixListId", "DestCidrIp", "DestGroupId")
    return {
        **dict.fromkeys((*empty, "DestPrefixListId", "Ipv6SourceCidrIp", "Ipv6DestCidrIp"), ""),
        "Direction": "egress" if egress else "ingress",
        "Policy": "Accept",
        "Priority": "1",
        "NicType": "intranet",
        "IpProtocol": protocol,
        "PortRange": ports,
        "Description": "",
        side + field: far,
        **more,
    }


def group(key: str, *rules: dict[str, str], inner: str = "Accept") -> dict[str, Any]:
    return {
        "SecurityGroupId": key,
        "SecurityGroupName": key.removeprefix("sg-"),
        "InnerAccessPolicy": inner,
        "RegionId": "cn-hangzhou",
        "Permissions": {"Permission": list(rules)},
    }


def interface(number: int, address: str, vswitch: str, instance: str, **more: Any) -> dict[str, Any]:
    return {
        "NetworkInterfaceId": f"eni-{number}",
        "MacAddress": mac(address),
        "VpcId": VPC,
        "VSwitchId": vswitch,
        "InstanceId": instance,
        "Type": "Primary",
        "Status": "InUse",
        "PrivateIpAddress": address,
        "AssociatedPublicIp": {},
        "PrivateIpSets": {"PrivateIpSet": [{"PrivateIpAddress": address, "Primary": True}]},
        "SecurityGroupIds": {"SecurityGroupId": ["sg-nodes"]},
        **more,
    }


def instance(name: str, address: str, vswitch: str) -> dict[str, Any]:
    return {
        "InstanceId": f"i-{name}",
        "VpcAttributes": {
            "VpcId": VPC,
            "VSwitchId": vswitch,
            "PrivateIpAddress": {"IpAddress": [address]},
        },
        "EipAddress": {"IpAddress": PUBLIC.get(address, ""), "AllocationId": ""},
        "PublicIpAddress": {"IpAddress": []},
        "SecurityGroupIds": {"SecurityGroupId": ["sg-nodes"]},
    }


def hop(destination: str, kind: str, target: str = "") -> dict[str, Any]:
    return {
        "RouteTableId": TABLE,
        "DestinationCidrBlock": destination,
        "Status": "Available",
        "Type": "System" if kind in ("local", "service") else "Custom",
        "NextHops": {"NextHop": [{"NextHopType": kind, "NextHopId": target}]},
    }


def healthy() -> Answers:
    """Nodes reach each other, each is let out, from outside TCP 30000-32767 is let in."""
    nodes = (("n1", FIRST, "vsw-a"), ("n2", SECOND, "vsw-b"), ("n3", THIRD, "vsw-c"))
    return copy.deepcopy({
        "Instances": {"Instance": [instance(*one) for one in nodes]},
        "NetworkInterfaceSets": {
            "NetworkInterfaceSet": [
                interface(number, address, vswitch, f"i-{name}")
                for number, (name, address, vswitch) in enumerate(nodes, 1)
            ]
        },
        "Vpcs": {"Vpc": [{"VpcId": VPC, "CidrBlock": "10.0.0.0/16"}]},
        "VSwitches": {
            "VSwitch": [
                {
                    "VSwitchId": f"vsw-{name}", "VpcId": VPC, "CidrBlock": f"10.0.{number}.0/24",
                    "NetworkAclId": "", "RouteTable": {"RouteTableId": TABLE, "RouteTableType": "System"},
                }
                for number, name in enumerate("abc", 1)
            ]
        },
        "RouteEntrys": {
            "RouteEntry": [
                *(hop(f"10.0.{number}.0/24", "local") for number in (1, 2, 3)),
                *(hop(f"10.244.{number}.0/24", "Instance", f"i-n{number}") for number in (1, 2, 3)),
                hop("100.64.0.0/10", "service"),
                hop("0.0.0.0/0", "NatGateway", "ngw-1"),
            ]
        },
        "NatGateways": {
            "NatGateway": [
                {
                    "NatGatewayId": "ngw-1", "VpcId": VPC, "Status": "Available", "BusinessStatus": "Normal",
                    "NetworkType": "internet", "SnatTableIds": {"SnatTableId": ["stb-1"]},
                }
            ]
        },
        "SnatTableEntries": {
            "SnatTableEntry": [
                {
                    "SnatEntryId": "snat-1", "SnatTableId": "stb-1", "SourceCIDR": "10.0.3.0/24",
                    "SourceVSwitchId": "vsw-c", "SnatIp": "198.51.100.30", "Status": "Available",
                }
            ]
        },
        "SecurityGroups": {
            "SecurityGroup": [
                {"SecurityGroupId": "sg-nodes", "SecurityGroupName": "nodes", "SecurityGroupType": "normal"}
            ]
        },
        "groups": [
            group("sg-nodes", rule("0.0.0.0/0", "TCP", "30000/32767"), rule("10.244.0.0/16", Priority="10"))
        ],
    })  # fmt: skip


def documents(found: Answers) -> str:
    """As a loop over `aliyun` prints them; under `groups` and `lists` there is one for each entry."""
    several = [one for key in ("groups", "lists") for one in found.get(key, ())]
    single = [{key: value} for key, value in found.items() if key not in ("groups", "lists")]
    return "\n".join(json.dumps(one) for one in [*several, *single])


def inventory(found: Answers) -> Inventory:
    made = section(found)
    gaps, resources = made["gaps"], made["resources"]
    assert isinstance(gaps, dict)
    assert isinstance(resources, dict)
    return Inventory(resources, gaps)


def section(found: Answers) -> Mapping[str, object]:
    """As `gather` gives it, from one file."""
    return answers.read([InfraFile("vpc.json", documents(found).encode())])


def shim(found: Answers) -> VpcShim[Inventory]:
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

"""What is kept of the answers of ECS and VPC, by kind."""

from collections.abc import Mapping

from kubectl_skoop.providers.allow_list import Kind, Spec

_PUBLIC: Spec = {"PublicIpAddress": 1}
_ADDRESSES: Spec = {
    "PrivateIpSet": [{"PrivateIpAddress": 1, "Primary": 1, "AssociatedPublicIp": _PUBLIC}],
}
_INTERFACE: Spec = {
    "NetworkInterfaceId": 1,
    "MacAddress": 1,
    "VpcId": 1,
    "VSwitchId": 1,
    "InstanceId": 1,
    "Type": 1,
    "SourceDestCheck": 1,
    "PrivateIpAddress": 1,
    "PrimaryIpAddress": 1,
    "AssociatedPublicIp": _PUBLIC,
    "PrivateIpSets": _ADDRESSES,
    "Ipv6Sets": {"Ipv6Set": [{"Ipv6Address": 1}]},
    "Ipv4PrefixSets": {"Ipv4PrefixSet": [{"Ipv4Prefix": 1}]},
    "Ipv6PrefixSets": {"Ipv6PrefixSet": [{"Ipv6Prefix": 1}]},
    "SecurityGroupIds": {"SecurityGroupId": 1},
}
_PERMISSION: Spec = {
    "Direction": 1,
    "Policy": 1,
    "Priority": 1,
    "NicType": 1,
    "IpProtocol": 1,
    "PortRange": 1,
    "PortRangeListId": 1,
    "SourcePortRange": 1,
    "SourceCidrIp": 1,
    "Ipv6SourceCidrIp": 1,
    "SourceGroupId": 1,
    "SourcePrefixListId": 1,
    "DestCidrIp": 1,
    "Ipv6DestCidrIp": 1,
    "DestGroupId": 1,
    "DestPrefixListId": 1,
    "Description": 1,
}

_ACL_ENTRY: Spec = {
    "NetworkAclEntryName": 1,
    "EntryType": 1,
    "IpVersion": 1,
    "Policy": 1,
    "Protocol": 1,
    "Port": 1,
}

VPC_KINDS: Mapping[str, Kind] = {
    "EipAddresses": Kind(
        "AllocationId",
        {
            "AllocationId": 1,
            "IpAddress": 1,
            "InstanceId": 1,
            "InstanceType": 1,
            "PrivateIpAddress": 1,
            "Status": 1,
        },
    ),
    "Instances": Kind(
        "InstanceId",
        {
            "InstanceId": 1,
            "VpcAttributes": {"VpcId": 1, "VSwitchId": 1, "PrivateIpAddress": {"IpAddress": 1}},
            "EipAddress": {"IpAddress": 1},
            "PublicIpAddress": {"IpAddress": 1},
            "SecurityGroupIds": {"SecurityGroupId": 1},
            "NetworkInterfaces": {"NetworkInterface": [_INTERFACE]},
        },
    ),
    "Ipv4Gateways": Kind("Ipv4GatewayId", {"Ipv4GatewayId": 1, "VpcId": 1, "Enabled": 1, "Status": 1}),
    "NatGateways": Kind(
        "NatGatewayId",
        {
            "NatGatewayId": 1,
            "VpcId": 1,
            "Status": 1,
            "BusinessStatus": 1,
            "NetworkType": 1,
            "SnatTableIds": {"SnatTableId": 1},
        },
    ),
    "NetworkAcls": Kind(
        "NetworkAclId",
        {
            "NetworkAclId": 1,
            "NetworkAclName": 1,
            "VpcId": 1,
            "IngressAclEntries": {"IngressAclEntry": [{**_ACL_ENTRY, "SourceCidrIp": 1}]},
            "EgressAclEntries": {"EgressAclEntry": [{**_ACL_ENTRY, "DestinationCidrIp": 1}]},
        },
    ),
    "NetworkInterfaces": Kind("NetworkInterfaceId", _INTERFACE),
    "PrefixLists": Kind(
        "PrefixListId",
        {"PrefixListId": 1, "PrefixListName": 1, "Entries": {"Entry": [{"Cidr": 1}]}},
    ),
    "RouteEntries": Kind(
        "Key",
        {
            "RouteTableId": 1,
            "DestinationCidrBlock": 1,
            "Status": 1,
            "Type": 1,
            "NextHops": {"NextHop": [{"NextHopId": 1, "NextHopType": 1, "Enabled": 1}]},
        },
    ),
    "SecurityGroupRules": Kind(
        "SecurityGroupId",
        {
            "SecurityGroupId": 1,
            "SecurityGroupName": 1,
            "InnerAccessPolicy": 1,
            "Permissions": {"Permission": [_PERMISSION]},
        },
    ),
    "SecurityGroups": Kind(
        "SecurityGroupId", {"SecurityGroupId": 1, "SecurityGroupName": 1, "SecurityGroupType": 1}
    ),
    "SnatTableEntries": Kind(
        "SnatEntryId",
        {
            "SnatEntryId": 1,
            "SnatTableId": 1,
            "NatGatewayId": 1,
            "SourceCIDR": 1,
            "SourceVSwitchId": 1,
            "SnatIp": 1,
            "Status": 1,
        },
    ),
    "VSwitches": Kind(
        "VSwitchId",
        {
            "VSwitchId": 1,
            "VpcId": 1,
            "CidrBlock": 1,
            "NetworkAclId": 1,
            "RouteTable": {"RouteTableId": 1},
        },
    ),
    "Vpcs": Kind(
        "VpcId",
        {
            "VpcId": 1,
            "CidrBlock": 1,
            "SecondaryCidrBlocks": {"SecondaryCidrBlock": 1},
            "Ipv6CidrBlock": 1,
            "Ipv6CidrBlocks": {"Ipv6CidrBlock": [{"Ipv6CidrBlock": 1}]},
        },
    ),
}

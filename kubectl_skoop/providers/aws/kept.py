"""What is kept of the answers of EC2 and ELB: an allow-list, so that no secret can be in a snapshot."""

from collections.abc import Mapping, Sequence
from typing import cast

from kubectl_skoop.providers.allow_list import Item, Kind, Spec, allowed

_TAGS: Sequence[Spec] = [{"Key": 1, "Value": 1}]
_NAME = "Name"
"""The one tag that is kept."""
_ATTACHMENT, _TRANSIT_TABLE = "TransitGatewayAttachmentId", "TransitGatewayRouteTableId"
_PERMISSIONS: Sequence[Spec] = [
    {
        "IpProtocol": 1,
        "FromPort": 1,
        "ToPort": 1,
        "IpRanges": [{"CidrIp": 1, "Description": 1}],
        "Ipv6Ranges": [{"CidrIpv6": 1, "Description": 1}],
        "PrefixListIds": [{"PrefixListId": 1}],
        "UserIdGroupPairs": [{"GroupId": 1, "UserId": 1, "VpcPeeringConnectionId": 1}],
    }
]
_INTERFACE: Spec = {
    "NetworkInterfaceId": 1,
    "MacAddress": 1,
    "SubnetId": 1,
    "VpcId": 1,
    "Description": 1,
    "SourceDestCheck": 1,
    "PrivateIpAddress": 1,
    "PrivateIpAddresses": [{"PrivateIpAddress": 1, "Association": {"PublicIp": 1}}],
    "Ipv4Prefixes": [{"Ipv4Prefix": 1}],
    "Ipv6Addresses": [{"Ipv6Address": 1}],
    "Ipv6Prefixes": [{"Ipv6Prefix": 1}],
    "Groups": [{"GroupId": 1, "GroupName": 1}],
    "Attachment": {"InstanceId": 1, "DeviceIndex": 1},
}


KINDS: Mapping[str, Kind] = {
    "Instances": Kind(
        "InstanceId",
        {
            "InstanceId": 1,
            "VpcId": 1,
            "SubnetId": 1,
            "PrivateIpAddress": 1,
            "NetworkInterfaces": [_INTERFACE],
            "Tags": _TAGS,
        },
    ),
    "InternetGateways": Kind(
        "InternetGatewayId", {"InternetGatewayId": 1, "Attachments": [{"VpcId": 1, "State": 1}]}
    ),
    "Listeners": Kind(
        "ListenerArn",
        {
            "ListenerArn": 1,
            "LoadBalancerArn": 1,
            "Port": 1,
            "Protocol": 1,
            "DefaultActions": [
                {
                    "Type": 1,
                    "TargetGroupArn": 1,
                    "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": 1, "Weight": 1}]},
                }
            ],
        },
    ),
    "LoadBalancers": Kind(
        "LoadBalancerArn",
        {
            "LoadBalancerArn": 1,
            "LoadBalancerName": 1,
            "DNSName": 1,
            "Scheme": 1,
            "VpcId": 1,
            "State": {"Code": 1, "Reason": 1},
            "Type": 1,
            "AvailabilityZones": [
                {
                    "ZoneName": 1,
                    "SubnetId": 1,
                    "LoadBalancerAddresses": [{"IpAddress": 1, "PrivateIPv4Address": 1}],
                }
            ],
            "SecurityGroups": 1,
        },
    ),
    "NatGateways": Kind(
        "NatGatewayId",
        {
            "NatGatewayId": 1,
            "State": 1,
            "SubnetId": 1,
            "VpcId": 1,
            "ConnectivityType": 1,
            "FailureMessage": 1,
        },
    ),
    "NetworkAcls": Kind(
        "NetworkAclId",
        {
            "NetworkAclId": 1,
            "VpcId": 1,
            "Associations": [{"SubnetId": 1}],
            "Entries": [
                {
                    "RuleNumber": 1,
                    "Protocol": 1,
                    "RuleAction": 1,
                    "Egress": 1,
                    "CidrBlock": 1,
                    "Ipv6CidrBlock": 1,
                    "PortRange": {"From": 1, "To": 1},
                    "IcmpTypeCode": {"Type": 1, "Code": 1},
                }
            ],
            "Tags": _TAGS,
        },
    ),
    "NetworkInterfaces": Kind("NetworkInterfaceId", _INTERFACE),
    "PrefixLists": Kind(
        "PrefixListId",
        {"PrefixListId": 1, "PrefixListName": 1, "Cidrs": 1, "Entries": [{"Cidr": 1, "Description": 1}]},
    ),
    "RouteTables": Kind(
        "RouteTableId",
        {
            "RouteTableId": 1,
            "VpcId": 1,
            "Associations": [{"Main": 1, "SubnetId": 1, "GatewayId": 1}],
            "Routes": [
                {
                    "DestinationCidrBlock": 1,
                    "DestinationIpv6CidrBlock": 1,
                    "DestinationPrefixListId": 1,
                    "GatewayId": 1,
                    "NatGatewayId": 1,
                    "InstanceId": 1,
                    "NetworkInterfaceId": 1,
                    "TransitGatewayId": 1,
                    "VpcPeeringConnectionId": 1,
                    "EgressOnlyInternetGatewayId": 1,
                    "LocalGatewayId": 1,
                    "CarrierGatewayId": 1,
                    "CoreNetworkArn": 1,
                    "State": 1,
                }
            ],
            "Tags": _TAGS,
        },
    ),
    "Rules": Kind("RuleArn", {"RuleArn": 1, "Priority": 1, "IsDefault": 1}),
    "SecurityGroups": Kind(
        "GroupId",
        {
            "GroupId": 1,
            "GroupName": 1,
            "VpcId": 1,
            "IpPermissions": _PERMISSIONS,
            "IpPermissionsEgress": _PERMISSIONS,
        },
    ),
    "Subnets": Kind(
        "SubnetId",
        {"SubnetId": 1, "VpcId": 1, "CidrBlock": 1, "AvailabilityZone": 1, "AvailabilityZoneId": 1},
    ),
    "TargetGroups": Kind(
        "TargetGroupArn",
        {
            "TargetGroupArn": 1,
            "TargetGroupName": 1,
            "Protocol": 1,
            "Port": 1,
            "TargetType": 1,
            "VpcId": 1,
            "LoadBalancerArns": 1,
            "Attributes": [{"Key": 1, "Value": 1}],
        },
    ),
    "TargetHealth": Kind(
        "TargetGroupArn",
        {
            "TargetGroupArn": 1,
            "TargetHealthDescriptions": [
                {"Target": {"Id": 1, "Port": 1}, "TargetHealth": {"State": 1, "Reason": 1, "Description": 1}}
            ],
        },
    ),
    "TransitGatewayAttachments": Kind(
        _ATTACHMENT,
        {
            _ATTACHMENT: 1,
            "TransitGatewayId": 1,
            "ResourceType": 1,
            "ResourceId": 1,
            "State": 1,
            "Association": {_TRANSIT_TABLE: 1, "State": 1},
        },
    ),
    "TransitGatewayPropagations": Kind(
        _TRANSIT_TABLE,
        {
            _TRANSIT_TABLE: 1,
            "TransitGatewayRouteTablePropagations": [
                {_ATTACHMENT: 1, "ResourceId": 1, "ResourceType": 1, "State": 1}
            ],
        },
    ),
    "TransitGatewayRouteTables": Kind(
        _TRANSIT_TABLE, {_TRANSIT_TABLE: 1, "TransitGatewayId": 1, "State": 1, "Tags": _TAGS}
    ),
    "TransitGatewayRoutes": Kind(
        _TRANSIT_TABLE,
        {
            _TRANSIT_TABLE: 1,
            "Routes": [
                {
                    "DestinationCidrBlock": 1,
                    "PrefixListId": 1,
                    "Type": 1,
                    "State": 1,
                    "TransitGatewayAttachments": [{_ATTACHMENT: 1, "ResourceId": 1, "ResourceType": 1}],
                }
            ],
            "AdditionalRoutesAvailable": 1,
        },
    ),
    "TransitGatewayVpcAttachments": Kind(
        _ATTACHMENT,
        {
            _ATTACHMENT: 1,
            "TransitGatewayId": 1,
            "VpcId": 1,
            "State": 1,
            "SubnetIds": 1,
            "Options": {"ApplianceModeSupport": 1, "Ipv6Support": 1, "SecurityGroupReferencingSupport": 1},
            "Tags": _TAGS,
        },
    ),
    "TransitGateways": Kind(
        "TransitGatewayId",
        {
            "TransitGatewayId": 1,
            "State": 1,
            "Options": {"SecurityGroupReferencingSupport": 1},
            "Tags": _TAGS,
        },
    ),
    "VpcPeeringConnections": Kind(
        "VpcPeeringConnectionId",
        {
            "VpcPeeringConnectionId": 1,
            "Status": {"Code": 1, "Message": 1},
            "RequesterVpcInfo": {"VpcId": 1},
            "AccepterVpcInfo": {"VpcId": 1},
        },
    ),
    "Vpcs": Kind(
        "VpcId",
        {
            "VpcId": 1,
            "CidrBlock": 1,
            "CidrBlockAssociationSet": [{"CidrBlock": 1}],
            "Ipv6CidrBlockAssociationSet": [{"Ipv6CidrBlock": 1}],
        },
    ),
}


def kept(kind: str, item: Item) -> Item:
    """What of an item goes into a snapshot. Raises: ValueError (a field of another type than the API's)."""
    found = allowed(item, KINDS[kind].fields, kind)
    if "Tags" in found:
        tags = cast(list[Item], found["Tags"])
        found["Tags"] = [tag for tag in tags if tag.get("Key") == _NAME]
    return found

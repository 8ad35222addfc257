"""Two VPCs at one transit gateway, in the shape of the public API documentation (made by hand).

The second node is in a VPC of its own. Each VPC has a subnet for the attachment in the zone of its node, and
one in another zone; the networks of both propagate to the one route table.
"""

from typing import Any

from tests.providers.aws.vpc import VPC, Answers, entry, healthy

FAR = "vpc-2"
GATEWAY, TABLE = "tgw-1", "tgw-rtb-1"
NEAR_ATTACHMENT, FAR_ATTACHMENT = "tgw-attach-1", "tgw-attach-2"
ZONES = {"a": "eu-west-1a", "b": "eu-west-1b", "c": "eu-west-1c"}


def subnet(name: str, vpc: str, network: str, zone: str) -> dict[str, Any]:
    return {"SubnetId": name, "VpcId": vpc, "CidrBlock": network, "AvailabilityZone": ZONES[zone]}


def attachment(key: str, vpc: str, *subnets: str) -> dict[str, Any]:
    """As describe-transit-gateway-vpc-attachments has it."""
    options = {
        "DnsSupport": "enable",
        "SecurityGroupReferencingSupport": "enable",
        "Ipv6Support": "disable",
        "ApplianceModeSupport": "disable",
    }
    return {
        "TransitGatewayAttachmentId": key,
        "TransitGatewayId": GATEWAY,
        "VpcId": vpc,
        "VpcOwnerId": "123456789012",
        "State": "available",
        "SubnetIds": list(subnets),
        "Options": options,
        "Tags": [{"Key": "Name", "Value": vpc}],
    }


def association(key: str, vpc: str, table: str = TABLE) -> dict[str, Any]:
    """As describe-transit-gateway-attachments has it."""
    return {
        "TransitGatewayAttachmentId": key,
        "TransitGatewayId": GATEWAY,
        "ResourceType": "vpc",
        "ResourceId": vpc,
        "State": "available",
        "Association": {"TransitGatewayRouteTableId": table, "State": "associated"},
    }


def transit_route(
    network: str, key: str = "", resource: str = "", *, of: str = "vpc", kind: str = "static"
) -> dict[str, Any]:
    """As search-transit-gateway-routes has it; without an attachment a blackhole."""
    to = {"TransitGatewayAttachmentId": key, "ResourceId": resource, "ResourceType": of}
    made = {"DestinationCidrBlock": network, "Type": kind, "State": "active" if key else "blackhole"}
    return {**made, "TransitGatewayAttachments": [to]} if key else made


def transit_routes(found: Answers) -> Any:
    """Of the gateway's table: a list."""
    return found["TransitGatewayRoutes"][0]["Routes"]


def transit() -> Answers:
    """Healthy."""
    found = healthy()
    found["Vpcs"] = [
        {
            "VpcId": VPC,
            "CidrBlock": "10.0.1.0/24",
            "CidrBlockAssociationSet": [{"CidrBlock": "10.0.3.0/24"}, {"CidrBlock": "10.0.8.0/24"}],
        },
        {
            "VpcId": FAR,
            "CidrBlock": "10.0.2.0/24",
            "CidrBlockAssociationSet": [{"CidrBlock": "10.0.9.0/24"}],
        },
    ]
    found["NetworkInterfaces"][1].update(VpcId=FAR)
    found["Subnets"] = [
        subnet("subnet-a", VPC, "10.0.1.0/24", "a"),
        subnet("subnet-b", FAR, "10.0.2.0/24", "a"),
        subnet("subnet-c", VPC, "10.0.3.0/24", "c"),
        subnet("subnet-near-a", VPC, "10.0.8.0/28", "a"),
        subnet("subnet-near-b", VPC, "10.0.8.16/28", "b"),
        subnet("subnet-far-a", FAR, "10.0.9.0/28", "a"),
        subnet("subnet-far-b", FAR, "10.0.9.16/28", "b"),
    ]
    found["SecurityGroups"][0]["IpPermissions"].append(
        {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}
    )
    found["NetworkAcls"] = [acl("acl-1", *(one["SubnetId"] for one in found["Subnets"][:3]))]
    found["NetworkAcls"] += [acl("acl-near", "subnet-near-a", "subnet-near-b")]
    found["NetworkAcls"] += [acl("acl-far-a", "subnet-far-a"), acl("acl-far-b", "subnet-far-b")]
    public, main = found["RouteTables"]
    public["Associations"] = [{"SubnetId": "subnet-a"}]
    public["Routes"] = [local("10.0.1.0/24"), to_gateway("10.0.2.0/24")]
    main["Routes"] = [local("10.0.1.0/24"), local("10.0.3.0/24"), to_gateway("10.0.2.0/24")]
    far = {"VpcId": FAR, "RouteTableId": "rtb-far", "Associations": [{"Main": True}]}
    found["RouteTables"].append({**far, "Routes": [local("10.0.2.0/24"), to_gateway("10.0.1.0/24")]})
    found["TransitGateways"] = [
        {
            "TransitGatewayId": GATEWAY,
            "State": "available",
            "Options": {"SecurityGroupReferencingSupport": "disable"},
        }
    ]
    found["TransitGatewayVpcAttachments"] = [
        attachment(NEAR_ATTACHMENT, VPC, "subnet-near-a", "subnet-near-b"),
        attachment(FAR_ATTACHMENT, FAR, "subnet-far-a", "subnet-far-b"),
    ]
    found["TransitGatewayAttachments"] = [
        association(NEAR_ATTACHMENT, VPC),
        association(FAR_ATTACHMENT, FAR),
    ]
    found["TransitGatewayRouteTables"] = [
        {"TransitGatewayRouteTableId": TABLE, "TransitGatewayId": GATEWAY, "State": "available"}
    ]
    networks = {
        NEAR_ATTACHMENT: (VPC, ("10.0.1.0/24", "10.0.3.0/24")),
        FAR_ATTACHMENT: (FAR, ("10.0.2.0/24",)),
    }
    routes = [
        transit_route(network, key, vpc, kind="propagated")
        for key, (vpc, own) in networks.items()
        for network in own
    ]
    found["TransitGatewayRoutes"] = [
        {"TransitGatewayRouteTableId": TABLE, "Routes": routes, "AdditionalRoutesAvailable": False}
    ]
    heard = [{"TransitGatewayAttachmentId": key, "State": "enabled"} for key in networks]
    found["TransitGatewayPropagations"] = [
        {"TransitGatewayRouteTableId": TABLE, "TransitGatewayRouteTablePropagations": heard}
    ]
    return found


def acl(key: str, *subnets: str) -> dict[str, Any]:
    """It lets everything through."""
    entries = [entry(100, "allow"), entry(100, "allow", egress=True)]
    return {
        "NetworkAclId": key,
        "Associations": [{"SubnetId": one} for one in subnets],
        "Entries": entries,
    }


def local(network: str) -> dict[str, Any]:
    return {"DestinationCidrBlock": network, "GatewayId": "local", "State": "active"}


def to_gateway(network: str) -> dict[str, Any]:
    return {"DestinationCidrBlock": network, "TransitGatewayId": GATEWAY, "State": "active"}

"""Asking EC2 and ELB with boto3, by the user's own credentials (environment, files, SSO, a role)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from kubectl_skoop.api import InputError, NoVerdict, raw
from kubectl_skoop.providers.allow_list import Item
from kubectl_skoop.providers.aws.kept import KINDS, kept
from kubectl_skoop.providers.section import Section

Client = Any
"""boto3 makes its clients when they are asked for, so they have no types."""

_FILTERED = 200
"""Values that EC2 takes in one filter."""
_CONNECT, _READ, _ATTEMPTS = 5, 30, 3
"""Seconds, seconds, and how often an operation is tried."""
_OF_VPC = {
    "describe_network_interfaces": "NetworkInterfaces",
    "describe_security_groups": "SecurityGroups",
    "describe_subnets": "Subnets",
    "describe_route_tables": "RouteTables",
    "describe_network_acls": "NetworkAcls",
}
"""Operations with the filter `vpc-id`."""
_OF_REGION = {
    "describe_internet_gateways": "InternetGateways",
    "describe_nat_gateways": "NatGateways",
    "describe_vpc_peering_connections": "VpcPeeringConnections",
    "describe_prefix_lists": "PrefixLists",
}
_TABLE = "TransitGatewayRouteTableId"
_IN_FORCE = [{"Name": "state", "Values": ["active", "blackhole"]}]
"""Of the routes of a transit gateway."""


def ask(instances: Sequence[str], region: str, profile: str) -> Mapping[str, object]:
    """The network of the VPCs that the instances are in. What may not be asked is a gap, with the reason.

    Raises: NoVerdict (no SDK, no credentials, no region, no instance), InputError (no such profile).
    """
    ec2, elb = _clients(region, profile)
    section = Section(KINDS, kept)
    _collect(section, "Instances", lambda: _instances(ec2, instances))
    vpcs = sorted(
        {str(item["VpcId"]) for item in section.resources.get("Instances", {}).values() if "VpcId" in item}
    )
    if not vpcs:
        why = section.gaps.get("Instances", "none of the nodes' instances is in this region and account")
        raise NoVerdict(f"AWS was asked in vain: {why}")
    _collect(section, "Vpcs", lambda: _pages(ec2, "describe_vpcs", "Vpcs", VpcIds=vpcs))
    filters = [{"Name": "vpc-id", "Values": vpcs}]
    for operation, kind in _OF_VPC.items():
        _collect(section, kind, partial(_pages, ec2, operation, kind, Filters=filters))
    for operation, kind in _OF_REGION.items():
        _collect(section, kind, partial(_pages, ec2, operation, kind))
    _collect(section, "PrefixLists", lambda: _managed(ec2))
    _transit_gateways(section, ec2, vpcs)
    _balancers(section, elb, vpcs)
    return section.fields()


def _transit_gateways(section: Section, ec2: Client, vpcs: Sequence[str]) -> None:
    """Those that the VPCs are attached to, with the tables that route what comes from the VPCs."""

    def of(kind: str) -> Sequence[Item]:
        return list(section.resources[kind].values())

    def filtered(kind: str, operation: str, field: str, found: Iterable[str]) -> None:
        """Without a value EC2 would tell of all that there are."""
        values = sorted(set(found) - {""})
        filters = [{"Name": field, "Values": values}]
        _collect(section, kind, partial(_pages, ec2, operation, kind, Filters=filters) if values else tuple)

    def routes() -> Iterator[Item]:
        for table in tables:
            found = list(_answers(ec2, "search_transit_gateway_routes", Filters=_IN_FORCE, **table))
            entries = [route for answer in found for route in answer["Routes"]]
            yield {**found[-1], **table, "Routes": entries}

    def propagations() -> Iterator[Item]:
        operation, key = (
            "get_transit_gateway_route_table_propagations",
            "TransitGatewayRouteTablePropagations",
        )
        for table in tables:
            yield {**table, key: list(_pages(ec2, operation, key, **table))}

    attached = "TransitGatewayVpcAttachments"
    filtered(attached, "describe_transit_gateway_vpc_attachments", "vpc-id", vpcs)
    associated = "TransitGatewayAttachments"
    filtered(associated, "describe_transit_gateway_attachments", "resource-id", vpcs)
    vpc_routes = [route for table in of("RouteTables") for route in raw.items(table, "Routes")]
    gateways = [raw.text(item, "TransitGatewayId") for item in (*of(attached), *vpc_routes)]
    filtered("TransitGateways", "describe_transit_gateways", "transit-gateway-id", gateways)
    keys = {raw.text(item, "Association", _TABLE) for item in of(associated)} - {""}
    field = "transit-gateway-route-table-id"
    filtered("TransitGatewayRouteTables", "describe_transit_gateway_route_tables", field, keys)
    tables = [{_TABLE: key} for key in sorted(keys)]
    _collect(section, "TransitGatewayRoutes", routes)
    _collect(section, "TransitGatewayPropagations", propagations)


def _balancers(section: Section, elb: Client, vpcs: Sequence[str]) -> None:
    def balancers() -> Iterator[Item]:
        found = _pages(elb, "describe_load_balancers", "LoadBalancers")
        return (item for item in found if item.get("VpcId") in vpcs)

    def groups() -> Iterator[Item]:
        for item in _pages(elb, "describe_target_groups", "TargetGroups"):
            if item.get("VpcId") in vpcs:
                answer = elb.describe_target_group_attributes(TargetGroupArn=item["TargetGroupArn"])
                yield {**item, "Attributes": answer["Attributes"]}

    def listeners() -> Iterator[Item]:
        for arn in section.resources["LoadBalancers"]:
            yield from _pages(elb, "describe_listeners", "Listeners", LoadBalancerArn=arn)

    def rules() -> Iterator[Item]:
        for arn, listener in section.resources["Listeners"].items():
            if listener.get("Protocol") in ("HTTP", "HTTPS"):
                yield from _pages(elb, "describe_rules", "Rules", ListenerArn=arn)

    def health() -> Iterator[Item]:
        for arn in section.resources["TargetGroups"]:
            yield {"TargetGroupArn": arn, **elb.describe_target_health(TargetGroupArn=arn)}

    steps: Mapping[str, Callable[[], Iterator[Item]]] = {
        "LoadBalancers": balancers,
        "TargetGroups": groups,
        "Listeners": listeners,
        "Rules": rules,
        "TargetHealth": health,
    }
    for kind, step in steps.items():
        _collect(section, kind, step)


def _collect(section: Section, kind: str, items: Callable[[], Iterable[Item]]) -> None:
    """What was read before an error stays. No text of the SDK's: it may quote what was signed."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    section.resources.setdefault(kind, {})
    try:
        for item in items():
            section.add(kind, [item])
    except NoCredentialsError:
        raise NoVerdict(
            "there are no credentials for AWS", hint="aws configure, or --infra with what `aws` printed"
        ) from None
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "an error")
        section.gaps[kind] = f"{error.operation_name} was answered with {code}"
    except (BotoCoreError, ValueError) as error:
        section.gaps[kind] = f"asking for them failed: {type(error).__name__}"


def _clients(region: str, profile: str) -> tuple[Client, Client]:
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ProfileNotFound
    except ImportError:
        raise NoVerdict(
            "boto3 is not installed",
            hint="pip install 'kubectl-skoop[aws]', or give what `aws` printed with --infra",
        ) from None
    try:
        session = boto3.session.Session(profile_name=profile or None, region_name=region or None)
        config = Config(
            connect_timeout=_CONNECT, read_timeout=_READ, retries={"total_max_attempts": _ATTEMPTS}
        )
        return session.client("ec2", config=config), session.client("elbv2", config=config)
    except ProfileNotFound:
        raise InputError(f"--aws-profile {profile}: there is no such profile") from None
    except BotoCoreError as error:
        raise NoVerdict(f"AWS cannot be asked: {type(error).__name__}", hint="--aws-region REGION") from None


def _instances(ec2: Client, wanted: Sequence[str]) -> Iterator[Item]:
    for begin in range(0, len(wanted), _FILTERED):
        filters = [{"Name": "instance-id", "Values": list(wanted[begin : begin + _FILTERED])}]
        for reservation in _pages(ec2, "describe_instances", "Reservations", Filters=filters):
            yield from reservation.get("Instances", [])


def _managed(ec2: Client) -> Iterator[Item]:
    for item in _pages(ec2, "describe_managed_prefix_lists", "PrefixLists"):
        key = item["PrefixListId"]
        entries = list(_pages(ec2, "get_managed_prefix_list_entries", "Entries", PrefixListId=key))
        yield {**item, "Entries": entries}


def _pages(client: Client, operation: str, key: str, **arguments: object) -> Iterator[Any]:
    """The items of all pages."""
    for answer in _answers(client, operation, **arguments):
        yield from answer[key]


def _answers(client: Client, operation: str, **arguments: object) -> Iterator[Any]:
    """All pages."""
    if client.can_paginate(operation):
        yield from client.get_paginator(operation).paginate(**arguments)
    else:
        yield getattr(client, operation)(**arguments)

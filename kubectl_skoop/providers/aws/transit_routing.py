"""Where a transit gateway routes a packet that an attachment brought, as findings."""

from collections.abc import Generator, Sequence

from kubectl_skoop.api import NodeInfo, Packet, Suspicion, Unknown
from kubectl_skoop.providers.aws import transit_table
from kubectl_skoop.providers.aws.attachment import Attachment, attachments, table_of
from kubectl_skoop.providers.aws.inventory import Inventory
from kubectl_skoop.providers.aws.route_table import NoRoute
from kubectl_skoop.providers.aws.transit_table import TransitRoute
from kubectl_skoop.providers.finding import open_question, stops

_PEERED = "another transit gateway that this one is peered with"
_BEYOND = {
    "vpn": "a VPN connection",
    "direct-connect-gateway": "a Direct Connect gateway",
    "connect": "a Connect attachment",
    "peering": _PEERED,
    "tgw-peering": _PEERED,
}


def to_a_vpc(
    known: Inventory, node: NodeInfo, near: Attachment, packet: Packet
) -> Generator[Suspicion, None, TransitRoute | None]:
    """By the route table that the attachment is associated with; None: the packet gets to no VPC.

    Raises: ValueError (an answer that is none of the API's).
    """
    table = table_of(known, near.id)
    if isinstance(table, Unknown):
        yield open_question("aws.unknown", node, table)
        return None
    if not table:
        yield stops(
            "aws.transit-gateway.attachment",
            node,
            f"the attachment {near.name} of {near.vpc} is associated with no route table of the gateway",
            (f"State: {near.state}, no Association",),
            "aws ec2 associate-transit-gateway-route-table --transit-gateway-route-table-id TABLE "
            f"--transit-gateway-attachment-id {near.id}",
        )
        return None
    route = transit_table.route_of(known, table, packet.dst)
    match route:
        case Unknown():
            yield open_question("aws.unknown", node, route)
        case NoRoute():
            yield _no_route(known, node, near, packet, table, route)
        case TransitRoute(blackhole=True):
            yield stops(
                "aws.transit-gateway.blackhole",
                node,
                f"the route of {route.table} to {packet.dst} drops it: it is a blackhole, or its attachment "
                "is gone",
                (str(route),),
                f"aws ec2 replace-transit-gateway-route --transit-gateway-route-table-id {table} "
                f"--destination-cidr-block {route.destination}, or delete it",
            )
        case TransitRoute(resource_type="vpc"):
            return route
        case TransitRoute():
            what = _BEYOND.get(route.resource_type, f"an attachment ({route.resource_type})")
            reason = f"{packet.dst} is beyond {what}, and nothing beyond it was collected ({route})"
            yield open_question("aws.beyond", node, Unknown(reason))
    return None


def _no_route(
    known: Inventory, node: NodeInfo, near: Attachment, packet: Packet, table: str, route: NoRoute
) -> Suspicion:
    """Names the attached VPC that has the address and does not propagate to the table."""
    silent = _silent(known, table, near.gateway, packet)
    options = f"--transit-gateway-route-table-id {table} --transit-gateway-attachment-id"
    return stops(
        "aws.transit-gateway.no-route",
        node,
        f"{route.table}, the route table of the attachment {near.name}, has no route to {packet.dst}",
        (
            *(f"{one.name} of {one.vpc}, which has the address, does not propagate to it" for one in silent),
            *(route.others or (f"{route.table} has no route",)),
        ),
        f"aws ec2 enable-transit-gateway-route-table-propagation {options} {silent[0].id}"
        if silent
        else f"aws ec2 create-transit-gateway-route {options} ATTACHMENT --destination-cidr-block NETWORK",
    )


def _silent(known: Inventory, table: str, gateway: str, packet: Packet) -> Sequence[Attachment]:
    heard = transit_table.propagating(known, table)
    if isinstance(heard, Unknown):
        return ()
    return [
        one
        for one in attachments(known, gateway)
        if one.works and one.id not in heard and known.in_vpc(one.vpc, packet.dst) is True
    ]

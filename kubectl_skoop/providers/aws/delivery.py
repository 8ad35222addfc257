"""Whether the route of a subnet leads a packet to the interface that it is for, as findings."""

from collections.abc import Iterator

from kubectl_skoop.api import NodeInfo, Packet, Suspicion, Unknown
from kubectl_skoop.providers.aws.interface import Interface
from kubectl_skoop.providers.aws.route_table import LOCAL, NoRoute, VpcRoute
from kubectl_skoop.providers.finding import open_question, stops

Found = VpcRoute | NoRoute | Unknown


def to_interface(
    node: NodeInfo, subnet: str, there: Interface, packet: Packet, route: Found
) -> Iterator[Suspicion]:
    """Nothing: it does; `route` is that of the subnet."""
    match route:
        case Unknown():
            yield open_question("aws.unknown", node, route)
        case NoRoute() | VpcRoute(blackhole=True):
            yield no_route(node, subnet, packet, route)
        case VpcRoute(target=target) if target not in (LOCAL, there.id, there.instance):
            yield stops(
                "aws.route.elsewhere",
                node,
                f"{subnet} leads {packet.dst} to {target}, not to {there.id}, which has it",
                (str(route),),
                "remove the route, or lead it to the interface that has the address",
            )


def no_route(node: NodeInfo, subnet: str, packet: Packet, route: NoRoute | VpcRoute) -> Suspicion:
    """There is none, or it leads to nothing."""
    if isinstance(route, VpcRoute):
        return stops(
            "aws.route.blackhole",
            node,
            f"the route of {subnet} to {packet.dst} is a blackhole: its target {route.target} is gone",
            (str(route),),
            f"aws ec2 replace-route for {route.destination}, or delete it",
        )
    return stops(
        "aws.route.none",
        node,
        f"the route table {route.table} of {subnet} has no route to {packet.dst}",
        route.others,
        "add a route to a gateway",
    )

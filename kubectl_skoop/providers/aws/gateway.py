"""What a route's target does with a packet that leaves the VPC."""

from collections.abc import Iterator

from kubectl_skoop.api import NodeInfo, Packet, Suspicion, Unknown, raw
from kubectl_skoop.providers.aws import passage, transit_gateway
from kubectl_skoop.providers.aws.interface import Interface
from kubectl_skoop.providers.aws.inventory import Inventory
from kubectl_skoop.providers.aws.route_table import NoRoute, VpcRoute, route_of
from kubectl_skoop.providers.finding import open_question, stops
from kubectl_skoop.providers.network import is_public

_BEYOND = {
    "vgw": "a virtual private gateway",
    "vpce": "a VPC endpoint",
    "lgw": "a local gateway",
    "cagw": "a carrier gateway",
    "arn:": "a core network",
}


def through(
    inventory: Inventory, node: NodeInfo, at: Interface, packet: Packet, route: VpcRoute, *, answer: bool
) -> Iterator[Suspicion]:
    """`answer`: of a connection that came by the same way. Raises: ValueError (an answer that is none of the
    API's)."""
    kind = route.target.partition("-")[0]
    if route.target.startswith("arn:"):
        kind = "arn:"
    match kind:
        case "igw":
            yield from _internet(inventory, node, at, packet, route)
        case "eigw":
            return
        case "nat":
            yield from _nat(inventory, node, at, packet, route)
        case "pcx":
            yield from _peering(inventory, node, route)
        case "tgw":
            yield from transit_gateway.through(inventory, node, at, packet, route, answer=answer)
        case _:
            what = _BEYOND.get(kind, "a target that is not modelled")
            reason = f"{packet.dst} is beyond {what}, and nothing beyond it was collected ({route})"
            yield open_question("aws.beyond", node, Unknown(reason))


def across(
    inventory: Inventory,
    ends: tuple[NodeInfo, NodeInfo],
    at: Interface,
    there: Interface,
    packet: Packet,
    route: VpcRoute,
    *,
    answer: bool,
) -> Iterator[Suspicion]:
    """To an interface of another VPC: a peering connection carries what is for addresses of that VPC.

    Routes of that VPC are asked for the answer. `ends`: the nodes of both. Raises: ValueError (an answer that
    is none of the API's).
    """
    if transit_gateway.taken(route):
        yield from transit_gateway.across(inventory, ends, at, there, packet, route, answer=answer)
        return
    peered = inventory.peer_of(route.target, at.vpc) == there.vpc
    if not peered or inventory.in_vpc(there.vpc, packet.dst) is not True:
        yield from through(inventory, ends[0], at, packet, route, answer=answer)
    yield from passage.acl(inventory, ends[1], there.subnet, "ingress", packet, answer=answer)


def _internet(
    inventory: Inventory, node: NodeInfo, at: Interface, packet: Packet, route: VpcRoute
) -> Iterator[Suspicion]:
    """One to one: the packets of an address without a public one of its own are dropped."""
    gateway = inventory.one("InternetGateways", route.target)
    if isinstance(gateway, Unknown):
        yield open_question("aws.unknown", node, gateway)
        return
    attached = [
        entry
        for entry in raw.items(gateway, "Attachments")
        if raw.text(entry, "VpcId") == at.vpc and raw.text(entry, "State") in ("available", "attached")
    ]
    if not attached:
        message = f"the internet gateway {route.target} is not attached to {at.vpc}"
        yield stops("aws.gateway.unusable", node, message, (str(route),), "attach it to the VPC")
    elif not is_public(packet.dst):
        yield _private(node, at.subnet, packet, route)
    elif packet.family == 4 and packet.src not in at.public:
        yield stops(
            "aws.gateway.no-public-address",
            node,
            f"{packet.src} leaves by the internet gateway {route.target}, but has no public address",
            (str(route), f"public addresses of {at.id}: {', '.join(at.public.values()) or 'none'}"),
            f"give {at.id} an elastic address, or lead {at.subnet} to a NAT gateway",
        )


def _nat(
    inventory: Inventory, node: NodeInfo, at: Interface, packet: Packet, route: VpcRoute
) -> Iterator[Suspicion]:
    gateway = inventory.one("NatGateways", route.target)
    if isinstance(gateway, Unknown):
        yield open_question("aws.unknown", node, gateway)
        return
    state, subnet = raw.text(gateway, "State"), raw.text(gateway, "SubnetId")
    if state != "available":
        message = f"the NAT gateway {route.target} is {state or 'in no known state'}"
        why = raw.text(gateway, "FailureMessage")
        yield stops(
            "aws.gateway.unusable", node, message, (str(route), *([why] if why else [])), "make another one"
        )
        return
    if subnet != at.subnet:
        yield from passage.acl(inventory, node, subnet, "ingress", packet)
        yield from passage.acl(inventory, node, subnet, "egress", packet)
    if raw.text(gateway, "ConnectivityType") == "private":
        reason = (
            f"{packet.dst} is reached by the private NAT gateway {route.target}, whose way on is not modelled"
        )
        yield open_question("aws.beyond", node, Unknown(reason))
        return
    yield from _from_nat(inventory, node, subnet, at.vpc, packet, route)


def _from_nat(
    inventory: Inventory, node: NodeInfo, subnet: str, vpc: str, packet: Packet, route: VpcRoute
) -> Iterator[Suspicion]:
    """The gateway's own subnet leads on, to the internet or another network; `route` led to the gateway."""
    onward = route_of(inventory, subnet, vpc, packet.dst)
    match onward:
        case Unknown():
            yield open_question("aws.unknown", node, onward)
        case NoRoute(table=table, others=others):
            message = f"{table}, of the NAT gateway {route.target} in {subnet}, has no route to {packet.dst}"
            yield stops(
                "aws.route.none",
                node,
                message,
                (str(route), *others),
                "lead its subnet to an internet gateway",
            )
        case VpcRoute(blackhole=False, target=target) if target.startswith("igw-"):
            if not is_public(packet.dst):
                yield _private(node, subnet, packet, onward)
        case VpcRoute(blackhole=False, target=target) if target.partition("-")[0] in ("tgw", "vgw", "pcx"):
            reason = (
                f"{packet.dst} is reached by the NAT gateway {route.target} and {target}: the way on from a "
            )
            yield open_question("aws.beyond", node, Unknown(f"{reason}NAT gateway is not modelled"))
        case VpcRoute():
            yield stops(
                "aws.route.elsewhere",
                node,
                f"{subnet}, of the NAT gateway {route.target}, leads {packet.dst} to no internet gateway",
                (str(route), str(onward)),
                "put the NAT gateway into a public subnet",
            )


def _private(node: NodeInfo, subnet: str, packet: Packet, route: VpcRoute) -> Suspicion:
    """It is dropped at the border of the internet, which routes no such address."""
    return stops(
        "aws.route.elsewhere",
        node,
        f"{subnet} leads {packet.dst} to {route.target} and the internet, which has no route to a private "
        "address",
        (str(route),),
        "add a route for it to what leads there: a peering connection, a transit gateway, a VPN",
    )


def _peering(inventory: Inventory, node: NodeInfo, route: VpcRoute) -> Iterator[Suspicion]:
    peering = inventory.one("VpcPeeringConnections", route.target)
    if isinstance(peering, Unknown):
        yield open_question("aws.unknown", node, peering)
        return
    state = raw.text(peering, "Status", "Code")
    if state != "active":
        message = f"the peering connection {route.target} is {state or 'in no known state'}"
        yield stops(
            "aws.gateway.unusable", node, message, (str(route),), "accept or renew the peering connection"
        )
    else:
        reason = (
            f"the packet leaves by the peering connection {route.target}: the VPC beyond it was not collected"
        )
        yield open_question("aws.beyond", node, Unknown(f"{reason} ({route})"))

"""The way over a transit gateway: in by the sender's attachment, on by its route table, out into a VPC.

The network ACL of an attachment's subnet is asked for what goes to the gateway where that comes in, and for
what comes from it where that goes out; not for what comes out in the very subnet that it is for.
(Transit Gateways guide, "How network ACLs work with transit gateways", "Amazon VPC attachments".)
"""

from collections.abc import Generator, Iterator
from typing import NamedTuple

from kubectl_skoop.api import NodeInfo, Packet, Protocol, Suspicion, Unknown, raw
from kubectl_skoop.providers.aws import delivery, passage, transit_routing, transit_table
from kubectl_skoop.providers.aws.attachment import (
    WORKING,
    Attachment,
    attachment_of,
    entrance,
    exits,
    references,
    table_of,
)
from kubectl_skoop.providers.aws.interface import Interface
from kubectl_skoop.providers.aws.inventory import Inventory
from kubectl_skoop.providers.aws.route_table import NoRoute, VpcRoute, route_of
from kubectl_skoop.providers.aws.security_group import Peer
from kubectl_skoop.providers.aws.transit_table import TransitRoute
from kubectl_skoop.providers.finding import open_question, stops

_PREFIX = "tgw-"
_ATTACHMENT = "aws.transit-gateway.attachment"
_MTU = 8500
"""Bytes of the largest packet that a transit gateway carries."""


class Leg(NamedTuple):
    """A packet in the gateway: where it came in, and the attachment that it leaves by."""

    entered: str
    """Subnet."""
    far: Attachment


def taken(route: VpcRoute | NoRoute | Unknown) -> VpcRoute | None:
    """The route, if it leads to a transit gateway."""
    return route if isinstance(route, VpcRoute) and route.target.startswith(_PREFIX) else None


def across(
    known: Inventory,
    ends: tuple[NodeInfo, NodeInfo | None],
    here: Interface,
    there: Interface,
    packet: Packet,
    route: VpcRoute,
    *,
    answer: bool,
) -> Iterator[Suspicion]:
    """To an interface of another VPC. `ends`: the nodes of both. Raises: ValueError."""
    leg = yield from _carried(known, ends[0], here, packet, route, answer=answer)
    if leg is None:
        return
    if leg.far.vpc != there.vpc:
        reason = f"{route.target} leads {packet.dst} to {leg.far.vpc}, and whether that sends it on to "
        reason += f"{there.id} in {there.vpc} is not modelled"
        yield open_question("aws.beyond", ends[0], Unknown(reason))
    else:
        yield from _arriving(known, ends, leg, there, packet, answer=answer)


def through(
    known: Inventory, node: NodeInfo, here: Interface, packet: Packet, route: VpcRoute, *, answer: bool
) -> Iterator[Suspicion]:
    """To what is no node: another machine of an attached VPC, or who knows what. Raises: ValueError."""
    leg = yield from _carried(known, node, here, packet, route, answer=answer)
    if leg is None:
        return
    there = known.by_address(leg.far.vpc, packet.dst)
    if isinstance(there, Unknown):
        reason = f"{packet.dst} is beyond {route.target} in {leg.far.vpc}: {there.reason}"
        yield open_question("aws.beyond", node, Unknown(reason))
        return
    yield from _arriving(known, (node, None), leg, there, packet, answer=answer)
    if not answer:
        seen = sender(known, here, there, packet, route)
        yield from passage.groups(known, None, there, "ingress", packet, seen)


def sender(known: Inventory, here: Interface, there: Interface, packet: Packet, route: VpcRoute) -> Peer:
    """The sender, as the receiver's rules see it behind the gateway."""
    if not here.has(packet.src):
        return Peer(packet.src, frozenset())
    legs = [attachment_of(known, route.target, end.vpc) for end in (here, there)]
    found = [leg for leg in legs if isinstance(leg, Attachment)]
    barred = references(known, route.target, *found)
    if isinstance(barred, Unknown):
        return Peer(packet.src, barred)
    return Peer(packet.src, frozenset(here.groups), barred)


def receiver(there: Interface | None, packet: Packet, route: VpcRoute) -> Peer:
    """Who is beyond the gateway, as the sender's rules see it: none of these can refer to its groups."""
    groups = there.groups if there is not None and there.has(packet.dst) else ()
    return Peer(packet.dst, frozenset(groups), f"{route.target} knows references of inbound rules only")


def lands(known: Inventory, here: Interface, packet: Packet, gateway: str) -> tuple[str, str] | None:
    """The VPC and the subnet where the packet comes out, by the routes alone; None: nowhere that is known."""
    near = attachment_of(known, gateway, here.vpc)
    if not isinstance(near, Attachment):
        return None
    table = table_of(known, near.id)
    if isinstance(table, Unknown) or not table:
        return None
    route = transit_table.route_of(known, table, packet.dst)
    if not isinstance(route, TransitRoute) or route.blackhole or route.resource_type != "vpc":
        return None
    far = attachment_of(known, gateway, route.resource)
    if not isinstance(far, Attachment) or not far.subnets:
        return None
    return far.vpc, exits(known, far, here.subnet)[0]


def _carried(
    known: Inventory, node: NodeInfo, here: Interface, packet: Packet, route: VpcRoute, *, answer: bool
) -> Generator[Suspicion, None, Leg | None]:
    """From the subnet's route to the attachment that it comes out by; None: it does not get that far."""
    nothing = known.all("TransitGateways")
    if isinstance(nothing, Unknown):
        reason = f"{packet.dst} is beyond a transit gateway, and nothing beyond it was collected ({route})"
        yield open_question("aws.beyond", node, Unknown(reason))
        return None
    yield from _gateway(known, node, packet, route)
    near = attachment_of(known, route.target, here.vpc)
    if not isinstance(near, Attachment):
        yield (
            _unattached(node, here.vpc, route) if near is None else open_question("aws.unknown", node, near)
        )
        return None
    yield from _works(node, near, packet)
    entered = entrance(known, near, here.subnet)
    if not isinstance(entered, str):
        yield _no_entrance(known, node, here, near, entered, route)
        return None
    yield from passage.acl(known, node, entered, "ingress", packet, answer=answer)
    onward = yield from transit_routing.to_a_vpc(known, node, near, packet)
    if onward is None:
        return None
    far = attachment_of(known, route.target, onward.resource)
    if not isinstance(far, Attachment):
        why = f": {far.reason}" if isinstance(far, Unknown) else ""
        reason = f"{packet.dst} is in {onward.resource}, and nothing of that was collected ({onward}){why}"
        yield open_question("aws.beyond", node, Unknown(reason))
        return None
    yield from _works(node, far, packet)
    return Leg(entered, far)


def _gateway(known: Inventory, node: NodeInfo, packet: Packet, route: VpcRoute) -> Iterator[Suspicion]:
    """Itself: its state, and the size of what it carries.

    It answers a packet that is too large, and clamps the MSS, so TCP agrees on less.
    """
    item = known.one("TransitGateways", route.target)
    if isinstance(item, Unknown):
        yield open_question("aws.unknown", node, item)
    elif (state := raw.text(item, "State")) not in WORKING:
        message = f"the transit gateway {route.target} is {state or 'in no known state'}"
        yield stops("aws.gateway.unusable", node, message, (str(route),), "make another one")
    elif packet.length > _MTU and packet.protocol != Protocol.TCP:
        reason = f"the packet has {packet.length} bytes, the transit gateway {route.target} carries {_MTU}: "
        reason += "whether the sender makes smaller ones when it is told is not modelled"
        yield open_question("aws.transit-gateway.size", node, Unknown(reason))


def _unattached(node: NodeInfo, vpc: str, route: VpcRoute) -> Suspicion:
    return stops(
        _ATTACHMENT,
        node,
        f"{vpc} has no attachment to the transit gateway {route.target}",
        (str(route),),
        f"aws ec2 create-transit-gateway-vpc-attachment --transit-gateway-id {route.target} --vpc-id {vpc} "
        "--subnet-ids SUBNETS, one in each zone",
    )


def _works(node: NodeInfo, attachment: Attachment, packet: Packet) -> Iterator[Suspicion]:
    """Nothing: it carries the packet."""
    whose = f"the attachment {attachment.name} of {attachment.vpc}"
    if not attachment.works:
        remedy = (
            "aws ec2 accept-transit-gateway-vpc-attachment --transit-gateway-attachment-id " + attachment.id
            if attachment.state == "pendingAcceptance"
            else "attach the VPC anew"
        )
        message = f"{whose} to {attachment.gateway} is {attachment.state or 'in no known state'}"
        yield stops(_ATTACHMENT, node, message, (f"State: {attachment.state}",), remedy)
    elif attachment.without_ipv6 and packet.family == 6:
        remedy = _modify(attachment, "--options Ipv6Support=enable")
        yield stops(_ATTACHMENT, node, f"{whose} carries no IPv6", ("Ipv6Support: disable",), remedy)


def _modify(attachment: Attachment, change: str) -> str:
    return (
        "aws ec2 modify-transit-gateway-vpc-attachment --transit-gateway-attachment-id "
        f"{attachment.id} {change}"
    )


def _no_entrance(
    known: Inventory,
    node: NodeInfo,
    here: Interface,
    near: Attachment,
    why: Unknown | None,
    route: VpcRoute,
) -> Suspicion:
    if why is not None:
        return open_question("aws.unknown", node, why)
    zone = raw.text(known.one("Subnets", here.subnet), "AvailabilityZone")
    shown = [
        f"{subnet} in {raw.text(known.one('Subnets', subnet), 'AvailabilityZone')}" for subnet in near.subnets
    ]
    return stops(
        "aws.transit-gateway.zone",
        node,
        f"the attachment {near.name} of {here.vpc} has no subnet in {zone or 'the zone'}, where "
        f"{here.subnet} is: nothing gets from there to {route.target}",
        (str(route), f"subnets of the attachment: {', '.join(shown) or 'none'}"),
        _modify(near, f"--add-subnet-ids SUBNET, one of {zone or 'that zone'}"),
    )


def _arriving(
    known: Inventory,
    ends: tuple[NodeInfo, NodeInfo | None],
    leg: Leg,
    there: Interface,
    packet: Packet,
    *,
    answer: bool,
) -> Iterator[Suspicion]:
    """By whichever subnet of the attachment."""
    ways = {
        subnet: list(_out(known, ends, subnet, there, packet, answer=answer))
        for subnet in exits(known, leg.far, leg.entered)
    }
    yield from _agreed(ends[0], leg.far, ways)


def _out(
    known: Inventory,
    ends: tuple[NodeInfo, NodeInfo | None],
    subnet: str,
    there: Interface,
    packet: Packet,
    *,
    answer: bool,
) -> Iterator[Suspicion]:
    """From the attachment's subnet in the far VPC to the interface there."""
    yield from delivery.to_interface(
        ends[0], subnet, there, packet, route_of(known, subnet, there.vpc, packet.dst)
    )
    if subnet != there.subnet:
        yield from passage.acl(known, ends[1], subnet, "egress", packet, answer=answer)
        yield from passage.acl(known, ends[1], there.subnet, "ingress", packet, answer=answer)


def _agreed(node: NodeInfo, far: Attachment, ways: dict[str, list[Suspicion]]) -> Iterator[Suspicion]:
    """What all subnets that it may come out by say; Unknown where they differ."""
    fates = {subnet: next((one for one in found if one.effect), None) for subnet, found in ways.items()}
    effects = {one.effect if one else "" for one in fates.values()}
    if not ways:
        reason = Unknown(f"which subnets the attachment {far.name} of {far.vpc} has is not known")
        yield open_question("aws.unknown", node, reason)
    elif len(effects) == 1:
        yield from next(iter(ways.values()))
    else:
        stopped, finding = next((subnet, one) for subnet, one in fates.items() if one is not None)
        reason = Unknown(
            f"by which of {', '.join(ways)} the packet comes out into {far.vpc} is not known, and by "
            f"{stopped} {finding.message}"
        )
        yield open_question("aws.unknown", node, reason)

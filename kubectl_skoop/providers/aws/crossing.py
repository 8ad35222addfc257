"""The checks that a packet meets between two nodes, on its way out of the VPC and on its way in."""

from collections.abc import Iterator

from kubectl_skoop.api import Address, NodeInfo, Packet, Suspicion, Tracked, Unknown
from kubectl_skoop.providers.aws import delivery, gateway, passage, transit_gateway
from kubectl_skoop.providers.aws.delivery import Found
from kubectl_skoop.providers.aws.interface import Interface
from kubectl_skoop.providers.aws.inventory import Inventory
from kubectl_skoop.providers.aws.route_table import LOCAL, NoRoute, VpcRoute, route_of
from kubectl_skoop.providers.aws.security_group import Peer
from kubectl_skoop.providers.finding import open_question, stops
from kubectl_skoop.providers.network import is_public


def between(
    known: Inventory, src: NodeInfo, dst: NodeInfo, packet: Packet, tracked: Tracked
) -> Iterator[Suspicion]:
    """From a node to another one. Raises: ValueError (an answer that is none of the API's)."""
    here, there = known.by_mac(packet.src_mac), known.by_mac(packet.dst_mac)
    for node, end in ((src, here), (dst, there)):
        if isinstance(end, Unknown):
            yield open_question("aws.unknown", node, end)
            return
    if isinstance(here, Unknown) or isinstance(there, Unknown):
        return
    route = route_of(known, here.subnet, here.vpc, packet.dst)
    transit = transit_gateway.taken(route) if here.vpc != there.vpc else None
    yield from passage.own_address(src, here, packet.src, "source")
    if not tracked.source:
        receiver = transit_gateway.receiver(there, packet, transit) if transit else _at(there, packet.dst)
        yield from passage.groups(known, src, here, "egress", packet, receiver)
    if here.subnet != there.subnet:
        answer = tracked.source or tracked.destination
        yield from passage.acl(known, src, here.subnet, "egress", packet, answer=answer)
        yield from _routed(known, (src, dst), here, there, packet, route, answer=answer)
    yield from passage.own_address(dst, there, packet.dst, "destination")
    if not tracked.destination:
        sender = (
            transit_gateway.sender(known, here, there, packet, transit) if transit else _at(here, packet.src)
        )
        yield from passage.groups(known, dst, there, "ingress", packet, sender)


def _at(end: Interface, address: Address) -> Peer:
    """Rules that refer to a group mean the addresses of its interfaces, not those that are behind them."""
    return Peer(address, frozenset(end.groups) if end.has(address) else frozenset())


def _routed(
    known: Inventory,
    ends: tuple[NodeInfo, NodeInfo],
    here: Interface,
    there: Interface,
    packet: Packet,
    route: Found,
    *,
    answer: bool,
) -> Iterator[Suspicion]:
    """From subnet to subnet: the route must lead to that interface, and the ACL there let it in."""
    if isinstance(route, VpcRoute) and not route.blackhole and here.vpc != there.vpc:
        yield from gateway.across(known, ends, here, there, packet, route, answer=answer)
    else:
        yield from delivery.to_interface(ends[0], here.subnet, there, packet, route)
        yield from passage.acl(known, ends[1], there.subnet, "ingress", packet, answer=answer)


def leaving(known: Inventory, src: NodeInfo, packet: Packet, tracked: Tracked) -> Iterator[Suspicion]:
    """From a node to whatever is no node. Raises: ValueError."""
    here = known.by_mac(packet.src_mac)
    if isinstance(here, Unknown):
        yield open_question("aws.unknown", src, here)
        return
    yield from passage.own_address(src, here, packet.src, "source")
    if packet.dst.is_link_local:
        return
    route = route_of(known, here.subnet, here.vpc, packet.dst)
    transit = transit_gateway.taken(route)
    if not tracked.source:
        peer = _peer(known, here.vpc, packet.dst)
        receiver = transit_gateway.receiver(None, packet, transit) if transit else peer
        yield from passage.groups(known, src, here, "egress", packet, receiver)
    match route:
        case Unknown():
            yield open_question("aws.unknown", src, route)
        case NoRoute() | VpcRoute(blackhole=True):
            yield delivery.no_route(src, here.subnet, packet, route)
        case VpcRoute(target=target) if target == LOCAL:
            yield from _local(known, src, here, packet, tracked)
        case VpcRoute():
            yield from passage.acl(known, src, here.subnet, "egress", packet, answer=tracked.source)
            yield from gateway.through(known, src, here, packet, route, answer=tracked.source)


def _local(
    known: Inventory, src: NodeInfo, here: Interface, packet: Packet, tracked: Tracked
) -> Iterator[Suspicion]:
    """To an address of the VPC that is no node's: a database, an endpoint, another machine."""
    if known.is_amazons(here.vpc, packet.dst):
        return
    there = known.by_address(here.vpc, packet.dst)
    if isinstance(there, Unknown):
        yield open_question("aws.unknown", src, there)
        return
    if here.subnet != there.subnet:
        answer = tracked.source
        yield from passage.acl(known, src, here.subnet, "egress", packet, answer=answer)
        yield from passage.acl(known, None, there.subnet, "ingress", packet, answer=answer)
    if not tracked.source:
        yield from passage.groups(known, None, there, "ingress", packet, _peer(known, there.vpc, packet.src))


def entering(known: Inventory, dst: NodeInfo, packet: Packet, tracked: Tracked) -> Iterator[Suspicion]:
    """From whatever is no node to a node. Raises: ValueError."""
    there = known.by_mac(packet.dst_mac)
    if isinstance(there, Unknown):
        yield open_question("aws.unknown", dst, there)
        return
    if packet.src.is_link_local or known.is_amazons(there.vpc, packet.src):
        return
    sender = known.by_address(there.vpc, packet.src)
    if isinstance(sender, Unknown) or sender.subnet != there.subnet:
        yield from passage.acl(known, dst, there.subnet, "ingress", packet, answer=tracked.destination)
    if not tracked.destination:
        yield from _way_in(known, dst, there, packet)
        yield from passage.groups(known, dst, there, "ingress", packet, _peer(known, there.vpc, packet.src))
    yield from passage.own_address(dst, there, packet.dst, "destination")


def _way_in(known: Inventory, dst: NodeInfo, there: Interface, packet: Packet) -> Iterator[Suspicion]:
    """A new connection from outside comes by an internet gateway, or by what cannot be seen."""
    inside = known.in_vpc(there.vpc, packet.src)
    if isinstance(inside, Unknown):
        yield open_question("aws.unknown", dst, inside)
    elif not inside and not is_public(packet.src):
        reason = f"by which way {packet.src} comes into {there.vpc} was not collected"
        yield open_question("aws.beyond", dst, Unknown(reason))
    elif not inside:
        route = route_of(known, there.subnet, there.vpc, packet.src)
        if isinstance(route, VpcRoute) and not route.target.startswith("igw-"):
            yield stops(
                "aws.route.elsewhere",
                dst,
                f"{there.subnet} is no public subnet: its answers to {packet.src} go to {route.target}, "
                "which knows nothing of a connection from outside",
                (str(route),),
                "ask by a load balancer, or lead the subnet to an internet gateway",
            )


def _peer(known: Inventory, vpc: str, address: Address) -> Peer:
    """Who has the address in the VPC; outside of it nobody has security groups of this VPC's rules."""
    inside = known.in_vpc(vpc, address)
    if inside is False:
        return Peer(address, frozenset() if is_public(address) else Unknown(f"{address} is not of {vpc}"))
    found = known.by_address(vpc, address)
    return Peer(address, found if isinstance(found, Unknown) else frozenset(found.groups))


def anywhere(known: Inventory, address: Address) -> str:
    """In the only VPC where an interface has the address."""
    vpcs = {each.vpc for each in known.interfaces}
    found = [one for vpc in vpcs if not isinstance(one := known.by_address(vpc, address), Unknown)]
    return found[0].mac if len(found) == 1 else ""


def next_interface(known: Inventory, packet: Packet) -> str:
    """By the route of the sender's subnet: the interface that has the address, or that the route names."""
    here = known.by_mac(packet.src_mac)
    if isinstance(here, Unknown):
        return ""
    route = route_of(known, here.subnet, here.vpc, packet.dst)
    found = _leads_to(known, here.vpc, packet.dst, route)
    if found is None and isinstance(route, VpcRoute) and not route.blackhole:
        if far := known.peer_of(route.target, here.vpc):
            there = known.by_address(far, packet.dst)
            found = None if isinstance(there, Unknown) else there
        elif (landed := transit_gateway.lands(known, here, packet, route.target)) is not None:
            vpc, subnet = landed
            found = _leads_to(known, vpc, packet.dst, route_of(known, subnet, vpc, packet.dst))
    return found.mac if found is not None else ""


def _leads_to(known: Inventory, vpc: str, address: Address, route: Found) -> Interface | None:
    """The interface of the VPC that a subnet's route leads to; None: none that is known."""
    if not isinstance(route, VpcRoute) or route.blackhole:
        return None
    if route.target == LOCAL:
        there = known.by_address(vpc, address)
        return None if isinstance(there, Unknown) else there
    owners = (each for each in known.interfaces if route.target in (each.id, each.instance) and each.mac)
    return next(owners, None)


def on_link(known: Inventory, mac: str, address: Address) -> bool | None:
    """Whether an address is of the interface's own subnet; None: not known."""
    here = known.by_mac(mac)
    there = here if isinstance(here, Unknown) else known.by_address(here.vpc, address)
    if isinstance(here, Unknown) or isinstance(there, Unknown):
        return None
    return here.subnet == there.subnet

"""The checks that a packet meets between two nodes, on its way out of the VPC and on its way in."""

from collections.abc import Iterator

from kubectl_skoop.api import Address, NodeInfo, Packet, Suspicion, Tracked, Unknown, raw
from kubectl_skoop.providers.aliyun import gateway, passage
from kubectl_skoop.providers.aliyun.interface import Interface
from kubectl_skoop.providers.aliyun.inventory import Inventory, is_service
from kubectl_skoop.providers.aliyun.route_table import LOCAL, SERVICE, NoRoute, VpcRoute, route_of
from kubectl_skoop.providers.aliyun.security_group import Peer
from kubectl_skoop.providers.finding import open_question, stops
from kubectl_skoop.providers.network import is_public


def between(
    known: Inventory, src: NodeInfo, dst: NodeInfo, packet: Packet, tracked: Tracked
) -> Iterator[Suspicion]:
    """From a node to another one. Raises: ValueError (an answer that is none of the API's)."""
    here, there = known.by_mac(packet.src_mac), known.by_mac(packet.dst_mac)
    for node, end in ((src, here), (dst, there)):
        if isinstance(end, Unknown):
            yield open_question("aliyun.unknown", node, end)
            return
    if isinstance(here, Unknown) or isinstance(there, Unknown):
        return
    yield from passage.own_address(src, here, packet.src, "source")
    if not tracked.source:
        yield from passage.groups(known, src, here, "egress", packet, _at(there, packet.dst))
    yield from _routed(known, src, here, there, packet)
    yield from passage.own_address(dst, there, packet.dst, "destination")
    if not tracked.destination:
        yield from passage.groups(known, dst, there, "ingress", packet, _at(here, packet.src))
    if here.vswitch != there.vswitch:
        yield from passage.acl(known, src, here.vswitch, "egress", packet, answer=tracked.source)
        yield from passage.acl(known, dst, there.vswitch, "ingress", packet, answer=tracked.destination)


def _at(end: Interface, address: Address) -> Peer:
    """A group means the addresses of its interfaces, not those of pods that are routed behind them."""
    return Peer(address, frozenset(end.groups) if end.has(address) else frozenset())


def _routed(
    known: Inventory, src: NodeInfo, here: Interface, there: Interface, packet: Packet
) -> Iterator[Suspicion]:
    """The vSwitch's route must lead to that interface."""
    route = route_of(known, here.vswitch, packet.dst)
    match route:
        case Unknown():
            yield open_question("aliyun.unknown", src, route)
        case _ if here.vpc != there.vpc:
            yield from gateway.through(known, src, here, packet, route)
        case NoRoute():
            yield gateway.no_route(src, here, packet, route)
        case VpcRoute(hop_type="local") if there.has(packet.dst):
            return
        case VpcRoute(hop_type="local"):
            yield stops(
                "aliyun.route.elsewhere",
                src,
                f"{packet.dst} is an address of the VPC for {here.vswitch}, and {there.id} does not have it",
                (str(route), f"addresses of {there.id}: {', '.join(map(str, there.addresses))}"),
                f"assign the address to {there.id}, or add a route for it to {there.instance or there.id}",
            )
        case VpcRoute(hop=hop) if hop not in (there.id, there.instance):
            yield stops(
                "aliyun.route.elsewhere",
                src,
                f"{here.vswitch} leads {packet.dst} to {route.hop_type} {hop}, not to {there.id}",
                (str(route),),
                f"remove the route, or lead it to {there.instance or there.id}",
            )


def leaving(known: Inventory, src: NodeInfo, packet: Packet, tracked: Tracked) -> Iterator[Suspicion]:
    """From a node to whatever is no node. Raises: ValueError."""
    here = known.by_mac(packet.src_mac)
    if isinstance(here, Unknown):
        yield open_question("aliyun.unknown", src, here)
        return
    yield from passage.own_address(src, here, packet.src, "source")
    if packet.dst.is_link_local:
        return
    if not tracked.source:
        yield from passage.groups(known, src, here, "egress", packet, _peer(known, here.vpc, packet.dst))
    if is_service(packet.dst):
        return
    route = route_of(known, here.vswitch, packet.dst)
    match route:
        case Unknown():
            yield open_question("aliyun.unknown", src, route)
        case VpcRoute(hop_type=kind) if kind == SERVICE:
            pass
        case VpcRoute(hop_type=kind) if kind == LOCAL:
            yield from _local(known, src, here, packet, tracked)
            return
        case NoRoute() if not is_public(packet.dst):
            yield gateway.no_route(src, here, packet, route)
        case _:
            yield from gateway.through(known, src, here, packet, route)
    yield from passage.acl(known, src, here.vswitch, "egress", packet, answer=tracked.source)


def _local(
    known: Inventory, src: NodeInfo, here: Interface, packet: Packet, tracked: Tracked
) -> Iterator[Suspicion]:
    """To an address of the VPC that is no node's: a database, a load balancer, another machine."""
    there = known.by_address(here.vpc, packet.dst)
    if isinstance(there, Unknown):
        yield open_question("aliyun.unknown", src, there)
        return
    if not tracked.source:
        yield from passage.groups(known, None, there, "ingress", packet, _peer(known, there.vpc, packet.src))
    if here.vswitch != there.vswitch:
        yield from passage.acl(known, src, here.vswitch, "egress", packet, answer=tracked.source)
        yield from passage.acl(known, src, there.vswitch, "ingress", packet, answer=tracked.source)


def entering(known: Inventory, dst: NodeInfo, packet: Packet, tracked: Tracked) -> Iterator[Suspicion]:
    """From whatever is no node to a node. Raises: ValueError."""
    there = known.by_mac(packet.dst_mac)
    if isinstance(there, Unknown):
        yield open_question("aliyun.unknown", dst, there)
        return
    if packet.src.is_link_local:
        return
    if not tracked.destination:
        yield from passage.groups(known, dst, there, "ingress", packet, _peer(known, there.vpc, packet.src))
        yield from _way_in(known, dst, there, packet)
    yield from passage.own_address(dst, there, packet.dst, "destination")
    sender = known.by_address(there.vpc, packet.src)
    if not is_service(packet.src) and (isinstance(sender, Unknown) or sender.vswitch != there.vswitch):
        yield from passage.acl(known, dst, there.vswitch, "ingress", packet, answer=tracked.destination)


def _way_in(known: Inventory, dst: NodeInfo, there: Interface, packet: Packet) -> Iterator[Suspicion]:
    """A new connection from outside comes to an elastic address, or by what cannot be seen."""
    inside = known.in_vpc(there.vpc, packet.src)
    if isinstance(inside, Unknown):
        yield open_question("aliyun.unknown", dst, inside)
    elif inside or is_service(packet.src):
        return
    elif not is_public(packet.src):
        reason = f"by which way {packet.src} comes into {there.vpc} was not collected"
        yield open_question("aliyun.beyond", dst, Unknown(reason))
    else:
        yield from _from_the_internet(known, dst, there, packet)


def _from_the_internet(
    known: Inventory, dst: NodeInfo, there: Interface, packet: Packet
) -> Iterator[Suspicion]:
    public = known.public(there, packet.dst)
    if isinstance(public, Unknown):
        reason = f"whether {there.id} has a public address is not known: {public.reason}"
        yield open_question("aliyun.unknown", dst, Unknown(reason))
        return
    if public is not None:
        return
    gateways = known.whole("NatGateways")
    if isinstance(gateways, Unknown):
        yield open_question("aliyun.unknown", dst, gateways)
    elif any(raw.text(one, "VpcId") == there.vpc for one in gateways):
        reason = f"{packet.dst} has no public address: only a DNAT entry leads to it, which is not modelled"
        yield open_question("aliyun.beyond", dst, Unknown(reason))
    else:
        yield stops(
            "aliyun.no-public-address",
            dst,
            f"{packet.dst} of {there.id} has no public address: nothing leads {packet.src} to it",
            (f"addresses of {there.id}: {', '.join(map(str, there.addresses))}",),
            f"give {there.id} an elastic address, or ask by a load balancer",
        )


def _peer(known: Inventory, vpc: str, address: Address) -> Peer:
    """Who has the address in the VPC; outside of it nobody is of this VPC's security groups."""
    if is_public(address) or is_service(address):
        return Peer(address, frozenset())
    found = known.by_address(vpc, address)
    return Peer(address, found if isinstance(found, Unknown) else frozenset(found.groups))


def anywhere(known: Inventory, address: Address) -> str:
    """In the only VPC where an interface has the address."""
    vpcs = {each.vpc for each in known.interfaces}
    found = [one for vpc in vpcs if not isinstance(one := known.by_address(vpc, address), Unknown)]
    return found[0].mac if len(found) == 1 else ""


def next_interface(known: Inventory, packet: Packet) -> str:
    """By the route of the sender's vSwitch: the interface that has the address, or that the route names."""
    here = known.by_mac(packet.src_mac)
    if isinstance(here, Unknown):
        return ""
    route = route_of(known, here.vswitch, packet.dst)
    if not isinstance(route, VpcRoute):
        return ""
    if route.hop_type == LOCAL:
        there = known.by_address(here.vpc, packet.dst)
        return "" if isinstance(there, Unknown) else there.mac
    owners = [each for each in known.interfaces if route.hop and route.hop in (each.id, each.instance)]
    return next((each.mac for each in owners if each.mac), "")


def on_link(known: Inventory, mac: str, address: Address) -> bool | None:
    """Whether an address is of the interface's own vSwitch; None: not known."""
    here = known.by_mac(mac)
    there = here if isinstance(here, Unknown) else known.by_address(here.vpc, address)
    if isinstance(here, Unknown) or isinstance(there, Unknown):
        return None
    return here.vswitch == there.vswitch

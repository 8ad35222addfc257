"""Network and application load balancers: their addresses, and what guards the way to them and on."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from ipaddress import ip_address

from kubectl_skoop.api import Address, Balanced, NodeInfo, Packet, Suspicion, Tracked, Unknown, raw
from kubectl_skoop.providers.allow_list import Item
from kubectl_skoop.providers.aws import passage
from kubectl_skoop.providers.aws.interface import Interface
from kubectl_skoop.providers.aws.inventory import Inventory
from kubectl_skoop.providers.aws.route_table import VpcRoute, route_of
from kubectl_skoop.providers.aws.security_group import Direction, Peer
from kubectl_skoop.providers.aws.targets import Group, address_of, groups_of, listening, name_of
from kubectl_skoop.providers.finding import open_question, remark, stops
from kubectl_skoop.providers.network import is_public
from kubectl_skoop.providers.protocol import what
from kubectl_skoop.providers.registered import Registered


def targets(known: Inventory, packet: Packet) -> Sequence[Balanced] | Unknown | None:
    """For an address of a load balancer, else None."""
    balancer = by_address(known, packet.dst)
    if balancer is None:
        return None
    groups = groups_of(known, balancer, packet)
    if isinstance(groups, Unknown):
        return groups
    found: list[Balanced] = []
    for group in groups:
        for target in group.healthy:
            address = address_of(known, target)
            source = _source(known, balancer, group, packet)
            if isinstance(address, Unknown):
                return address
            if isinstance(source, Unknown):
                return source
            found.append(Balanced(group.share / len(group.healthy), address, target.port, source))
    lost = 1 - sum((one.share for one in found), Fraction(0))
    if found and lost:
        return Unknown(f"{name_of(balancer)} sends {lost} of its connections to a group without targets")
    return found


def addresses_of(known: Inventory, name: str) -> Sequence[Address] | Unknown:
    """By its host name."""
    balancers = known.all("LoadBalancers")
    if isinstance(balancers, Unknown):
        return balancers
    balancer = by_name(known, name)
    if balancer is None:
        return Unknown(f"no load balancer {name} was collected")
    own = [address for address, _ in _addresses(known, balancer)]
    return own or Unknown(f"the addresses of {name_of(balancer)} are not known: collect network interfaces")


def by_name(known: Inventory, name: str) -> Item | None:
    wanted = name.lower().removeprefix("dualstack.").rstrip(".")
    items = known.known("LoadBalancers")
    return next((one for one in items if raw.text(one, "DNSName").lower() == wanted), None)


def entering(known: Inventory, packet: Packet) -> Iterator[Suspicion]:
    """From outside to the load balancer."""
    balancer = by_address(known, packet.dst)
    if balancer is None:
        return
    name, broken = name_of(balancer), list(state(balancer))
    yield from broken
    if broken:
        return
    if raw.text(balancer, "Scheme") == "internal" and is_public(packet.src):
        yield stops(
            "aws.balancer.internal",
            None,
            f"the load balancer {name} is internal: {packet.src} has no way to it",
            (f"Scheme: internal, DNSName: {raw.text(balancer, 'DNSName')}",),
            "make it internet-facing: service.beta.kubernetes.io/aws-load-balancer-scheme",
        )
        return
    own = _interface(known, balancer, packet.dst)
    if own is not None:
        yield from passage.acl(known, None, own.subnet, "ingress", packet)
        route = route_of(known, own.subnet, own.vpc, packet.src)
        if is_public(packet.src) and isinstance(route, VpcRoute) and not route.target.startswith("igw-"):
            message = (
                f"{own.subnet} of the load balancer {name} leads {packet.src} to {route.target}, not out"
            )
            yield stops("aws.route.elsewhere", None, message, (str(route),), "give it public subnets")
    yield from _guards(known, balancer, "ingress", packet, Peer(packet.src, frozenset()))
    yield from listens(known, balancer, packet)
    yield from health(known, balancer, packet)


def state(balancer: Item) -> Iterator[Suspicion]:
    """It does not work."""
    found = raw.text(balancer, "State", "Code")
    if found not in ("active", "active_impaired"):
        message = f"the load balancer {name_of(balancer)} is {found or 'in no known state'}"
        remedy = "wait until it is active, or look at the reason of its state"
        reason = raw.text(balancer, "State", "Reason")
        proof = f"State: {found or 'none'}{f' ({reason})' if reason else ''}"
        yield stops("aws.balancer.state", None, message, (proof,), remedy)


def listens(known: Inventory, balancer: Item, packet: Packet) -> Iterator[Suspicion]:
    """It does not, for the packet's protocol and port."""
    if groups_of(known, balancer, packet) == ():
        yield stops(
            "aws.balancer.listener",
            None,
            f"the load balancer {name_of(balancer)} has no listener for {what(packet)}",
            (f"listeners: {', '.join(listening(known, balancer)) or 'none'}",),
            "look at the log and the events of the controller that makes load balancers",
        )


def registered(known: Inventory, balancer: Item, packet: Packet) -> Sequence[Registered]:
    """The targets for it whose addresses are known."""
    groups = groups_of(known, balancer, packet)
    return [
        Registered(one.id, address, one.port)
        for group in (() if isinstance(groups, Unknown) else groups)
        for one in group.targets
        if not isinstance(address := address_of(known, one), Unknown)
    ]


def all_sick(known: Inventory, balancer: Item, packet: Packet) -> bool:
    """No target of any group is healthy, or there is none."""
    groups = groups_of(known, balancer, packet)
    if isinstance(groups, Unknown):
        return False
    return not any(one.sound for group in groups for one in group.targets)


def onward(
    known: Inventory, address: Address, dst: NodeInfo, packet: Packet, tracked: Tracked
) -> Iterator[Suspicion]:
    """From the load balancer to a target."""
    balancer, there = by_address(known, address), known.by_mac(packet.dst_mac)
    if balancer is None:
        return
    if isinstance(there, Unknown):
        yield open_question("aws.unknown", dst, there)
        return
    own = _interface(known, balancer, address)
    if not tracked.destination:
        target = Peer(packet.dst, frozenset(there.groups) if there.has(packet.dst) else frozenset())
        yield from _guards(known, balancer, "egress", packet, target)
    if own is None or own.subnet != there.subnet:
        if own is not None:
            yield from passage.acl(known, None, own.subnet, "egress", packet)
        yield from passage.acl(known, dst, there.subnet, "ingress", packet)
    if not tracked.destination:
        peer = Peer(packet.src, frozenset(raw.texts(balancer, "SecurityGroups")))
        yield from passage.groups(known, dst, there, "ingress", packet, peer)
    yield from passage.own_address(dst, there, packet.dst, "destination")


def back(known: Inventory, address: Address, src: NodeInfo, packet: Packet) -> Iterator[Suspicion]:
    """The answer of a target."""
    balancer, here = by_address(known, address), known.by_mac(packet.src_mac)
    own = _interface(known, balancer, address) if balancer is not None else None
    if isinstance(here, Unknown):
        yield open_question("aws.unknown", src, here)
    elif own is None or own.subnet != here.subnet:
        yield from passage.acl(known, src, here.subnet, "egress", packet, answer=True)
        if own is not None:
            yield from passage.acl(known, None, own.subnet, "ingress", packet, answer=True)


def _guards(
    known: Inventory, balancer: Item, direction: Direction, packet: Packet, peer: Peer
) -> Iterator[Suspicion]:
    """A network load balancer may have no security groups: then it lets everything through."""
    if groups := raw.texts(balancer, "SecurityGroups"):
        guarded = Interface(id=f"the load balancer {name_of(balancer)}", groups=groups)
        yield from passage.groups(known, None, guarded, direction, packet, peer)


def health(known: Inventory, balancer: Item, packet: Packet) -> Iterator[Suspicion]:
    groups = groups_of(known, balancer, packet)
    for group in [] if isinstance(groups, Unknown) else groups:
        name = raw.text(group.item, "TargetGroupName")
        sick = [one for one in group.targets if not one.sound]
        if not group.targets:
            yield remark(
                "aws.balancer.unhealthy",
                None,
                f"no target is registered with {name}: nobody gets its connections",
                (f"TargetType: {raw.text(group.item, 'TargetType')}",),
                "look at the log and the events of the controller that makes load balancers",
            )
        if sick:
            all_of_them = len(sick) == len(group.targets)
            many = f"all {len(sick)}" if all_of_them else f"{len(sick)} of {len(group.targets)}"
            fate = "so each gets connections" if all_of_them else "and get no connections"
            yield remark(
                "aws.balancer.unhealthy",
                None,
                f"{many} targets of {name} are not healthy, {fate}",
                tuple(
                    f"{one.id}:{one.port} {one.state}{': ' + one.why if one.why else ''}" for one in sick[:8]
                ),
                "look at the health check's port, and whether the security groups let it in",
            )


def by_address(known: Inventory, address: Address) -> Item | None:
    balancers = known.all("LoadBalancers")
    for balancer in [] if isinstance(balancers, Unknown) else balancers:
        if any(own == address for own, _ in _addresses(known, balancer)):
            return balancer
    return None


def _addresses(known: Inventory, balancer: Item) -> Iterator[tuple[Address, Interface | None]]:
    """Public ones first, each with its interface, if that is known."""
    interfaces = _interfaces(known, balancer)
    for each in interfaces:
        yield from ((ip_address(public), each) for public in each.public.values())
    for zone in raw.items(balancer, "AvailabilityZones"):
        for entry in raw.items(zone, "LoadBalancerAddresses"):
            for field in ("IpAddress", "PrivateIPv4Address"):
                if written := raw.text(entry, field):
                    subnet = raw.text(zone, "SubnetId")
                    yield ip_address(written), next((one for one in interfaces if one.subnet == subnet), None)
    for each in interfaces:
        yield from ((address, each) for address in each.addresses)


def _interfaces(known: Inventory, balancer: Item) -> Sequence[Interface]:
    """Their description is `ELB net/NAME/ID`, the end of the load balancer's ARN."""
    description = "ELB " + raw.text(balancer, "LoadBalancerArn").partition(":loadbalancer/")[2]
    return known.by_description.get(description, ())


def _interface(known: Inventory, balancer: Item, address: Address) -> Interface | None:
    return next((each for own, each in _addresses(known, balancer) if own == address), None)


def _source(known: Inventory, balancer: Item, group: Group, packet: Packet) -> Address | Unknown | None:
    """None: the target sees the client's address (preserve_client_ip.enabled, or its default)."""
    if raw.text(balancer, "Type") != "application":
        attributes = {
            raw.text(one, "Key"): raw.text(one, "Value") for one in raw.items(group.item, "Attributes")
        }
        default = (
            "true" if raw.text(group.item, "TargetType") == "instance" or packet.protocol == 17 else "false"
        )
        if attributes.get("preserve_client_ip.enabled", default) == "true":
            return None
    own = _interface(known, balancer, packet.dst)
    private = [address for address in own.addresses if address.version == packet.family] if own else []
    return private[0] if private else Unknown(f"the private address of {name_of(balancer)} is not known")

"""IPv4: where a packet that came in goes (net/ipv4/route.c, ip_route_input_slow)."""

from ipaddress import IPv4Address

from kubectl_skoop.model.packet import Address, Packet
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.exception import gateway
from kubectl_skoop.netstack.routing.flow import FlowKey, ports
from kubectl_skoop.netstack.routing.lookup import Failed, Found, match_route, select_path
from kubectl_skoop.netstack.routing.realm import towards
from kubectl_skoop.netstack.routing.select import preferred_source
from kubectl_skoop.netstack.routing.source import (
    SourceProblem,
    check_way_back,
    martian_source,
    sends_redirects,
)
from kubectl_skoop.netstack.routing.text import route_text
from kubectl_skoop.netstack.routing.way import Broadcast, Forward, InputRoute, Local, Refused
from kubectl_skoop.netstack.stack import Stack

_ANY, _LIMITED_BROADCAST = IPv4Address(0), IPv4Address(0xFFFFFFFF)
_ICMP: dict[str, tuple[int, int]] = {"ENETUNREACH": (3, 0), "EHOSTUNREACH": (3, 1), "EACCES": (3, 13)}
"""ip_error."""


def route_input4(stack: Stack, packet: Packet, device: int, mark: int, opened: bool = False) -> InputRoute:
    """`device`: index of the one it came by. Impossible sources are refused before a route is looked up."""
    filtered = not opened
    ns = stack.ns
    name = ns.device_name(device)
    if packet.dst.is_multicast:
        return multicast(stack, packet, device)
    if (problem := martian_source(ns, packet, device)) is not None:
        return Refused(kind="source", problem=problem)
    if packet.dst == _LIMITED_BROADCAST or int(packet.src) == int(packet.dst) == 0:
        return _broadcast(stack, packet, device, mark, None, filtered)
    if (evidence := _martian_destination(ns, packet.dst, name)) is not None:
        return Refused(kind="martian-destination", evidence=(evidence,))

    key = input_key(packet, device, mark)
    found = match_route(stack, key)
    forwards = ns.sysctls.forwarding(name)
    if isinstance(found, Failed):
        return _failed(found) if forwards else _not_forwarding(found)
    if found.route.type == "broadcast":
        if ns.sysctls.device("all", "bc_forwarding") and ns.sysctls.device(name, "bc_forwarding"):
            return _forward(stack, packet, device, mark, key, found, filtered)
        return _broadcast(stack, packet, device, mark, found, filtered)
    if found.route.type == "local":
        back = check_way_back(stack, packet, device, mark, asker=packet.dst, out_device=0, filtered=filtered)
        if isinstance(back, SourceProblem):
            return Refused(kind="source", problem=back)
        return Local(route=found.route, rule=found.rule, realm=back.realm)
    if not forwards:
        return _not_forwarding(found)
    if found.route.type != "unicast":
        return Refused(
            kind="martian-destination",
            route=found.route,
            rule=found.rule,
            evidence=(route_text(ns, found.route),),
        )
    return _forward(stack, packet, device, mark, key, found, filtered)


def _martian_destination(ns: NetworkNamespace, destination: Address, name: str) -> str | None:
    if int(destination) == 0:
        return f"{destination} is no destination"
    if destination.is_loopback and not ns.sysctls.either(name, "route_localnet"):
        return f"{destination} is in 127.0.0.0/8 and route_localnet of {name} is 0"
    return None


def _broadcast(
    stack: Stack, packet: Packet, device: int, mark: int, found: Found | None, filtered: bool
) -> Broadcast | Refused:
    """brd_input."""
    realm = 0
    if int(packet.src) != 0:
        back = check_way_back(stack, packet, device, mark, asker=_ANY, out_device=0, filtered=filtered)
        if isinstance(back, SourceProblem):
            return Refused(kind="source", problem=back)
        realm = back.realm
    return Broadcast(route=found.route if found else None, rule=found.rule if found else None, realm=realm)


def _forward(
    stack: Stack, packet: Packet, device: int, mark: int, key: FlowKey, matched: Found, filtered: bool
) -> Forward | Refused:
    """ip_mkroute_input, __mkroute_input."""
    found = select_path(stack, key, matched)
    if isinstance(found, Failed):
        return _failed(found)
    out = found.nexthop.device
    back = check_way_back(stack, packet, device, mark, asker=packet.dst, out_device=out, filtered=filtered)
    if isinstance(back, SourceProblem):
        return Refused(kind="source", problem=back, route=found.route, rule=found.rule)
    return Forward(
        device=out,
        nexthop=gateway(stack.ns, packet.dst, found),
        route=found.route,
        rule=found.rule,
        source=preferred_source(stack.ns, found, packet.dst),
        redirect=back.direct
        and out == device
        and _redirects(stack.ns, out, packet.src, found.nexthop.gateway),
        realm=towards(stack.ns, found, back.realm),
    )


def _redirects(ns: NetworkNamespace, device: int, source: Address, gateway: Address | None) -> bool:
    name = ns.device_name(device)
    if not sends_redirects(ns, name):
        return False
    if ns.sysctls.either(name, "shared_media", 1):
        return True
    subnets = [
        (entry.peer or entry.address, entry.prefix)
        for entry in ns.addresses_of(4, device)
        if not entry.secondary
    ]
    return any(
        not (int(base) ^ int(source)) >> (32 - prefix)
        and (not isinstance(gateway, IPv4Address) or not (int(base) ^ int(gateway)) >> (32 - prefix))
        for base, prefix in subnets
    )


def _failed(failed: Failed) -> Refused:
    return Refused(kind=failed.kind, route=failed.route, rule=failed.rule, icmp=_ICMP.get(failed.errno))


def _not_forwarding(result: Found | Failed) -> Refused:
    """ip_error drops silently, also what has no route."""
    return Refused(kind="forwarding-disabled", route=result.route, rule=result.rule)


def input_key(packet: Packet, device: int, mark: int) -> FlowKey:
    """uid is 0, oif none (K-41)."""
    sport, dport = ports(packet)
    return FlowKey(
        dst=packet.dst,
        src=packet.src,
        iif=device,
        mark=mark,
        tos=packet.tos,
        protocol=packet.protocol,
        sport=sport,
        dport=dport,
    )


def multicast(stack: Stack, packet: Packet, device: int) -> InputRoute:
    """Group memberships are not collected."""
    unknown = Unknown(f"whether {stack.ns.device_name(device)} is a member of {packet.dst} is not known")
    return Local(route=None) if stack.choices.undecided(unknown) else Refused(kind="multicast")

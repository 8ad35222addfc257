"""IPv6: where a packet that came in goes (ip6_rcv_core, ip6_route_input, ip6_forward)."""

from kubectl_skoop.model.packet import Packet
from kubectl_skoop.netstack.routing.exception import gateway
from kubectl_skoop.netstack.routing.input4 import input_key, multicast
from kubectl_skoop.netstack.routing.lookup import Failed, Found, lookup
from kubectl_skoop.netstack.routing.select import preferred_source
from kubectl_skoop.netstack.routing.source import SourceProblem
from kubectl_skoop.netstack.routing.way import Forward, InputRoute, Local, Refused
from kubectl_skoop.netstack.stack import Stack

_ICMP: dict[str, tuple[int, int]] = {"no-route": (1, 0), "unreachable": (1, 0), "prohibit": (1, 1)}
_NOT_NEIGHBOUR = (1, 2)


def takes_groups(stack: Stack, packet: Packet, device: int, mark: int) -> bool:
    """A packet for a group comes in by a route for groups on its own link (rt6_need_strict, ip6_rt_init_dst);
    each device that comes up gets one (addrconf_add_mroute)."""
    found = lookup(stack, input_key(packet, device, mark)._replace(link=device))
    return isinstance(found, Found) and found.route.destination.network_address.is_multicast


def route_input6(stack: Stack, packet: Packet, device: int, mark: int) -> InputRoute:
    """There is no reverse path filter and no check for own sources in IPv6; a link-local destination is
    looked up on the packet's own link (rt6_need_strict). A route to lo that is not local refuses
    (ip6_route_info_create: RTF_REJECT)."""
    ns = stack.ns
    entry = ns.devices.get(device)
    on_loopback = entry is not None and entry.loopback
    if packet.src.is_multicast or (packet.src.is_loopback and not on_loopback):
        return Refused(
            kind="source", problem=SourceProblem("source.martian", (f"{packet.src} cannot come in",), "")
        )
    if packet.dst.is_loopback and not on_loopback:
        return Refused(kind="martian-destination", evidence=(f"{packet.dst} cannot come in",))
    if packet.dst.is_multicast:
        return multicast(stack, packet, device)
    key = input_key(packet, device, mark)
    if packet.dst.is_link_local:
        key = key._replace(link=device)
    found = lookup(stack, key)
    if isinstance(found, Failed):
        return Refused(kind=found.kind, route=found.route, rule=found.rule, icmp=_ICMP.get(found.kind))
    if found.route.type in ("local", "anycast"):
        return Local(route=found.route, rule=found.rule)
    out = ns.devices.get(found.nexthop.device)
    if out is not None and out.loopback:
        return Refused(kind="unreachable", route=found.route, rule=found.rule, icmp=_ICMP["unreachable"])
    if not ns.sysctls.forwarding(ns.device_name(device), 6):
        return Refused(kind="forwarding-disabled", route=found.route, rule=found.rule)
    if int(packet.src) == 0 or packet.src.is_link_local:
        problem = SourceProblem("source.martian", (f"{packet.src} is valid on its own link only",), "")
        icmp = _NOT_NEIGHBOUR if packet.src.is_link_local else None
        return Refused(kind="source", problem=problem, route=found.route, rule=found.rule, icmp=icmp)
    return Forward(
        device=found.nexthop.device,
        nexthop=gateway(ns, packet.dst, found),
        route=found.route,
        rule=found.rule,
        source=preferred_source(ns, found, packet.dst),
        redirect=found.nexthop.device == device,
    )

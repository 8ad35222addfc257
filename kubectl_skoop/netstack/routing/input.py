"""Where a packet that came in goes, IPv4 and IPv6."""

from typing import cast

from kubectl_skoop.model.packet import Packet
from kubectl_skoop.model.trace import Trace
from kubectl_skoop.netstack.routing.flow import ports
from kubectl_skoop.netstack.routing.input4 import route_input4
from kubectl_skoop.netstack.routing.input6 import route_input6
from kubectl_skoop.netstack.routing.text import route_text, rule_text, table_name
from kubectl_skoop.netstack.routing.way import Broadcast, Forward, InputRoute, Local, Refused
from kubectl_skoop.netstack.stack import Stack

__all__ = ["Broadcast", "Forward", "InputRoute", "Local", "Refused", "route_input"]


def route_input(stack: Stack, packet: Packet, device: int, mark: int, *, opened: bool = False) -> InputRoute:
    """The way of a packet that came in by the device with this index. ARP asks with protocol 0.

    `opened`: by IPsec; then rp_filter does not count.
    """
    key = device, mark, opened, packet.src, packet.dst, packet.protocol, packet.tos, *ports(packet)
    if (known := stack.routes.get(key)) is not None:
        stack.repeat(known[1])
        return cast("InputRoute", known[0])
    if packet.family == 6:
        found = route_input6(stack, packet, device, mark)
    else:
        found = route_input4(stack, packet, device, mark, opened)
    stack.routes[key] = found, _step(stack, packet, found)
    return found


DEFAULT_PRIORITIES = frozenset({0, 32766, 32767})
"""Of the rules that every namespace begins with."""


def _step(stack: Stack, packet: Packet, result: InputRoute) -> Trace:
    ns = stack.ns
    match result:
        case Local():
            effect = "for this namespace"
        case Broadcast():
            effect = "a broadcast"
        case Forward():
            effect = f"forwarded by {ns.device_name(result.device)}" + (
                f" to {result.nexthop}" if result.nexthop else ""
            )
        case Refused():
            effect = result.problem.code if result.problem else result.kind
    if result.rule is not None and result.rule.priority not in DEFAULT_PRIORITIES:
        effect += f", by rule {rule_text(result.rule)}"
    if result.route is not None:
        text = route_text(ns, result.route)
        return stack.step("route", text, effect, table=table_name(result.route.table))
    if result.rule is not None:
        return stack.step("route", rule_text(result.rule), effect)
    text = f"no route is asked for {packet.dst}" if effect != "no-route" else "no route"
    return stack.step("route", text, effect)

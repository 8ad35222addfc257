"""Where a packet that came in goes, IPv4 and IPv6."""

from kubectl_skoop.model.packet import Packet
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
    if packet.family == 6:
        return _traced(stack, packet, route_input6(stack, packet, device, mark))
    return _traced(stack, packet, route_input4(stack, packet, device, mark, opened))


DEFAULT_PRIORITIES = frozenset({0, 32766, 32767})
"""Of the rules that every namespace begins with."""


def _traced(stack: Stack, packet: Packet, result: InputRoute) -> InputRoute:
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
        stack.step("route", route_text(ns, result.route), effect, table=table_name(result.route.table))
    elif result.rule is not None:
        stack.step("route", rule_text(result.rule), effect)
    else:
        stack.step(
            "route", f"no route is asked for {packet.dst}" if effect != "no-route" else "no route", effect
        )
    return result

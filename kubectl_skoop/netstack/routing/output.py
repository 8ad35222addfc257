"""Where a packet that is made here goes, and from which address, IPv4 and IPv6."""

from typing import cast

from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.trace import Trace
from kubectl_skoop.netstack.routing.flow import FlowKey
from kubectl_skoop.netstack.routing.local import is_local
from kubectl_skoop.netstack.routing.lookup import RouteErrno
from kubectl_skoop.netstack.routing.output4 import route_output4
from kubectl_skoop.netstack.routing.output6 import route_output6
from kubectl_skoop.netstack.routing.text import route_text, rule_text, table_name
from kubectl_skoop.netstack.routing.way import OutputRoute, RouteError
from kubectl_skoop.netstack.stack import Stack

__all__ = ["OutputRoute", "RouteError", "route_output"]

_LIMITED_BROADCAST = 0xFFFFFFFF


def route_output(stack: Stack, key: FlowKey, bound_source: Address | None = None) -> OutputRoute | RouteError:
    """The way of a packet of our own.

    `bound_source` must be an address of this namespace; `key.src` alone need not be (FLOWI_FLAG_ANYSRC:
    transparent sockets, rerouting).
    """
    asked = key, bound_source
    if (known := stack.routes.get(asked)) is not None:
        stack.repeat(known[1])
        return cast("OutputRoute | RouteError", known[0])
    found = _look_up(stack, key, bound_source)
    stack.routes[asked] = found, _step(stack, key, found)
    return found


def _look_up(stack: Stack, key: FlowKey, bound_source: Address | None) -> OutputRoute | RouteError:
    if bound_source is not None:
        key = key._replace(src=bound_source)
        if _is_host(bound_source) and not is_local(stack.ns, bound_source):
            errno: RouteErrno = "ENETUNREACH" if key.family == 4 else "EADDRNOTAVAIL"
            return RouteError(errno=errno, kind="source")
    return route_output4(stack, key) if key.family == 4 else route_output6(stack, key)


def _is_host(address: Address) -> bool:
    """Other sources are refused, or count as none, before anybody asks whose they are."""
    return int(address) != 0 and not address.is_multicast and int(address) != _LIMITED_BROADCAST


def _step(stack: Stack, key: FlowKey, result: OutputRoute | RouteError) -> Trace:
    ns = stack.ns
    if isinstance(result, RouteError):
        effect = f"{result.kind}: {result.errno}"
    else:
        way = f" to {result.nexthop}" if result.nexthop else ""
        effect = f"out by {ns.device_name(result.device)}{way} from {result.source}"
    if result.route is not None:
        text = route_text(ns, result.route)
        return stack.step("route", text, effect, table=table_name(result.route.table))
    if result.rule is not None:
        return stack.step("route", rule_text(result.rule), effect)
    return stack.step("route", f"no route to {key.dst}", effect)

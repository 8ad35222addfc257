"""IPv6: where a packet that is made here goes (net/ipv6/ip6_output.c, ip6_dst_lookup_tail)."""

from ipaddress import IPv6Address

from kubectl_skoop.netstack.routing.exception import gateway
from kubectl_skoop.netstack.routing.flow import LOOPBACK_INDEX, FlowKey
from kubectl_skoop.netstack.routing.lookup import Failed, Found, lookup
from kubectl_skoop.netstack.routing.select import preferred_source
from kubectl_skoop.netstack.routing.select6 import select_address6
from kubectl_skoop.netstack.routing.way import OutputRoute, RouteError
from kubectl_skoop.netstack.stack import Stack


def route_output6(stack: Stack, key: FlowKey) -> OutputRoute | RouteError:
    """Looked up without a source first; if that failed, once more with the source that was chosen."""
    if key.oif and key.oif not in stack.ns.devices:
        return RouteError(errno="ENODEV", kind="device")
    found = lookup(stack, key)
    source = key.src
    if source is None:
        source = _source(stack, key, found)
        if source is None:
            return RouteError(errno="EADDRNOTAVAIL", kind="source", route=found.route, rule=found.rule)
        key = key._replace(src=source)
        if isinstance(found, Failed):
            found = lookup(stack, key)
    if isinstance(found, Failed):
        return RouteError(errno=found.errno, kind=found.kind, route=found.route, rule=found.rule)
    local = found.route.type in ("local", "anycast")
    device = LOOPBACK_INDEX if local else found.nexthop.device
    return OutputRoute(
        device=device,
        nexthop=None if local else gateway(stack.ns, key.dst, found),
        source=source,
        route=found.route,
        rule=found.rule,
        type=found.route.type,
        loopback=device == LOOPBACK_INDEX,
    )


def _source(stack: Stack, key: FlowKey, found: Found | Failed) -> IPv6Address | None:
    if not isinstance(key.dst, IPv6Address):
        return None
    if isinstance(found, Failed):
        return select_address6(stack.ns, 0, key.dst)
    chosen = preferred_source(stack.ns, found, key.dst)
    return chosen if isinstance(chosen, IPv6Address) else None

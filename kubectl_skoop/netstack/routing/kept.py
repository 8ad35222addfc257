"""What a processor keeps of an IPv6 look-up: of routes by nexthop objects one answer for each nexthop."""

from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.types import Nexthop, Route


def is_shorter(ns: NetworkNamespace, route: Route, nexthop: Nexthop, length: int) -> Ternary:
    """Whether the answer's prefix is not longer than `length`.

    Kernel: fib6_rule_suppress compares the prefix of the rt6_info, which rt6_get_pcpu_route takes from the
    nexthop, whichever route made it on this processor (net/ipv6/route.c). Seen of 6.18.
    """
    own = route.destination.prefixlen <= length
    if route.destination.version == 4 or not route.nexthop_id:
        return own
    end = nexthop.device, nexthop.gateway
    others = (
        one.destination.prefixlen <= length
        for one in ns.routes
        if one.nexthop_id and one.destination.version == 6 and end in _ends(one)
    )
    if all(one == own for one in others):
        return own
    return Unknown(
        f"routes of several lengths have the nexthop of {route.destination}, and which of them the processor "
        "used last decides whether a rule with suppress_prefixlength takes it"
    )


def _ends(route: Route) -> list[tuple[int, object]]:
    return [(one.device, one.gateway) for one in route.nexthops]

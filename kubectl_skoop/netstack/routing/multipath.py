"""Which nexthop of several (fib_select_multipath, nexthop_select_path_hthr, fib6_select_path)."""

from fractions import Fraction
from ipaddress import IPv4Address

from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours.neighbour_types import NUD_VALID
from kubectl_skoop.netstack.release import release
from kubectl_skoop.netstack.routing.flow import FlowKey
from kubectl_skoop.netstack.routing.select import nexthop_source
from kubectl_skoop.netstack.routing.text import nexthop_text
from kubectl_skoop.netstack.routing.types import Nexthop, Route
from kubectl_skoop.netstack.stack import Stack

_DEFAULT_FIELDS = 7
"""FIB_MULTIPATH_HASH_FIELD_DEFAULT_MASK: addresses and protocol. The bit between protocol and ports is IPv6's
flow label, which is one for a flow."""
_PREFERS_SOURCE_SINCE = (6, 16)
"""Kernel version from which a bound source draws the flow to its own device (K-47)."""


def choose_nexthop(stack: Stack, route: Route, key: FlowKey) -> Nexthop:
    """One of the nexthops that can be used, each as likely as its weight says: a hash of the flow decides."""
    ns = stack.ns
    usable = [nexthop for nexthop in route.nexthops if not _skipped(ns, nexthop, key.family)]
    shares = _shares(usable, [_good(ns, route, nexthop) for nexthop in usable])
    if key.iif == 0 and isinstance(key.src, IPv4Address) and not route.nexthop_id and _prefers_source(ns):
        own = [nexthop_source(ns, route, nexthop) == key.src for nexthop in usable]
        if any(own):
            shares = _shares(usable, own)
    options = [(share, nexthop) for share, nexthop in shares if share]
    if not options:
        return route.nexthops[0]
    names = ", ".join(nexthop_text(ns, nexthop, key.family) for _, nexthop in options)
    hashed = ns.id, tuple(options), hash_inputs(ns, key)
    return stack.choices.pick_by_hash(hashed, f"nexthop of {route.destination}: {names}", options)


def hash_inputs(ns: NetworkNamespace, key: FlowKey) -> tuple[object, ...]:
    """What of a flow chooses its nexthop (fib_multipath_hash, rt6_multipath_hash), so that all packets with
    the same go the same way. Of tunnels' packets (policy 2) the outer addresses stand for the inner ones."""
    tree = f"net.ipv{key.family}.fib_multipath_hash"
    match ns.sysctls.number(f"{tree}_policy", 0):
        case 1:
            return key.src, key.dst, key.protocol, key.sport, key.dport
        case 3:
            fields = ns.sysctls.number(f"{tree}_fields", _DEFAULT_FIELDS)
            values = key.src, key.dst, key.protocol, None, key.sport, key.dport
            return tuple(value for bit, value in enumerate(values) if fields >> bit & 1)
        case _:
            return key.src, key.dst, key.protocol if key.family == 6 else 0


def _skipped(ns: NetworkNamespace, nexthop: Nexthop, family: int) -> bool:
    """fib_rebalance: these get no part of the hash."""
    if nexthop.dead:
        return True
    return nexthop.linkdown and ignores_linkdown(ns, nexthop.device, family)


def is_dead(ns: NetworkNamespace, nexthop: Nexthop) -> bool:
    """RTNH_F_DEAD itself; a dump tells it of those without carrier that are to be passed over, too, though
    their device is up (fib_nexthop_info)."""
    device = ns.devices.get(nexthop.device)
    return nexthop.dead and not (nexthop.linkdown and device is not None and device.up)


def ignores_linkdown(ns: NetworkNamespace, device: int, family: int) -> bool:
    """ip_ignore_linkdown, ip6_ignore_linkdown: IPv6 knows no `all` here."""
    name = ns.device_name(device)
    if family == 4:
        return ns.sysctls.either(name, "ignore_routes_with_linkdown")
    return bool(ns.sysctls.device(name, "ignore_routes_with_linkdown", 0, 6))


def _good(ns: NetworkNamespace, route: Route, nexthop: Nexthop) -> bool:
    """fib_good_nh, ipv4_good_nh: nexthop objects always ask the neighbour's state, routes by sysctl."""
    if not route.nexthop_id and not ns.sysctls.number("net.ipv4.fib_multipath_use_neigh", 0):
        return True
    if nexthop.gateway is None:
        return True
    neighbour = ns.neighbour_by_key.get((nexthop.device, nexthop.gateway))
    return neighbour is None or bool(neighbour.state & NUD_VALID)


def _shares(nexthops: list[Nexthop], allowed: list[bool]) -> list[tuple[Fraction, Nexthop]]:
    """Each nexthop owns a part of the hash; that of one that is passed over falls to the next allowed one.

    Past the last allowed one it falls to the first.
    """
    total = sum(nexthop.weight for nexthop in nexthops)
    takers = [index for index, good in enumerate(allowed) if good]
    if not takers:
        takers = [0] if nexthops else []
    shares = dict.fromkeys(takers, Fraction(0))
    for index, nexthop in enumerate(nexthops):
        taker = next((candidate for candidate in takers if candidate >= index), takers[0])
        shares[taker] += Fraction(nexthop.weight, total)
    return [(share, nexthops[index]) for index, share in shares.items()]


def _prefers_source(ns: NetworkNamespace) -> bool:
    """By the kernel's release, if it was collected; else as new kernels do."""
    found = release(ns)
    return found is None or found >= _PREFERS_SOURCE_SINCE

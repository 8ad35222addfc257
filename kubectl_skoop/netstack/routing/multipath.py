"""Which nexthop of several (fib_select_multipath, nexthop_select_path_hthr, fib6_select_path)."""

from fractions import Fraction
from ipaddress import IPv4Address

from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours.neighbour_types import NUD_FAILED, NUD_VALID
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


def choose_nexthop(stack: Stack, route: Route, matched: Nexthop, key: FlowKey) -> Nexthop:
    """One of the nexthops that can be used, each as likely as its weight says: a hash of the flow decides.

    `matched`: the one by which the route was found.
    """
    ns = stack.ns
    usable = [nexthop for nexthop in route.nexthops if not _skipped(ns, nexthop, key.family)]
    good = [_good(ns, route, nexthop, key.family) for nexthop in usable]
    shares = _shares(usable, good)
    if key.family == 6 and not route.nexthop_id and is_host(ns):
        shares = _given_to(matched, shares, [has_failed(stack, nexthop) for _, nexthop in shares])
    if key.iif == 0 and isinstance(key.src, IPv4Address) and not route.nexthop_id and _prefers_source(ns):
        sources = [nexthop_source(ns, route, nexthop) for nexthop in usable]
        own = [answers and source == key.src for answers, source in zip(good, sources, strict=True)]
        if any(own):
            shares = _shares(usable, own)
    options = [(share, nexthop) for share, nexthop in shares if share]
    if not options:
        return matched
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


def is_host(ns: NetworkNamespace) -> bool:
    """Of IPv6, which then looks for gateways that answer (ip6_pol_route)."""
    return not ns.sysctls.device("all", "forwarding", 0, 6)


def has_failed(stack: Stack, nexthop: Nexthop) -> bool:
    """rt6_check_neigh: the gateway was asked for in vain, and has not answered since."""
    if nexthop.gateway is None:
        return False
    key = nexthop.device, nexthop.gateway
    entry = stack.ns.neighbour_by_key.get(key)
    return key not in stack.neighbours and entry is not None and bool(entry.state & NUD_FAILED)


def _good(ns: NetworkNamespace, route: Route, nexthop: Nexthop, family: int) -> bool:
    """fib_good_nh, nexthop_is_good_nh: nexthop objects always ask the neighbour's state, IPv4 by sysctl."""
    by_sysctl = family == 4 and ns.sysctls.number("net.ipv4.fib_multipath_use_neigh", 0)
    if not route.nexthop_id and not by_sysctl:
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


def _given_to(
    matched: Nexthop, shares: list[tuple[Fraction, Nexthop]], failed: list[bool]
) -> list[tuple[Fraction, Nexthop]]:
    """fib6_select_path: what falls to one whose gateway does not answer goes where the route was found."""
    found: dict[Nexthop, Fraction] = {}
    for (share, nexthop), gone in zip(shares, failed, strict=True):
        taker = matched if gone else nexthop
        found[taker] = found.get(taker, Fraction(0)) + share
    return [(share, nexthop) for nexthop, share in found.items()]


def _prefers_source(ns: NetworkNamespace) -> bool:
    """By the kernel's release, if it was collected; else as new kernels do."""
    found = release(ns)
    return found is None or found >= _PREFERS_SOURCE_SINCE

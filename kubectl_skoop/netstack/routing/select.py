"""Which address of its own the kernel sends from (inet_select_addr, fib_result_prefsrc)."""

from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from kubectl_skoop.model.packet import Address
from kubectl_skoop.netstack.device import InterfaceAddress
from kubectl_skoop.netstack.devices import vrf
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.select6 import select_address6
from kubectl_skoop.netstack.routing.types import SCOPE_HOST, SCOPE_LINK, Nexthop, Route

if TYPE_CHECKING:
    from kubectl_skoop.netstack.routing.lookup import Found


def select_address(
    ns: NetworkNamespace, device: int, destination: Address | None, scope: int
) -> Address | None:
    """inet_select_addr; for an IPv6 destination ipv6_dev_get_saddr.

    The device's first address whose subnet holds the destination, else its first, else that of another
    device; secondary addresses and those of a narrower scope do not count (K-9). Other devices are tried
    in the order of their indexes; within a VRF only its own, and itself before them.
    """
    if isinstance(destination, IPv6Address):
        return select_address6(ns, device, destination)
    own = ns.addresses_of(4, device)
    widest = SCOPE_LINK if ns.sysctls.either(ns.device_name(device), "route_localnet") else SCOPE_HOST
    fitting = [entry for entry in own if not entry.secondary and min(entry.scope, widest) <= scope]
    if destination is not None and int(destination):
        for entry in fitting:
            if _shares_subnet(entry, destination):
                return entry.address
    if fitting:
        return fitting[0].address
    master = vrf.index_of(ns, device)
    for index in sorted(ns.devices, key=lambda index: (index != master, index)):
        if vrf.index_of(ns, index) != master:
            continue
        for entry in ns.addresses_of(4, index):
            if not entry.secondary and entry.scope != SCOPE_LINK and entry.scope <= scope:
                return entry.address
    return None


def nexthop_source(ns: NetworkNamespace, route: Route, nexthop: Nexthop) -> Address | None:
    """fib_info_update_nhc_saddr: the source for packets by this nexthop of an IPv4 route."""
    gateway = nexthop.gateway if isinstance(nexthop.gateway, IPv4Address) else None
    return select_address(ns, nexthop.device, gateway, route.scope)


def preferred_source(ns: NetworkNamespace, found: "Found", destination: Address) -> Address | None:
    """The source of a packet whose sender chose none: fib_result_prefsrc, ip6_route_get_saddr."""
    if found.route.prefsrc is not None:
        return found.route.prefsrc
    if isinstance(destination, IPv6Address):
        return select_address6(ns, found.nexthop.device, destination)
    if found.route.type == "local":
        return destination
    return nexthop_source(ns, found.route, found.nexthop)


def _shares_subnet(entry: InterfaceAddress, address: Address) -> bool:
    """inet_ifa_match: of a point-to-point address the peer's side counts."""
    base = entry.peer if entry.peer is not None else entry.address
    return not (int(base) ^ int(address)) >> (32 - entry.prefix)

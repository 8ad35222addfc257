"""Whose address is it: the types of table local (__inet_dev_addr_type, __ip_dev_find)."""

from collections.abc import Iterator
from ipaddress import IPv6Address

from kubectl_skoop.model.packet import Address
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.types import TABLE_LOCAL, TABLE_MAIN, Route

_LIMITED_BROADCAST = 0xFFFFFFFF
_ERROR_TYPES = frozenset({"blackhole", "unreachable", "prohibit", "throw", "nat"})


def address_type(ns: NetworkNamespace, address: Address, device: int = 0) -> str:
    """As iptables names them: UNICAST, LOCAL, BROADCAST, MULTICAST, ANYCAST; IPv6 also UNSPEC, UNREACHABLE.

    `device`: LOCAL, BROADCAST … only if the entry is this device's, else UNICAST. IPv4 asks table local alone
    (inet_dev_addr_type), so a blackhole or unreachable destination is UNICAST.
    """
    if address.version == 6:
        return _type6(ns, address, device)
    number = int(address)
    if number == 0 or number == _LIMITED_BROADCAST:
        return "BROADCAST"
    if address.is_multicast:
        return "MULTICAST"
    route = _local_entry(ns, address)
    if route is None or (device and route.nexthops and route.nexthops[0].device != device):
        return "UNICAST"
    return route.type.upper()


def is_local(ns: NetworkNamespace, address: Address) -> bool:
    """A socket may send from it: an address of a device, or covered by a `local` route of table local.

    Kernel: __ip_dev_find, which IPv4 addresses of a device that is down pass (K-51); ipv6_chk_addr, which
    asks for no route, so that an anycast route does not hide an address, nor for tentative addresses.
    """
    entry = ns.local_addresses.get(address)
    if entry is None or address.version == 4:
        return local_device(ns, address) is not None
    return not entry.tentative


def local_device(ns: NetworkNamespace, address: Address) -> int | None:
    """Index of the device that has the address, or that the `local` route names; None: not local."""
    if address.version == 4 and (entry := ns.local_addresses.get(address)) is not None:
        return entry.device
    route = _local_entry(ns, address)
    return route.nexthops[0].device if route is not None and route.type == "local" else None


def owning_device(ns: NetworkNamespace, address: Address) -> int:
    """Index of the device that the address's entry in table local names, of whatever type; 0: it has none.

    Kernel: rt6i_idev, also where the packet itself comes by lo (ip6_rt_copy_init).
    """
    route = _local_entry(ns, address)
    return route.nexthops[0].device if route is not None and route.nexthops else 0


def anycast_addresses(ns: NetworkNamespace, device: int) -> Iterator[IPv6Address]:
    """ipv6_chk_acast_addr: those that a device answers for beside its own."""
    for route in ns.routes:
        address = route.destination.network_address
        if (
            (route.table, route.type) == (TABLE_LOCAL, "anycast")
            and isinstance(address, IPv6Address)
            and any(nexthop.device == device for nexthop in route.nexthops)
        ):
            yield address


def is_anycast(ns: NetworkNamespace, address: Address, device: int) -> bool:
    """What comes in by the device for the address gets an anycast route. A unicast one may be there, too; of
    both that by the device is taken (rt6_select)."""
    prefixes = ns.fib.table(6, TABLE_LOCAL)
    routes = [
        route
        for route in (prefixes.candidates(int(address)) if prefixes else ())
        if route.type in ("local", "anycast")
    ]
    near = [route for route in routes if any(nexthop.device == device for nexthop in route.nexthops)]
    return bool(routes) and (near or routes)[0].type == "anycast"


def _local_entry(ns: NetworkNamespace, address: Address) -> Route | None:
    """fib_table_lookup in table local, which IPv4 keeps together with main until a rule is changed."""
    fib = ns.fib
    merged = address.version == 4 and fib.has_default_rules
    prefixes = fib.merged if merged else fib.table(address.version, TABLE_LOCAL)
    for route in prefixes.candidates(int(address)) if prefixes else ():
        if route.tos:
            continue
        if route.type in _ERROR_TYPES:
            return None
        if any(not nexthop.dead for nexthop in route.nexthops):
            return route
    return None


def _type6(ns: NetworkNamespace, address: Address, device: int) -> str:
    """xt_addrtype.c, match_lookup_rt6, with tables local and main in place of all policy rules."""
    if not int(address):
        return "UNSPEC"
    if address.is_multicast:
        return "MULTICAST"
    route = _local_entry(ns, address)
    if route is not None and route.type in ("local", "anycast"):
        if device and all(nexthop.device != device for nexthop in route.nexthops):
            return "UNICAST"
        return route.type.upper()
    prefixes = ns.fib.table(6, TABLE_MAIN)
    route = next(prefixes.candidates(int(address)), None) if prefixes else None
    return "UNREACHABLE" if route is None or route.type in _ERROR_TYPES else "UNICAST"

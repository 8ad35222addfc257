"""Ways that rules ask for beside the packet's own: `-m rpfilter`, nft's `fib`."""

from ipaddress import IPv4Address
from typing import TypeGuard

from kubectl_skoop.model.packet import Address, Packet, Protocol
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.devices import vrf
from kubectl_skoop.netstack.release import release
from kubectl_skoop.netstack.routing.flow import FlowKey
from kubectl_skoop.netstack.routing.lookup import Failed, Found, match_by_device6, match_route, select_path
from kubectl_skoop.netstack.routing.source import uses
from kubectl_skoop.netstack.stack import Stack

_ANY, _LIMITED_BROADCAST = IPv4Address(0), IPv4Address(0xFFFFFFFF)
_ASKS_ONCE_SINCE = (6, 18)
"""Kernel version of which it is known that nft's `fib` looks an IPv6 way up once."""
_POINT_TO_POINT = 127
"""Prefix length from which on the first address of a subnet is no anycast one (ipv6_anycast_destination)."""
_LINK_GROUPS = 0xE00000
"""224.0.0.0/24 without its last byte."""


def rpfilter_match(
    stack: Stack,
    packet: Packet,
    device: int,
    *,
    loose: bool = False,
    validmark: bool = False,
    accept_local: bool = False,
    mark: int = 0,
) -> bool:
    """`-m rpfilter` (net/ipv4/netfilter/ipt_rpfilter.c, ip6t_rpfilter.c); `mark` counts with `validmark`."""
    entry = stack.ns.devices.get(device)
    if entry is not None and entry.loopback:
        return True
    key = FlowKey(dst=packet.src, mark=mark if validmark else 0, tos=packet.tos)
    if packet.family == 6:
        return _rpfilter6(stack, packet, device, key, loose, accept_local)
    if _for_everybody(packet):
        return True
    back = match_route(stack, key._replace(src=_asker(packet.dst)), ignore_linkdown=True)
    if isinstance(back, Failed):
        return False
    if back.route.type != "unicast" and not (back.route.type == "local" and accept_local):
        return False
    return loose or any(nexthop.device == device for nexthop in back.route.nexthops)


def _rpfilter6(
    stack: Stack, packet: Packet, device: int, key: FlowKey, loose: bool, accept_local: bool
) -> bool:
    """rpfilter_lookup_reverse6."""
    if int(packet.src) == 0:
        return True
    on_link = packet.src.is_link_local
    asks_device = on_link or not loose or vrf.index_of(stack.ns, device)
    key = key._replace(
        src=None if packet.dst.is_multicast else packet.dst,
        oif=device if asks_device else 0,
        prefers_oif=not on_link,
        protocol=packet.protocol,
    )
    back = match_by_device6(stack, key)
    if isinstance(back, Failed) or back.route.type == "anycast":
        return False
    if back.route.type == "local":
        return accept_local
    return loose or uses(stack.ns, back.nexthop, device)


def fib_device(
    stack: Stack, packet: Packet, *, device: int, arrival: int, source: bool, mark: int, asker: int = 0
) -> int | Unknown:
    """Index of the device that leads to the packet's source or destination; 0: none (nft_fib4_eval,
    nft_fib6_eval).

    `device`: the only one that counts, 0: any. `arrival`: the one that the packet came in by. `asker`: the
    out device of a forwarded packet, where the way of the source is asked with `iif`.
    """
    ns = stack.ns
    target, other = (packet.src, packet.dst) if source else (packet.dst, packet.src)
    key = FlowKey(dst=target, iif=asker, mark=mark, tos=packet.tos, protocol=packet.protocol)
    if packet.family == 6:
        if _is_duplicate_detection(packet):
            return arrival
        return _fib_device6(stack, key._replace(src=None if other.is_multicast else other), device, arrival)
    if _for_everybody(packet):
        return arrival
    key = key._replace(src=_asker(other), vrf=vrf.index_of(ns, device))
    found = match_route(stack, key, ignore_linkdown=True)
    if isinstance(found, Failed) or found.route.type == "local":
        return 0
    if not device:
        return found.nexthop.device
    return device if any(uses(ns, nexthop, device) for nexthop in found.route.nexthops) else 0


def _fib_device6(stack: Stack, key: FlowKey, device: int, arrival: int) -> int | Unknown:
    """Where the best route is by another device, older kernels ask again for one by this device."""
    if key.dst.is_link_local:
        key = key._replace(oif=device or arrival)
    key = key._replace(vrf=vrf.index_of(stack.ns, device))
    found = match_by_device6(stack, key)
    if not _leads_on(found):
        return 0
    chosen = select_path(stack, key, found)
    if isinstance(chosen, Failed):
        return 0
    if not device:
        return chosen.nexthop.device
    if uses(stack.ns, chosen.nexthop, device):
        return device
    by_device = match_by_device6(stack, key._replace(oif=device))
    number = release(stack.ns)
    if not _leads_on(by_device) or (number and number >= _ASKS_ONCE_SINCE):
        return 0
    name = stack.ns.device_name(device)
    return Unknown(
        f"whether a route to {key.dst} by {name} that is not the best counts: of Linux 6.18 it does not"
    )


def fib_type6(stack: Stack, packet: Packet, *, source: bool, device: int, arrival: int) -> str:
    """nft_fib6_eval_type: the type of the source or destination, as routes have it.

    `device`: only its addresses are local, 0: those of any.
    """
    target, other = (packet.src, packet.dst) if source else (packet.dst, packet.src)
    key = FlowKey(dst=target, src=other, tos=packet.tos, protocol=packet.protocol)
    if target.is_link_local:
        key = key._replace(oif=device or arrival)
    found = match_route(stack, key._replace(vrf=vrf.index_of(stack.ns, device)))
    if isinstance(found, Failed):
        return "unreachable" if found.kind == "no-route" else found.kind
    prefix = found.route.destination
    is_subnet = prefix.prefixlen < _POINT_TO_POINT and found.nexthop.gateway is None
    if found.route.type == "anycast" or (is_subnet and prefix.network_address == target):
        return "anycast"
    own = stack.ns.local_addresses.get(target)
    if (own is not None and own.device == device) if device else found.route.type == "local":
        return "local"
    return "multicast" if target.is_multicast else "unicast"


def _leads_on(found: Found | Failed) -> TypeGuard[Found]:
    return isinstance(found, Found) and found.route.type not in ("local", "anycast")


def _for_everybody(packet: Packet) -> bool:
    """From 0.0.0.0 to the limited broadcast or a group of the link."""
    everybody = packet.dst == _LIMITED_BROADCAST or int(packet.dst) >> 8 == _LINK_GROUPS
    return int(packet.src) >> 24 == 0 and everybody


def _is_duplicate_detection(packet: Packet) -> bool:
    """nft_fib_v6_skip_icmpv6."""
    asks = packet.protocol == Protocol.ICMPV6 and int(packet.src) == 0
    return asks and (packet.dst.is_link_local or packet.dst.is_multicast)


def _asker(address: Address) -> Address:
    """rpfilter_get_saddr, get_saddr."""
    unspecific = address.is_multicast or address == _LIMITED_BROADCAST or int(address) == 0
    return _ANY if unspecific else address

"""May a packet come in from its source: martians, own addresses, reverse path (net/ipv4/fib_frontend.c)."""

from ipaddress import IPv4Address
from typing import Literal, NamedTuple

from kubectl_skoop.model.packet import Address, Packet
from kubectl_skoop.netstack.devices import vrf
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.flow import FlowKey, ports
from kubectl_skoop.netstack.routing.lookup import (
    Failed,
    Found,
    match_route,
    rules_untouched,
)
from kubectl_skoop.netstack.routing.realm import of_source
from kubectl_skoop.netstack.routing.text import route_text, rule_text
from kubectl_skoop.netstack.routing.types import Nexthop
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.netstack.sysctl import device_key

_ANY, _LIMITED_BROADCAST = IPv4Address(0), IPv4Address(0xFFFFFFFF)
_SEND_REDIRECTS_DEFAULT = 1

SourceCode = Literal["source.martian", "source.own", "source.rp-filter"]


class WayBack(NamedTuple):
    """To a source that may come in."""

    direct: bool
    """It is a neighbour, as far as was looked at."""
    realm: int = 0
    """What its route and rule add to the realms of the packet (itag)."""


class SourceProblem(NamedTuple):
    code: SourceCode
    evidence: tuple[str, ...]
    """The setting with its value, and the route back."""
    sysctl: str
    """The setting that decides; empty if none would let the packet in."""


def martian_source(ns: NetworkNamespace, packet: Packet, device: int) -> SourceProblem | None:
    """Sources that are refused before any lookup (ip_route_input_slow)."""
    source = packet.src
    if source.is_multicast or source == _LIMITED_BROADCAST:
        return SourceProblem("source.martian", (f"{source} is no unicast address",), "")
    if packet.dst == _LIMITED_BROADCAST or int(source) == int(packet.dst) == 0:
        return None
    if int(source) == 0:
        return SourceProblem("source.martian", (f"{source} is a source for broadcasts only",), "")
    if source.is_loopback and not packet.dst.is_loopback:
        name = ns.device_name(device)
        if not ns.sysctls.either(name, "route_localnet"):
            sysctl = _key(name, "route_localnet")
            return SourceProblem("source.martian", (f"{source} is in 127.0.0.0/8", f"{sysctl} = 0"), sysctl)
    return None


def check_way_back(
    stack: Stack,
    packet: Packet,
    device: int,
    mark: int,
    *,
    asker: Address,
    out_device: int,
    filtered: bool = True,
) -> SourceProblem | WayBack:
    """fib_validate_source.

    `asker`: source of the lookup of the way back, 0.0.0.0 for broadcasts. `out_device` is that of the
    forward route, 0 for local delivery. Not `filtered`: IPsec let it in, and rp_filter does not count.
    """
    ns = stack.ns
    name = ns.device_name(device)
    strictness = ns.sysctls.maximum(name, "rp_filter") if filtered else 0
    redirects = device == out_device and sends_redirects(ns, name)
    if strictness or redirects or ns.fib.has_realms:
        return _full_check(stack, packet, device, mark, asker, out_device, strictness)
    if ns.sysctls.either(name, "accept_local"):
        return WayBack(direct=False)
    own = packet.src in ns.local_addresses
    if ns.fib.has_default_rules and not ns.fib.has_custom_local_routes:
        careful = _full_check(stack, packet, device, mark, asker, out_device, strictness)
        if isinstance(careful, SourceProblem) == own or rules_untouched(stack):
            return _own(stack, name, packet.src) if own else WayBack(direct=False)
        return careful
    return _full_check(stack, packet, device, mark, asker, out_device, strictness)


def sends_redirects(ns: NetworkNamespace, name: str) -> bool:
    """IN_DEV_TX_REDIRECTS."""
    return ns.sysctls.either(name, "send_redirects", _SEND_REDIRECTS_DEFAULT)


def _full_check(
    stack: Stack, packet: Packet, device: int, mark: int, asker: Address, out_device: int, strictness: int
) -> SourceProblem | WayBack:
    """__fib_validate_source. The lookup's iif is the *out* device of the forward route (K-43)."""
    ns = stack.ns
    name = ns.device_name(device)
    sport, dport = ports(packet)
    key = FlowKey(
        dst=packet.src,
        src=asker,
        iif=out_device,
        mark=mark if ns.sysctls.either(name, "src_valid_mark") else 0,
        tos=packet.tos,
        protocol=packet.protocol,
        sport=dport,
        dport=sport,
        vrf=vrf.index_of(ns, device),
    )
    back = match_route(stack, key)
    if isinstance(back, Failed):
        return _rp_filter(ns, name, packet, back) if strictness else WayBack(direct=False)
    if back.route.type == "local":
        if not ns.sysctls.either(name, "accept_local"):
            return _own(stack, name, packet.src)
    elif back.route.type != "unicast":
        evidence = (f"{packet.src} is of type {back.route.type}", route_text(ns, back.route))
        return SourceProblem("source.martian", evidence, "")
    loopback = back.route.type == "local" and name == "lo"
    if loopback or any(uses(ns, nexthop, device) for nexthop in back.route.nexthops):
        return WayBack(_direct(back), of_source(back))
    if not ns.addresses_of(4, device):
        return _rp_filter(ns, name, packet, back) if strictness else WayBack(direct=False)
    if strictness == 1:
        return _rp_filter(ns, name, packet, back)
    by_device = match_route(stack, key._replace(oif=device), ignore_linkdown=True)
    direct = isinstance(by_device, Found) and by_device.route.type == "unicast" and _direct(by_device)
    return WayBack(direct, of_source(back))


def uses(ns: NetworkNamespace, nexthop: Nexthop, device: int) -> bool:
    """fib_info_nh_uses_dev."""
    return device in (nexthop.device, vrf.index_of(ns, nexthop.device))


def _direct(found: Found) -> bool:
    """nhc_scope >= RT_SCOPE_HOST: no gateway between."""
    return found.nexthop.gateway is None


def _own(stack: Stack, name: str, source: Address) -> SourceProblem:
    sysctl = _key(name, "accept_local")
    return SourceProblem(
        "source.own", (f"{source} is an address of {stack.ns.place}", f"{sysctl} = 0"), sysctl
    )


def _rp_filter(ns: NetworkNamespace, name: str, packet: Packet, back: Found | Failed) -> SourceProblem:
    """Names the larger of `all` and the device, and the way back."""
    everywhere = ns.sysctls.device("all", "rp_filter")
    decides = "all" if everywhere > ns.sysctls.device(name, "rp_filter") else name
    sysctl = _key(decides, "rp_filter")
    value = ns.sysctls.device(decides, "rp_filter")
    way = route_text(ns, back.route) if back.route is not None else f"no route to {packet.src}"
    by = (rule_text(back.rule),) if back.rule is not None and isinstance(back, Failed) else ()
    return SourceProblem("source.rp-filter", (f"{sysctl} = {value}", way, *by), sysctl)


def _key(name: str, setting: str) -> str:
    return f"net.ipv4.conf.{device_key(name)}.{setting}"

"""IPv4: where a packet that is made here goes, and from which address (ip_route_output_key_hash_rcu)."""

from ipaddress import IPv4Address

from kubectl_skoop.model.packet import Address
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices import vrf
from kubectl_skoop.netstack.routing.exception import gateway
from kubectl_skoop.netstack.routing.flow import LOOPBACK_INDEX, FlowKey
from kubectl_skoop.netstack.routing.local import local_device
from kubectl_skoop.netstack.routing.lookup import (
    Failed,
    Found,
    match_route,
    select_path,
)
from kubectl_skoop.netstack.routing.realm import sent
from kubectl_skoop.netstack.routing.select import preferred_source, select_address
from kubectl_skoop.netstack.routing.types import SCOPE_HOST, SCOPE_LINK, RouteType
from kubectl_skoop.netstack.routing.way import OutputRoute, RouteError, RouteErrorKind
from kubectl_skoop.netstack.stack import Stack

_ANY, _LOOPBACK, _LIMITED_BROADCAST = IPv4Address(0), IPv4Address("127.0.0.1"), IPv4Address(0xFFFFFFFF)


def route_output4(stack: Stack, key: FlowKey) -> OutputRoute | RouteError:
    """Route and source; whether a source that is given is local is asked before (route_output)."""
    device: Device | None = None
    if key.src is not None and not int(key.src):
        key = key._replace(src=None)
    if key.src is not None and (key.src.is_multicast or key.src == _LIMITED_BROADCAST or int(key.src) == 0):
        return RouteError(errno="EINVAL", kind="source")
    group = key.dst.is_multicast or key.dst == _LIMITED_BROADCAST
    if group and key.src is not None and not key.oif:
        owner = local_device(stack.ns, key.src)
        if owner is None:
            return RouteError(errno="ENETUNREACH", kind="source")
        return _make_route(stack, key, owner, key.src, None)
    if key.oif:
        device = stack.ns.devices.get(key.oif)
        if device is None:
            return RouteError(errno="ENODEV", kind="device")
        if not device.up:
            return RouteError(errno="ENETUNREACH", kind="device")
        if key.dst == _LIMITED_BROADCAST or int(key.dst) >> 8 == 0xE00000:
            return _make_route(stack, key, key.oif, key.src or _select(stack, key.oif, SCOPE_LINK), None)
        if key.src is None and group:
            key = key._replace(src=_select(stack, key.oif, 0))
        elif key.src is None and not int(key.dst):
            key = key._replace(src=select_address(stack.ns, key.oif, None, SCOPE_HOST))
    if not int(key.dst):
        source = key.src or _LOOPBACK
        return _make_route(stack, key._replace(dst=source), LOOPBACK_INDEX, source, None, "local")
    return _by_route(stack, key)


def _by_route(stack: Stack, key: FlowKey) -> OutputRoute | RouteError:
    matched = match_route(stack, key)
    found = matched if isinstance(matched, Failed) else select_path(stack, key, matched)
    if isinstance(found, Failed):
        if vrf.flow(stack.ns, key).oif:
            # A bound device without a route: the kernel takes the destination for a neighbour there.
            return _make_route(stack, key, key.oif, key.src or _select(stack, key.oif, SCOPE_LINK), None)
        return RouteError(errno=found.errno, kind=found.kind, route=found.route, rule=found.rule)
    source = key.src or preferred_source(stack.ns, found, key.dst) or _ANY
    device = found.nexthop.device
    if found.route.type == "local":
        device = vrf.index_of(stack.ns, device) or LOOPBACK_INDEX
    return _make_route(stack, key, device, source, found)


def _make_route(
    stack: Stack,
    key: FlowKey,
    device: int,
    source: Address,
    found: Found | None,
    kind: RouteType = "unicast",
) -> OutputRoute | RouteError:
    """__mkroute_output."""
    if found is not None:
        kind = found.route.type
    entry = stack.ns.devices.get(device)
    loopback = device == LOOPBACK_INDEX or (entry is not None and entry.loopback)
    if (
        source.is_loopback
        and not loopback
        and not stack.ns.sysctls.either(stack.ns.device_name(device), "route_localnet")
    ):
        return _refused(found, "source")
    if key.dst == _LIMITED_BROADCAST:
        kind = "broadcast"
    elif key.dst.is_multicast:
        kind = "multicast"
    elif int(key.dst) == 0:
        return _refused(found, "destination")
    return OutputRoute(
        device=device,
        nexthop=gateway(stack.ns, key.dst, found) if found and kind not in ("broadcast", "local") else None,
        source=source,
        route=found.route if found else None,
        rule=found.rule if found else None,
        type=kind,
        loopback=loopback,
        realm=sent(stack.ns, found, kind),
    )


def _refused(found: Found | None, kind: RouteErrorKind) -> RouteError:
    return RouteError(
        errno="EINVAL", kind=kind, route=found.route if found else None, rule=found.rule if found else None
    )


def _select(stack: Stack, device: int, scope: int) -> Address:
    return select_address(stack.ns, device, None, scope) or _ANY

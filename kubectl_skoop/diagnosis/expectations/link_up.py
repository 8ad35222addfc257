"""What the kernel does when a device is set up: flags, bridge port, connected routes."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network

from kubectl_skoop.netstack.device import BR_STATE_FORWARDING, IFF_LOWER_UP, IFF_RUNNING, IFF_UP, Device
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.types import (
    PROTO_KERNEL,
    SCOPE_HOST,
    SCOPE_LINK,
    TABLE_LOCAL,
    TABLE_MAIN,
    Nexthop,
    Route,
)

BR_STATE_DISABLED = 0
_CARRIER = IFF_LOWER_UP | IFF_RUNNING


def bring_up(ns: NetworkNamespace, device: Device) -> NetworkNamespace:
    """`ip link set DEV up`, with a carrier: dev_open, fib_inetaddr_event (IPv4 routes only)."""
    up = give_carrier(ns, device.index, IFF_UP)
    known = {(route.destination, route.table, route.nexthops[:1]) for route in ns.routes}
    new = [
        route
        for route in connected_routes(ns, device)
        if (route.destination, route.table, route.nexthops[:1]) not in known
    ]
    return replace(up, routes=(*up.routes, *new))


def give_carrier(ns: NetworkNamespace, index: int, flags: int = 0) -> NetworkNamespace:
    """The other end came up: routes lose `linkdown`, ports forward again and give their bridge a carrier."""
    device = ns.devices[index]
    devices = {**ns.devices, index: replace(device, flags=device.flags | _CARRIER | flags)}
    master = devices.get(device.master)
    if master is not None:
        devices[master.index] = replace(master, flags=master.flags | _CARRIER)
    for port in ns.devices.values():
        if index in (port.index, port.master):
            devices[port.index] = _forwarding(devices[port.index], devices.get(port.master))
    routes = tuple(_with_link(route, index) for route in ns.routes)
    return replace(ns, devices=devices, routes=routes)


def _forwarding(device: Device, bridge: Device | None) -> Device:
    """br_stp_enable_port, without STP: a port forwards once it and its bridge are up."""
    port = device.port
    if port is None or port.state != BR_STATE_DISABLED or bridge is None:
        return device
    if not (device.up and device.carrier and bridge.up):
        return device
    return replace(device, port=port._replace(state=BR_STATE_FORWARDING))


def connected_routes(ns: NetworkNamespace, device: Device) -> Iterator[Route]:
    """fib_add_ifaddr, for each address of the device (net/ipv4/fib_frontend.c)."""
    nexthops = (Nexthop(device=device.index),)
    for entry in ns.addresses:
        if entry.device != device.index or entry.address.version != 4:
            continue
        prefsrc = entry.address
        yield Route(
            destination=ip_network(entry.address),
            table=TABLE_LOCAL,
            type="local",
            nexthops=nexthops,
            prefsrc=prefsrc,
            scope=SCOPE_HOST,
            protocol=PROTO_KERNEL,
        )
        target = ip_network((entry.peer or entry.address, entry.prefix), strict=False)
        if entry.broadcast is not None:
            yield Route(
                destination=ip_network(entry.broadcast),
                table=TABLE_LOCAL,
                type="broadcast",
                nexthops=nexthops,
                prefsrc=prefsrc,
                scope=SCOPE_LINK,
                protocol=PROTO_KERNEL,
            )
        if entry.prefix < 32 or entry.peer not in (None, entry.address):
            yield Route(
                destination=target,
                table=TABLE_LOCAL if device.loopback else TABLE_MAIN,
                type="local" if device.loopback else "unicast",
                nexthops=nexthops,
                prefsrc=prefsrc,
                scope=SCOPE_HOST if device.loopback else SCOPE_LINK,
                protocol=PROTO_KERNEL,
            )


def _with_link(route: Route, index: int) -> Route:
    if not any(hop.device == index and (hop.dead or hop.linkdown) for hop in route.nexthops):
        return route
    hops = (
        hop._replace(dead=False, linkdown=False) if hop.device == index else hop for hop in route.nexthops
    )
    return route._replace(nexthops=tuple(hops))

"""Route tables of transit gateways: the longest prefix decides, then who wrote the route.

(Transit Gateways guide, "Route evaluation order".)
"""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import NamedTuple

from kubectl_skoop.api import Address, Unknown, raw
from kubectl_skoop.providers.aws.inventory import Inventory, named
from kubectl_skoop.providers.aws.route_table import SHOWN, NoRoute
from kubectl_skoop.providers.network import contains

_AT_ONCE = 1000
"""Routes that one search answers, at most; a command line that asks for the rest does not say whether there
are more."""
_IN_FORCE = ("active", "blackhole")
_STATIC, _LISTED = 0, 1
_PROPAGATED: Mapping[str, int] = {"vpc": 2, "direct-connect-gateway": 3, "connect": 4, "vpn": 5}
_LAST = 6


class TransitRoute(NamedTuple):
    """The route that is taken."""

    table: str
    destination: str
    kind: str
    """`static` or `propagated`."""
    attachment: str
    """Its id; empty for a blackhole."""
    resource_type: str
    """`vpc`, `vpn`, `direct-connect-gateway`, `connect`, `peering`, …"""
    resource: str
    """Id of what is attached."""
    blackhole: bool

    def __str__(self) -> str:
        target = "blackhole" if self.blackhole else f"via {self.attachment} of {self.resource}"
        return f"{self.table}: {self.destination} {target} ({self.kind})"


def route_of(known: Inventory, table: str, address: Address) -> TransitRoute | NoRoute | Unknown:
    """Raises: ValueError (a destination that is no network)."""
    item = known.one("TransitGatewayRoutes", table)
    if isinstance(item, Unknown):
        return Unknown(f"the routes of {table} are not known: {item.reason}")
    routes = raw.items(item, "Routes")
    partial = raw.dig(item, "AdditionalRoutesAvailable")
    if partial or (partial is None and len(routes) == _AT_ONCE):
        return Unknown(f"{table} has more routes than the {len(routes)} that were collected")
    name = name_of(known, table)
    fitting: list[tuple[int, int, TransitRoute]] = []
    others: list[str] = []
    for route in routes:
        if raw.text(route, "State") not in _IN_FORCE:
            continue
        for destination in _destinations(known, route):
            if isinstance(destination, Unknown):
                return Unknown(f"{name} has a route for a prefix list, and {destination.reason}")
            found = _taken(name, destination, route)
            if contains(destination, address):
                length = ip_network(destination, strict=False).prefixlen
                fitting.append((-length, _rank(route), found))
            else:
                others.append(str(found))
    return min(fitting)[2] if fitting else NoRoute(name, tuple(others[:SHOWN]))


def name_of(known: Inventory, table: str) -> str:
    """`tgw-rtb-0ab (shared)`: with its name tag, as far as that was collected."""
    item = known.one("TransitGatewayRouteTables", table)
    return table if isinstance(item, Unknown) else named(item, "TransitGatewayRouteTableId")


def propagating(known: Inventory, table: str) -> Sequence[str] | Unknown:
    """Attachments whose networks come into the table by themselves."""
    item = known.one("TransitGatewayPropagations", table)
    if isinstance(item, Unknown):
        return item
    entries = raw.items(item, "TransitGatewayRouteTablePropagations")
    return [
        raw.text(entry, "TransitGatewayAttachmentId")
        for entry in entries
        if raw.text(entry, "State") in ("enabled", "enabling")
    ]


def _destinations(known: Inventory, route: object) -> Iterator[str | Unknown]:
    if written := raw.text(route, "DestinationCidrBlock"):
        yield written
    elif key := raw.text(route, "PrefixListId"):
        networks = known.prefix_list(key)
        if isinstance(networks, Unknown):
            yield networks
        else:
            yield from networks


def _rank(route: object) -> int:
    if raw.text(route, "Type") == "static":
        return _LISTED if raw.text(route, "PrefixListId") else _STATIC
    kinds = [raw.text(one, "ResourceType") for one in raw.items(route, "TransitGatewayAttachments")]
    return min((_PROPAGATED.get(kind, _LAST) for kind in kinds), default=_LAST)


def _taken(table: str, destination: str, route: object) -> TransitRoute:
    """Of several attachments (equal cost) the first: only VPN, Connect and Direct Connect have them."""
    first = next(iter(raw.items(route, "TransitGatewayAttachments")), {})
    return TransitRoute(
        table,
        destination,
        raw.text(route, "Type"),
        raw.text(first, "TransitGatewayAttachmentId"),
        raw.text(first, "ResourceType"),
        raw.text(first, "ResourceId"),
        raw.text(route, "State") == "blackhole",
    )

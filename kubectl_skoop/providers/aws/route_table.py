"""Route tables of subnets: the longest prefix decides, whatever becomes of its target.

(VPC User Guide, "Route priority".)
"""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import NamedTuple

from kubectl_skoop.api import Address, Unknown, raw
from kubectl_skoop.providers.allow_list import Item
from kubectl_skoop.providers.aws.inventory import Inventory, named
from kubectl_skoop.providers.network import contains

_TARGETS = (
    "NetworkInterfaceId",
    "InstanceId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "EgressOnlyInternetGatewayId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
    "GatewayId",
)
LOCAL = "local"
SHOWN = 8
"""Routes that are shown where none fits."""


class VpcRoute(NamedTuple):
    """The route that is taken."""

    table: str
    destination: str
    target: str
    """Id of a gateway or interface, or `local`."""
    blackhole: bool

    def __str__(self) -> str:
        return f"{self.table}: {self.destination} via {self.target}" + (
            " (blackhole)" if self.blackhole else ""
        )


class NoRoute(NamedTuple):
    """No route fits."""

    table: str
    others: tuple[str, ...] = ()
    """Some of the routes that it has."""


def route_of(inventory: Inventory, subnet: str, vpc: str, address: Address) -> VpcRoute | NoRoute | Unknown:
    """Raises: ValueError (a destination that is no network)."""
    table = _table_of(inventory, subnet, vpc)
    if isinstance(table, Unknown):
        return table
    name = named(table, "RouteTableId")
    best: tuple[int, VpcRoute] | None = None
    others: list[str] = []
    for route in raw.items(table, "Routes"):
        for destination in _destinations(inventory, route):
            if isinstance(destination, Unknown):
                return Unknown(f"{name} has a route for a prefix list, and {destination.reason}")
            found = VpcRoute(name, destination, _target(route), raw.text(route, "State") == "blackhole")
            length = ip_network(destination, strict=False).prefixlen
            if not contains(destination, address):
                others.append(str(found))
            elif best is None or length > best[0]:
                best = length, found
    return best[1] if best else NoRoute(name, tuple(others[:SHOWN]))


def dead_routes(inventory: Inventory, subnet: str, vpc: str) -> Iterator[VpcRoute]:
    """Routes of a subnet's table whose target is gone; none: its table is not known."""
    table = _table_of(inventory, subnet, vpc)
    if isinstance(table, Unknown):
        return
    for route in raw.items(table, "Routes"):
        if raw.text(route, "State") == "blackhole":
            fields = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
            written = next((text for field in fields if (text := raw.text(route, field))), "?")
            yield VpcRoute(named(table, "RouteTableId"), written, _target(route), True)


def _destinations(inventory: Inventory, route: object) -> Iterator[str | Unknown]:
    for field in ("DestinationCidrBlock", "DestinationIpv6CidrBlock"):
        if written := raw.text(route, field):
            yield written
    if key := raw.text(route, "DestinationPrefixListId"):
        networks = inventory.prefix_list(key)
        if isinstance(networks, Unknown):
            yield networks
        else:
            yield from networks


def _target(route: object) -> str:
    return next((target for field in _TARGETS if (target := raw.text(route, field))), "(no target)")


def _table_of(inventory: Inventory, subnet: str, vpc: str) -> Item | Unknown:
    """The subnet's own, else the main one of the VPC."""
    tables = inventory.all("RouteTables")
    if isinstance(tables, Unknown):
        return Unknown(f"the route table of {subnet} is not known: {tables.reason}")
    main = None
    for table in tables:
        for association in raw.items(table, "Associations"):
            if raw.text(association, "SubnetId") == subnet:
                return table
            if raw.flag(association, "Main") and raw.text(table, "VpcId") == vpc:
                main = table
    whole = inventory.whole("RouteTables")
    if isinstance(whole, Unknown):
        return Unknown(f"the route table of {subnet} may be another than the main one: {whole.reason}")
    return main or Unknown(f"no route table of {subnet}, nor a main one of {vpc}, was collected")

"""Route tables of vSwitches: the longest prefix decides, for packets inside a vSwitch, too.

(VPC User Guide, "Route table overview".)
"""

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import NamedTuple

from kubectl_skoop.api import Address, Unknown, raw
from kubectl_skoop.providers.aliyun.inventory import Inventory
from kubectl_skoop.providers.network import contains

LOCAL, SERVICE = "local", "service"
SHOWN = 8
"""Routes that are shown where none fits."""
_COLLECTED: Mapping[str, str] = {"Instance": "Instances", "NetworkInterface": "NetworkInterfaces"}
"""Kinds of next hops: where they would be."""


class VpcRoute(NamedTuple):
    """The route that is taken."""

    table: str
    destination: str
    hop_type: str
    """`local`, `service`, `Instance`, `NetworkInterface`, `NatGateway`, …"""
    hop: str
    """Id of it; empty for the first two."""

    def __str__(self) -> str:
        return f"{self.table}: {self.destination} via {' '.join(filter(None, (self.hop_type, self.hop)))}"


class NoRoute(NamedTuple):
    """No route fits."""

    table: str
    others: tuple[str, ...] = ()
    """Some of the routes that it has."""


def route_of(known: Inventory, vswitch: str, address: Address) -> VpcRoute | NoRoute | Unknown:
    """Raises: ValueError (a destination that is no network)."""
    item = known.one("VSwitches", vswitch)
    if isinstance(item, Unknown):
        return Unknown(f"the route table of {vswitch} is not known: {item.reason}")
    table = raw.text(item, "RouteTable", "RouteTableId")
    entries, whole = known.all("RouteEntries"), known.whole("RouteEntries")
    for state in (entries, whole):
        if isinstance(state, Unknown):
            return Unknown(f"the routes of {table} are not known: {state.reason}")
    own = [entry for entry in known.known("RouteEntries") if raw.text(entry, "RouteTableId") == table]
    if not own:
        return Unknown(f"the routes of {table}, of {vswitch}, were not collected")
    fitting = [entry for entry in own if contains(raw.text(entry, "DestinationCidrBlock"), address)]
    if not fitting:
        shown = (_taken(table, entry) for entry in own[:SHOWN])
        return NoRoute(table, tuple(str(one) for one in shown if isinstance(one, VpcRoute)))
    best = max(
        fitting, key=lambda entry: ip_network(raw.text(entry, "DestinationCidrBlock"), False).prefixlen
    )
    return _taken(table, best)


def dead_routes(known: Inventory, vswitch: str) -> Iterator[tuple[VpcRoute, str]]:
    """Routes of a vSwitch's table that lead to nothing, and why; none: its table is not known."""
    item = known.one("VSwitches", vswitch)
    table = "" if isinstance(item, Unknown) else raw.text(item, "RouteTable", "RouteTableId")
    for entry in known.known("RouteEntries") if table else ():
        if raw.text(entry, "RouteTableId") != table:
            continue
        status = raw.text(entry, "Status")
        for hop in raw.items(entry, "NextHops", "NextHop"):
            kind, key = raw.text(hop, "NextHopType"), raw.text(hop, "NextHopId")
            route = VpcRoute(table, raw.text(entry, "DestinationCidrBlock"), kind, key)
            if status not in ("", "Available"):
                yield route, f"it is {status}"
            elif kind in _COLLECTED and not isinstance(known.whole(_COLLECTED[kind]), Unknown):
                target = known.one(_COLLECTED[kind], key)
                if isinstance(target, Unknown):
                    yield route, target.reason


def _taken(table: str, entry: object) -> VpcRoute | Unknown:
    destination = raw.text(entry, "DestinationCidrBlock")
    hops = [hop for hop in raw.items(entry, "NextHops", "NextHop") if raw.dig(hop, "Enabled") != 0]
    if len(hops) != 1:
        return Unknown(f"the route of {table} to {destination} has {len(hops)} next hops: it is not modelled")
    if (status := raw.text(entry, "Status")) not in ("", "Available"):
        return Unknown(f"the route of {table} to {destination} is {status}")
    return VpcRoute(table, destination, raw.text(hops[0], "NextHopType"), raw.text(hops[0], "NextHopId"))

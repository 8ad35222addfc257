"""The ways out of the VPC: an elastic address, a NAT gateway with SNAT, an IPv4 gateway."""

from collections.abc import Iterator, Mapping, Sequence

from kubectl_skoop.api import NodeInfo, Packet, Suspicion, Unknown, raw
from kubectl_skoop.providers.aliyun.interface import Interface
from kubectl_skoop.providers.aliyun.inventory import Inventory
from kubectl_skoop.providers.aliyun.route_table import NoRoute, VpcRoute
from kubectl_skoop.providers.allow_list import Item
from kubectl_skoop.providers.finding import open_question, stops
from kubectl_skoop.providers.network import contains, is_public

_BEYOND = {
    "VpnGateway": "a VPN gateway",
    "RouterInterface": "a router interface",
    "Attachment": "a transit router",
    "CenBasic": "a Cloud Enterprise Network",
    "Ecr": "an Express Connect router",
    "GatewayEndpoint": "a gateway endpoint",
    "IPv6Gateway": "an IPv6 gateway",
    "HaVip": "a high-availability address",
    "VpcPeer": "a peering connection",
}


def through(
    known: Inventory, node: NodeInfo, at: Interface, packet: Packet, route: VpcRoute | NoRoute
) -> Iterator[Suspicion]:
    """An elastic address of its own comes before a NAT gateway. Raises: ValueError."""
    kind = route.hop_type if isinstance(route, VpcRoute) else ""
    if kind not in ("", "NatGateway", "Ipv4Gateway"):
        yield _beyond(node, packet, route)
        return
    public = known.public(at, packet.src) if is_public(packet.dst) else None
    if isinstance(public, Unknown):
        reason = f"whether {at.id} has a public address is not known: {public.reason}"
        yield open_question("aliyun.unknown", node, Unknown(reason))
    elif isinstance(route, VpcRoute) and kind == "Ipv4Gateway":
        yield from _ipv4_gateway(known, node, at, packet, route, public)
    elif public is not None:
        return
    elif isinstance(route, VpcRoute):
        yield from _nat(known, node, at, packet, route)
    else:
        yield no_route(node, at, packet, route)


def no_route(node: NodeInfo, at: Interface, packet: Packet, route: VpcRoute | NoRoute) -> Suspicion:
    """The end of a packet."""
    others = route.others if isinstance(route, NoRoute) else ()
    return stops(
        "aliyun.route.none",
        node,
        f"the route table {route.table} of {at.vswitch} has no route to {packet.dst}",
        (*((f"{packet.src} has no elastic address",) if is_public(packet.dst) else ()), *others),
        "add a route, or make a NAT gateway with an SNAT entry"
        if is_public(packet.dst)
        else "add a route to it",
    )


def _beyond(node: NodeInfo, packet: Packet, route: VpcRoute | NoRoute) -> Suspicion:
    kind = route.hop_type if isinstance(route, VpcRoute) else ""
    what = _BEYOND.get(kind, f"a next hop ({kind}) that is not modelled")
    reason = f"{packet.dst} is beyond {what}, and nothing beyond it was collected ({route})"
    return open_question("aliyun.beyond", node, Unknown(reason))


def _ipv4_gateway(
    known: Inventory, node: NodeInfo, at: Interface, packet: Packet, route: VpcRoute, public: str | None
) -> Iterator[Suspicion]:
    gateway = known.one("Ipv4Gateways", route.hop)
    if isinstance(gateway, Unknown):
        yield open_question("aliyun.unknown", node, gateway)
    elif not raw.flag(gateway, "Enabled"):
        message = f"the IPv4 gateway {route.hop} is not activated"
        yield stops("aliyun.gateway.unusable", node, message, (str(route),), "activate it")
    elif not is_public(packet.dst):
        yield stops(
            "aliyun.route.elsewhere",
            node,
            f"{at.vswitch} leads {packet.dst} to {route.hop} and the internet, which has no route to a "
            "private address",
            (str(route),),
            "add a route for it to what leads there: a transit router, a router interface, a VPN",
        )
    elif public is None:
        yield stops(
            "aliyun.no-public-address",
            node,
            f"{packet.src} leaves by the IPv4 gateway {route.hop}, but has no public address",
            (str(route),),
            f"give {at.id} an elastic address, or lead {at.vswitch} to a NAT gateway",
        )


def _nat(
    known: Inventory, node: NodeInfo, at: Interface, packet: Packet, route: VpcRoute
) -> Iterator[Suspicion]:
    gateway = known.one("NatGateways", route.hop)
    if isinstance(gateway, Unknown):
        yield open_question("aliyun.unknown", node, gateway)
        return
    status, business = raw.text(gateway, "Status"), raw.text(gateway, "BusinessStatus")
    if status != "Available" or business not in ("", "Normal"):
        state = status if status != "Available" else business
        message = f"the NAT gateway {route.hop} is {state or 'in no known state'}"
        yield stops("aliyun.gateway.unusable", node, message, (str(route),), "mend it, or make another one")
        return
    if raw.text(gateway, "NetworkType") == "intranet":
        reason = f"{packet.dst} is reached by the VPC NAT gateway {route.hop}, whose way on is not modelled"
        yield open_question("aliyun.beyond", node, Unknown(reason))
        return
    if not is_public(packet.dst):
        reason = (
            f"{packet.dst} is a private address, and whether the NAT gateway {route.hop} leads anywhere but "
        )
        yield open_question(
            "aliyun.beyond", node, Unknown(f"{reason}to the internet is not modelled ({route})")
        )
        return
    entries = known.all("SnatTableEntries")
    if isinstance(entries, Unknown):
        yield open_question("aliyun.unknown", node, entries)
        return
    own = [entry for entry in entries if _is_of(entry, gateway, route.hop)]
    fitting = [entry for entry in own if _translates(known, entry, at, packet)]
    if any(raw.text(entry, "Status") in ("", "Available") for entry in fitting):
        return
    whole = known.whole("SnatTableEntries")
    if isinstance(whole, Unknown):
        yield open_question("aliyun.unknown", node, whole)
        return
    yield stops(
        "aliyun.snat.none",
        node,
        f"the NAT gateway {route.hop} has no usable SNAT entry for {packet.src} of {at.vswitch}",
        (str(route), *_shown(own)),
        f"aliyun vpc CreateSnatEntry --SnatTableId {_table(gateway)} --SourceCIDR {packet.src}/32 "
        "--SnatIp ADDRESS, or an entry for the whole vSwitch",
    )


def _is_of(entry: Item, gateway: Item, key: str) -> bool:
    return raw.text(entry, "NatGatewayId") == key or raw.text(entry, "SnatTableId") in _tables(gateway)


def _tables(gateway: Item) -> Sequence[str]:
    return raw.texts(gateway, "SnatTableIds", "SnatTableId")


def _table(gateway: Item) -> str:
    return next(iter(_tables(gateway)), "TABLE")


def _translates(known: Inventory, entry: Item, at: Interface, packet: Packet) -> bool:
    """By its network, or that of its vSwitch."""
    written = raw.text(entry, "SourceCIDR")
    if not written:
        vswitch = known.one("VSwitches", raw.text(entry, "SourceVSwitchId"))
        written = raw.text(vswitch, "CidrBlock") if isinstance(vswitch, Mapping) else ""
    return bool(written) and contains(written, packet.src)


def _shown(entries: Sequence[Item]) -> Sequence[str]:
    return [
        f"{raw.text(entry, 'SnatEntryId')}: {raw.text(entry, 'SourceCIDR')} to {raw.text(entry, 'SnatIp')}"
        f" ({raw.text(entry, 'Status') or 'Available'})"
        for entry in entries[:8]
    ] or ["it has no SNAT entry"]

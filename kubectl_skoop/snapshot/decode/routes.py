"""Routes of every table, their nexthop objects resolved, and route exceptions."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from kubectl_skoop.model.packet import Address, TunnelKey
from kubectl_skoop.netstack.routing.types import Nexthop, Route, RouteException, RouteType
from kubectl_skoop.snapshot.decode.columns import Columns, spread
from kubectl_skoop.snapshot.decode.entry import Entry, entries
from kubectl_skoop.snapshot.decode.rows import RowDecoder

RTM_F_CLONED = 0x200
RTNH_F_DEAD, RTNH_F_ONLINK, RTNH_F_LINKDOWN = 0x01, 0x04, 0x10
RTAX_MTU = 2
_TYPES: dict[int, RouteType] = {
    1: "unicast",
    2: "local",
    3: "broadcast",
    4: "anycast",
    5: "multicast",
    6: "blackhole",
    7: "unreachable",
    8: "prohibit",
    9: "throw",
    10: "nat",
}
_MORE_THAN_A_NEXTHOP = frozenset({"multipath", "via", "encap", "encap_type", "nh_id"})
_ERRORS = frozenset({"blackhole", "unreachable", "prohibit", "throw"})
LWTUNNEL_ENCAP_IP = (2, 4)
TUNNEL_CSUM, TUNNEL_KEY, TUNNEL_SEQ, TUNNEL_DONT_FRAGMENT = 0x1, 0x4, 0x8, 0x100
_ENCAPSULATIONS = {1: "mpls", 2: "ip", 3: "ila", 4: "ip6", 5: "seg6", 6: "bpf", 7: "seg6local", 8: "rpl"}


class NexthopObject(NamedTuple):
    """RTM_GETNEXTHOP: a next hop, or a group of them."""

    nexthops: tuple[Nexthop, ...] = ()
    members: tuple[tuple[int, int], ...] = ()
    """Of a group: id and weight."""
    by_buckets: bool = False
    """A resilient group: the weights are its buckets, which the list in the route does not have."""
    blackhole: bool = False
    encap: str = ""


def decode_buckets(data: object) -> dict[int, Counter[int]]:
    """Of each resilient group: how many buckets each nexthop has. Raises: FormatError."""
    found: dict[int, Counter[int]] = defaultdict(Counter)
    for entry in entries(data, "$.nexthop_buckets"):
        found[entry.number("id")][entry.entry("bucket").number("nh_id")] += 1
    return found


def decode_nexthops(data: object, buckets: Mapping[int, Mapping[int, int]]) -> dict[int, NexthopObject]:
    """Nexthop objects by their id; `buckets`: of `decode_buckets`. Raises: FormatError."""
    return {
        entry.number("id"): _object(entry, buckets.get(entry.number("id"), {}))
        for entry in entries(data, "$.nexthops")
    }


def _object(entry: Entry, buckets: Mapping[int, int]) -> NexthopObject:
    """A resilient group sends by its buckets, whatever its weights ask for (nexthop_select_path_res)."""
    if "group" in entry.fields:
        if buckets:
            return NexthopObject(members=tuple(buckets.items()), by_buckets=True)
        members = tuple((one.number("id"), one.number("weight")) for one in entry.entries("group"))
        return NexthopObject(members=members)
    if entry.flag("blackhole"):
        return NexthopObject(blackhole=True)
    return NexthopObject(nexthops=(_nexthop(entry),), encap=_encapsulation(entry))


def routes_with(objects: Mapping[int, NexthopObject]) -> RowDecoder[Route]:
    """For a namespace with these nexthop objects."""
    return RowDecoder("routes", partial(_routes, objects=objects), _kept, _aged) if objects else ROUTES


def _kept(rows: Columns) -> list[bool]:
    return [not flags & RTM_F_CLONED for flags in rows.numbers("flags")]


class _Way(NamedTuple):
    """Where a route leads."""

    type: RouteType
    nexthops: tuple[Nexthop, ...]
    encap: str = ""
    tunnel: TunnelKey | None = None


def _routes(rows: Columns, *, objects: Mapping[int, NexthopObject]) -> list[Route]:
    ways = _ways(rows, objects)
    have, metrics = rows.have("metrics"), rows.inside("metrics")
    locks = spread(metrics.numbers("lock", 0), have, 0)
    return list(
        map(
            Route,
            rows.networks("dst", "dst_len"),
            rows.numbers("table"),
            [way.type for way in ways],
            [way.nexthops for way in ways],
            rows.optional_addresses("prefsrc"),
            rows.numbers("priority", 0),
            rows.numbers("scope"),
            rows.numbers("protocol"),
            rows.numbers("tos"),
            spread(metrics.numbers("mtu", 0), have, 0),
            [bool(lock & 1 << RTAX_MTU) for lock in locks],
            spread(metrics.numbers("advmss", 0), have, 0),
            rows.numbers("nh_id", 0),
            rows.numbers("pref", 0),
            [way.tunnel for way in ways],
            [way.encap for way in ways],
        )
    )


def _ways(rows: Columns, objects: Mapping[int, NexthopObject]) -> list[_Way]:
    special = [
        bool(length) or more
        for length, more in zip(rows.numbers("src_len"), rows.have_any(_MORE_THAN_A_NEXTHOP), strict=True)
    ]
    plain = iter(_plain_ways(rows.only([not one for one in special])))
    others = (_special_way(entry, objects) for entry in rows.only(special).entries())
    return [next(others if one else plain) for one in special]


def _plain_ways(rows: Columns) -> Iterator[_Way]:
    types = rows.numbers("type")
    if not _TYPES.keys() >= set(types):
        types = [_type(entry) for entry in rows.entries()]
    devices, gateways = rows.numbers("oif", 0), rows.optional_addresses("gateway")
    flags, realms = rows.numbers("flags"), rows.numbers("flow", 0)
    for number, device, gateway, bits, realm in zip(types, devices, gateways, flags, realms, strict=True):
        kind = _TYPES[number]
        if kind in _ERRORS or not (device or gateway is not None):
            yield _Way(kind, ())
            continue
        onlink, dead, down = bits & RTNH_F_ONLINK, bits & RTNH_F_DEAD, bits & RTNH_F_LINKDOWN
        yield _Way(kind, (Nexthop(device, gateway, 1, bool(onlink), bool(dead), bool(down), realm),))


def _special_way(entry: Entry, objects: Mapping[int, NexthopObject]) -> _Way:
    kind = _TYPES[_type(entry)]
    number = entry.number("nh_id", 0)
    nexthops, encap = _nexthops_of(entry)
    by_buckets = number in objects and objects[number].by_buckets
    if number and (by_buckets or not nexthops) and kind not in _ERRORS:
        kind, nexthops, encap = _resolve(entry, number, kind, objects)
    if entry.number("src_len"):
        encap = f"from {entry.address('src')}/{entry.number('src_len')}"
    return _Way(kind, () if kind in _ERRORS else nexthops, encap, _tunnel(entry))


def _type(entry: Entry) -> int:
    """RTN_*"""
    number = entry.number("type")
    if number not in _TYPES:
        raise entry.wrong("type", f"no route type: {number}")
    return number


def _aged(routes: Sequence[Route], ages: Columns) -> Iterator[Route]:
    """An expired route is listed until it is swept up, but not used (rt6_check_expired)."""
    for route, expires in zip(routes, ages.numbers("expires", 0), strict=True):
        if expires >= 0:
            yield route
        else:
            dead = (nexthop._replace(dead=True, linkdown=False) for nexthop in route.nexthops)
            yield route._replace(nexthops=tuple(dead))


ROUTES = RowDecoder("routes", partial(_routes, objects={}), _kept, _aged)
"""Of a namespace without nexthop objects."""


def _tunnel(entry: Entry) -> TunnelKey | None:
    """None: it says nothing, or what it says is bytes (of an older agent, redacted)."""
    if not _is_tunnel(entry):
        return None
    key = entry.entry("encap")
    flags = key.number("flags", 0)
    source = key.optional_address("src")
    return TunnelKey(
        id=key.number("id", 0),
        destination=key.address("dst"),
        source=source if source is not None and int(source) else None,
        ttl=key.number("ttl", 0),
        tos=key.number("tos", 0),
        df=bool(flags & TUNNEL_DONT_FRAGMENT),
        keyed=bool(flags & TUNNEL_KEY),
        checksum=bool(flags & TUNNEL_CSUM),
        sequence=bool(flags & TUNNEL_SEQ),
    )


def _is_tunnel(entry: Entry) -> bool:
    encap = entry.fields.get("encap")
    return entry.number("encap_type", 0) in LWTUNNEL_ENCAP_IP and isinstance(encap, dict) and "dst" in encap


def _nexthops_of(entry: Entry) -> tuple[tuple[Nexthop, ...], str]:
    if "multipath" in entry.fields:
        paths = list(entry.entries("multipath"))
        encap = next((name for path in paths if (name := _encapsulation(path))), "")
        return tuple(_nexthop(path, path.number("hops") + 1) for path in paths), encap
    if "oif" in entry.fields or "gateway" in entry.fields or "via" in entry.fields:
        return (_nexthop(entry),), "" if _is_tunnel(entry) else _encapsulation(entry)
    return (), _encapsulation(entry)


def _resolve(
    entry: Entry, number: int, kind: RouteType, objects: Mapping[int, NexthopObject]
) -> tuple[RouteType, tuple[Nexthop, ...], str]:
    """With nexthop_compat_mode=0 a route has only the id (K-53)."""
    chosen = objects.get(number)
    if chosen is None:
        raise entry.wrong("nh_id", f"no nexthop object {number}")
    if chosen.blackhole:
        return "blackhole", (), ""
    nexthops = list(chosen.nexthops)
    encap = chosen.encap
    for member, weight in chosen.members:
        part = objects.get(member)
        if part is None:
            raise entry.wrong("nh_id", f"group {number} has no nexthop object {member}")
        if part.blackhole:
            return "blackhole", (), ""
        encap = encap or part.encap
        nexthops += [_weighted(nexthop, weight) for nexthop in part.nexthops]
    return kind, tuple(nexthops), encap


def _weighted(nexthop: Nexthop, weight: int) -> Nexthop:
    return Nexthop(
        device=nexthop.device,
        gateway=nexthop.gateway,
        weight=weight,
        onlink=nexthop.onlink,
        dead=nexthop.dead,
        linkdown=nexthop.linkdown,
    )


def _nexthop(entry: Entry, weight: int = 1) -> Nexthop:
    flags = entry.number("flags")
    return Nexthop(
        device=entry.number("oif", 0),
        gateway=_gateway(entry),
        weight=weight,
        onlink=bool(flags & RTNH_F_ONLINK),
        dead=bool(flags & RTNH_F_DEAD),
        linkdown=bool(flags & RTNH_F_LINKDOWN),
        realm=entry.number("flow", 0),
    )


def _gateway(entry: Entry) -> Address | None:
    """RTA_VIA: a gateway of the other family."""
    if "via" in entry.fields:
        return entry.entry("via").address("address")
    return entry.optional_address("gateway")


def _encapsulation(entry: Entry) -> str:
    number = entry.number("encap_type", 0)
    return _ENCAPSULATIONS.get(number, f"encapsulation {number}") if number else ""


def decode_exceptions(data: object) -> tuple[RouteException, ...]:
    """Raises: FormatError."""
    return tuple(
        RouteException(
            destination=entry.address("dst"),
            mtu=entry.entry("metrics").number("mtu", 0),
            gateway=entry.optional_address("gateway"),
            device=entry.number("oif", 0),
            table=entry.number("table", 0),
        )
        for entry in entries(data, "$.route_exceptions")
        if entry.number("flags") & RTM_F_CLONED
    )

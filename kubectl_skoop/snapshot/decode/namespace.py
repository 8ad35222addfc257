"""One namespace: each table on its own, so that a damaged one is a gap and the others stand."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from kubectl_skoop.model.errors import FormatError
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.sysctl import Sysctls
from kubectl_skoop.netstack.xfrm.ipsec_tables import Ipsec
from kubectl_skoop.snapshot.decode.addresses import decode_addresses, decode_labels
from kubectl_skoop.snapshot.decode.conntrack import (
    decode_conntrack,
    decode_conntrack_cut,
    decode_expectations,
)
from kubectl_skoop.snapshot.decode.devices import (
    Additions,
    decode_devices,
    decode_features,
    decode_programs,
    decode_vlan_states,
    decode_vlans,
    missing_devices,
    with_states,
)
from kubectl_skoop.snapshot.decode.entry import Entry, table_map, text
from kubectl_skoop.snapshot.decode.neighbours import (
    FORWARDING,
    NEIGHBOURS,
    PROXY_NEIGHBOURS,
    decode_groups,
    decode_neighbour_tables,
    forwarding,
)
from kubectl_skoop.snapshot.decode.netfilter import LISTED, SAVED, decode_netfilter
from kubectl_skoop.snapshot.decode.programs import cgroup_programs, socket_programs
from kubectl_skoop.snapshot.decode.recent import decode_recent
from kubectl_skoop.snapshot.decode.redirects import decode_led_in, decode_redirects
from kubectl_skoop.snapshot.decode.routes import (
    ROUTES,
    NexthopObject,
    decode_buckets,
    decode_exceptions,
    decode_nexthops,
    routes_with,
)
from kubectl_skoop.snapshot.decode.rows import SharedRows
from kubectl_skoop.snapshot.decode.rules import decode_rules
from kubectl_skoop.snapshot.decode.sockets import decode_sockets
from kubectl_skoop.snapshot.decode.tables import Tables
from kubectl_skoop.snapshot.dump import NamespaceDump

if TYPE_CHECKING:
    from kubectl_skoop.netstack.devices.fou_types import FouPort
    from kubectl_skoop.netstack.devices.team_types import Team
    from kubectl_skoop.netstack.devices.wireguard_types import Wireguard
    from kubectl_skoop.netstack.ipset import IpSet
    from kubectl_skoop.netstack.ipvs.service import VirtualService

T = TypeVar("T")


class Shared:
    """What the nodes of one file have in common, decoded once."""

    def __init__(self) -> None:
        self.routes = SharedRows(ROUTES)
        self.neighbours = SharedRows(NEIGHBOURS)
        self.fdb = SharedRows(FORWARDING)


def decode_namespace(
    dump: NamespaceDump, node: str, place: Place, shared: Shared | None = None
) -> NetworkNamespace:
    """Never fails: what is damaged is in `gaps`, with the place of the damage.

    `shared`: of the dump's file.
    """
    shared = shared or Shared()
    tables = Tables(dump.tables)
    numbers: Mapping[int, str] = tables.decode("netnsids", _identities, {})

    def namespace_of(number: int) -> str:
        identity = numbers.get(number)
        return f"unmapped:{number}" if identity is None else f"{node}/{identity}"

    additions = Additions(
        vlans=with_states(
            tables.decode("bridge_vlans", decode_vlans, {}),
            tables.decode("vlan_states", decode_vlan_states, {}),
        ),
        features=tables.decode("ethtool", decode_features, {}),
        programs=_programs(tables),
        redirects=tables.decode("tc_filters", decode_redirects, {}),
        led_in=tables.decode("tc_filters", decode_led_in, {}),
        wireguard=tables.decode("wireguard", _wireguard, {}),
        team=tables.decode("team", _teams, {}),
    )
    devices: Mapping[int, Device] = tables.decode(
        "links", lambda data: decode_devices(data, namespace_of, additions), {}
    )
    buckets: Mapping[int, Mapping[int, int]] = tables.decode("nexthop_buckets", decode_buckets, {})
    objects: Mapping[int, NexthopObject] = tables.decode(
        "nexthops", lambda data: decode_nexthops(data, buckets), {}
    )
    neighbours = tables.rows(NEIGHBOURS, shared.neighbours)
    proxies = tables.rows(PROXY_NEIGHBOURS)
    ipvs: tuple[VirtualService, ...] = tables.decode("ipvs", _ipvs, ())
    for name, find in _NOT_MODELLED.items():
        found = tables.decode(name, find, "")
        if found:
            tables.gaps[name] = found
    routes = tables.rows(routes_with(objects), None if objects else shared.routes)
    if "links" not in tables.gaps:
        devices = {**devices, **missing_devices(routes, devices)}
    return NetworkNamespace(
        id=f"{node}/{dump.id}",
        place=place,
        node=node,
        devices=devices,
        addresses=tables.decode("addresses", decode_addresses, ()),
        address_labels=tables.decode("address_labels", decode_labels, None),
        rules=tables.decode("rules", decode_rules, ()),
        routes=routes,
        exceptions=tables.decode("route_exceptions", decode_exceptions, ()),
        neighbours=(*neighbours, *proxies),
        neighbour_tables=tables.decode("neighbour_tables", decode_neighbour_tables, {}),
        fdb=forwarding(tables.rows(FORWARDING, shared.fdb), devices),
        groups=tables.decode("mdb", decode_groups, ()),
        netfilter=decode_netfilter(tables),
        ipsets=tables.decode("ipset", _ipsets, {}),
        recent=tables.decode("xt_recent", decode_recent, None),
        ipvs=ipvs,
        ipsec=tables.decode("xfrm", _ipsec, Ipsec()),
        conntrack=tables.defer("conntrack", decode_conntrack),
        conntrack_cut=tables.decode("conntrack_cut", decode_conntrack_cut, None),
        fou=_if_asked(dump, tables, "fou", _fou),
        expectations=_if_asked(dump, tables, "expectations", decode_expectations),
        sockets=tables.decode("sockets", decode_sockets, ()),
        sysctls=tables.decode("sysctls", partial(_sysctls, tables), Sysctls({})),
        collected=tables.time(*SAVED, "nft"),
        gaps=tables.whole_gaps,
    )


def _if_asked(
    dump: NamespaceDump, tables: Tables, name: str, read: Callable[[object], tuple[T, ...]]
) -> tuple[T, ...] | None:
    """None: an older agent did not ask for the table, so that it is not in the dump."""
    nothing: tuple[T, ...] = ()
    return tables.decode(name, read, nothing) if name in dump.tables else None


def _programs(tables: Tables) -> Mapping[int, tuple[str, ...]]:
    empty: dict[int, tuple[str, ...]] = {}
    filters = tables.decode("tc_filters", lambda data: decode_programs(data, []), empty)
    bpf = tables.decode("bpf", lambda data: decode_programs([], data), empty)
    return {index: (*filters.get(index, ()), *bpf.get(index, ())) for index in {*filters, *bpf}}


def _ipsets(data: object) -> Mapping[str, "IpSet"]:
    saved = text(data, "$.ipset")
    if not saved:
        return {}
    from kubectl_skoop.netstack.ipset import parse_ipsets

    try:
        return parse_ipsets(saved)
    except ValueError as error:
        raise FormatError(f"$.ipset: {error}") from error


def _ipvs(data: object) -> "tuple[VirtualService, ...]":
    if data == []:
        return ()
    from kubectl_skoop.snapshot.decode.ipvs import decode_ipvs

    return decode_ipvs(data)


def _wireguard(data: object) -> "Mapping[int, Wireguard]":
    if data == []:
        return {}
    from kubectl_skoop.snapshot.decode.wireguard import decode_wireguard

    return decode_wireguard(data)


def _teams(data: object) -> "Mapping[int, Team]":
    if data == []:
        return {}
    from kubectl_skoop.snapshot.decode.team import decode_teams

    return decode_teams(data)


def _fou(data: object) -> "tuple[FouPort, ...]":
    if data == []:
        return ()
    from kubectl_skoop.snapshot.decode.fou import decode_fou

    return decode_fou(data)


def _ipsec(data: object) -> Ipsec:
    if isinstance(data, dict) and all(listed == [] or _is_zero(listed) for listed in data.values()):
        return Ipsec()
    from kubectl_skoop.snapshot.decode.ipsec import decode_ipsec

    return decode_ipsec(data)


def _is_zero(value: object) -> bool:
    """An older agent counted the states only."""
    return type(value) is int and value == 0


def _sysctls(tables: Tables, data: object) -> Sysctls:
    return Sysctls(_texts(data, "$.sysctls"), tables.decode("sysctls_unread", _unread, {}))


def _unread(data: object) -> Mapping[str, str]:
    return _texts(data, "$.sysctls_unread")


def _texts(data: object, path: str) -> Mapping[str, str]:
    """A map of texts as it is: a namespace has a thousand sysctls."""
    if isinstance(data, dict) and {str}.issuperset(map(type, chain(data, data.values()))):
        return data
    root = Entry(table_map(data, path), path)
    return {name: root.text(name) for name in root.fields}


def _unread_sysctls(data: object) -> str:
    return ", ".join(f"{name} could not be read: {reason}" for name, reason in _unread(data).items())


def _identities(data: object) -> dict[int, str]:
    """By IFLA_LINK_NETNSID the identity of the namespace."""
    root = Entry(table_map(data, "$.netnsids"), "$.netnsids")
    return {root.number(identity): identity for identity in root.fields}


def _arp_rules(data: object) -> str:
    """What older agents asked prints none of the rules where `arptables` is that of nft."""
    found = text(data, "$.arptables-legacy")
    return (
        ""
        if not found or found.startswith(LISTED)
        else "an older agent read them, which may have missed some"
    )


_NOT_MODELLED: Mapping[str, Callable[[object], str]] = {
    "bpf": socket_programs,
    "bpf_cgroups": cgroup_programs,
    "sysctls_unread": _unread_sysctls,
    "arptables-legacy": _arp_rules,
}

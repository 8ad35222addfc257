"""Neighbours, their tables, forwarding entries and members of multicast groups."""

from collections.abc import Iterable, Mapping
from functools import partial

from kubectl_skoop.cluster.addresses import parse_address
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.neighbours.neighbour_types import (
    NUD_NOARP,
    NUD_PERMANENT,
    FdbEntry,
    GroupMember,
    Neighbour,
    NeighbourTable,
)
from kubectl_skoop.snapshot.decode.entry import Entry, entries
from kubectl_skoop.snapshot.decode.rows import RowDecoder

NTF_STICKY = 0x40
AF_INET, AF_INET6 = 2, 10
CLOCK_TICKS = 100
"""A second, in the times of cacheinfo (USER_HZ)."""


def _neighbour(entry: Entry, *, proxy: bool) -> Neighbour | None:
    if entry.number("family") not in (AF_INET, AF_INET6):
        return None
    return Neighbour(
        device=entry.number("ifindex"),
        address=entry.address("dst"),
        mac=entry.text("lladdr", ""),
        state=entry.number("state"),
        proxy=proxy,
        flags=entry.number("flags", 0),
    )


def _aged(entry: Neighbour, ages: Entry) -> Neighbour:
    device, address, mac, state, proxy, flags, _, _ = entry
    held, unchanged = ages.number("refcnt", 1) > 0, ages.number("updated", 0) / CLOCK_TICKS
    return Neighbour(device, address, mac, state, proxy, flags, held, unchanged)


NEIGHBOURS = RowDecoder("neighbours", partial(_neighbour, proxy=False), _aged)
PROXY_NEIGHBOURS = RowDecoder("proxy_neighbours", partial(_neighbour, proxy=True), _aged)


def decode_neighbour_tables(data: object) -> dict[int, NeighbourTable]:
    """By family, 4 or 6. Raises: FormatError."""
    return {
        entry.family(): NeighbourTable(
            entries=entry.entry("config").number("entries"),
            most=entry.number("thresh3"),
            target=entry.number("thresh2"),
            overflows=entry.entry("stats").number("table_fulls", 0),
        )
        for entry in entries(data, "$.neighbour_tables")
        if "config" in entry.fields
    }


def forwarding(found: Iterable[FdbEntry], devices: Mapping[int, Device]) -> tuple[FdbEntry, ...]:
    """Entries of bridges and vxlan devices, not the address filters of others."""
    return tuple(entry for entry in found if entry.bridge or _forwards(devices.get(entry.port)))


def decode_groups(data: object) -> tuple[GroupMember, ...]:
    """Members of IP multicast groups. Raises: FormatError."""
    return tuple(
        GroupMember(table.number("ifindex"), entry.number("port"), group)
        for table in entries(data, "$.mdb")
        for entry in table.entries("mdb")
        if (group := parse_address(entry.text("group", ""))) is not None
    )


def _forwards(device: Device | None) -> bool:
    return device is None or device.vxlan is not None


def _fdb_entry(entry: Entry) -> FdbEntry:
    bridge, state = entry.number("master", 0), entry.number("state")
    return FdbEntry(
        mac=entry.text("lladdr", ""),
        port=entry.number("ifindex"),
        bridge=bridge,
        destination=entry.optional_address("dst"),
        vni=entry.number("vni") if "vni" in entry.fields else None,
        vlan=entry.number("vlan", 0),
        local=bool(bridge and state & NUD_PERMANENT),
        static=bool(state & NUD_NOARP or (not bridge and state & NUD_PERMANENT)),
        sticky=bool(entry.number("flags") & NTF_STICKY),
        out_device=entry.number("out_ifindex", 0),
        nexthop_id=entry.number("nh_id", 0),
    )


FORWARDING = RowDecoder("fdb", _fdb_entry)

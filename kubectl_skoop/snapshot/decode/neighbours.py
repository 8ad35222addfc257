"""Neighbours, their tables, forwarding entries and members of multicast groups."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import repeat

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
from kubectl_skoop.snapshot.decode.columns import Columns
from kubectl_skoop.snapshot.decode.entry import entries
from kubectl_skoop.snapshot.decode.rows import RowDecoder

NTF_STICKY = 0x40
AF_INET, AF_INET6 = 2, 10
CLOCK_TICKS = 100
"""A second, in the times of cacheinfo (USER_HZ)."""


def _of_ip(rows: Columns) -> list[bool]:
    return [family in (AF_INET, AF_INET6) for family in rows.numbers("family")]


def _neighbours(rows: Columns, *, proxy: bool) -> list[Neighbour]:
    return list(
        map(
            Neighbour,
            rows.numbers("ifindex"),
            rows.addresses("dst"),
            rows.texts("lladdr", ""),
            rows.numbers("state"),
            repeat(proxy),
            rows.numbers("flags", 0),
        )
    )


def _aged(found: Sequence[Neighbour], ages: Columns) -> Iterator[Neighbour]:
    times = zip(found, ages.numbers("refcnt", 1), ages.numbers("updated", 0), strict=True)
    for (device, address, mac, state, proxy, flags, _, _), references, updated in times:
        yield Neighbour(device, address, mac, state, proxy, flags, references > 0, updated / CLOCK_TICKS)


NEIGHBOURS = RowDecoder("neighbours", partial(_neighbours, proxy=False), _of_ip, _aged)
PROXY_NEIGHBOURS = RowDecoder("proxy_neighbours", partial(_neighbours, proxy=True), _of_ip, _aged)


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


def _forwarding(rows: Columns) -> list[FdbEntry]:
    bridges, states = rows.numbers("master", 0), rows.numbers("state")
    of_bridges = list(zip(bridges, states, strict=True))
    return list(
        map(
            FdbEntry,
            rows.texts("lladdr", ""),
            rows.numbers("ifindex"),
            bridges,
            rows.optional_addresses("dst"),
            rows.optional_numbers("vni"),
            rows.numbers("vlan", 0),
            [bool(bridge and state & NUD_PERMANENT) for bridge, state in of_bridges],
            [
                bool(state & (NUD_NOARP if bridge else NUD_NOARP | NUD_PERMANENT))
                for bridge, state in of_bridges
            ],
            [bool(flags & NTF_STICKY) for flags in rows.numbers("flags")],
            rows.numbers("out_ifindex", 0),
            rows.numbers("nh_id", 0),
        )
    )


FORWARDING = RowDecoder("fdb", _forwarding)

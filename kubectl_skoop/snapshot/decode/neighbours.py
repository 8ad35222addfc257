"""Neighbours, forwarding entries and members of multicast groups."""

from collections.abc import Mapping

from kubectl_skoop.cluster.addresses import parse_address
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.neighbours.neighbour_types import (
    NUD_NOARP,
    NUD_PERMANENT,
    FdbEntry,
    GroupMember,
    Neighbour,
)
from kubectl_skoop.snapshot.decode.entry import Entry, entries

NTF_STICKY = 0x40
AF_INET, AF_INET6 = 2, 10


def decode_neighbours(data: object, table: str) -> tuple[Neighbour, ...]:
    """`table`: `neighbours` or `proxy_neighbours`. Raises: FormatError."""
    return tuple(
        Neighbour(
            device=entry.number("ifindex"),
            address=entry.address("dst"),
            mac=entry.text("lladdr", ""),
            state=entry.number("state"),
            proxy=table == "proxy_neighbours",
        )
        for entry in entries(data, f"$.{table}")
        if entry.number("family") in (AF_INET, AF_INET6)
    )


def decode_fdb(data: object, devices: Mapping[int, Device]) -> tuple[FdbEntry, ...]:
    """Entries of bridges and vxlan devices, not the address filters of others. Raises: FormatError."""
    found = (_fdb_entry(entry) for entry in entries(data, "$.fdb"))
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

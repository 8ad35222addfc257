"""Neighbour and forwarding entries as netlink gives them (RTM_GETNEIGH)."""

from typing import NamedTuple

from kubectl_skoop.model.packet import Address

NUD_INCOMPLETE, NUD_REACHABLE, NUD_STALE, NUD_DELAY = 0x01, 0x02, 0x04, 0x08
NUD_PROBE, NUD_FAILED, NUD_NOARP, NUD_PERMANENT = 0x10, 0x20, 0x40, 0x80
NUD_VALID = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY
NUD_CONNECTED = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE
NTF_EXT_LEARNED = 0x10


class Neighbour(NamedTuple):
    """RTM_GETNEIGH of the families IPv4 and IPv6."""

    device: int
    address: Address
    mac: str = ""
    state: int = NUD_REACHABLE
    proxy: bool = False
    """A proxy entry (NTF_PROXY): answered for, not resolved."""
    flags: int = 0
    """NTF_*"""
    held: bool = True
    """Something in the kernel refers to it, a timer perhaps (ndm_refcnt): it is not thrown out."""
    unchanged: float = 0.0
    """Since when its state is the same (ndm_updated), seconds."""

    @property
    def valid(self) -> bool:
        return bool(self.state & NUD_VALID)


class NeighbourTable(NamedTuple):
    """RTM_GETNEIGHTBL: the table of a family, which all namespaces of a kernel share."""

    entries: int
    """All there are, whether they count or not."""
    most: int
    """gc_thresh3"""
    target: int
    """gc_thresh2: a full table is thinned out to it."""
    overflows: int = 0
    """Entries that could not be made since the kernel's start (ndts_table_fulls)."""


class GroupMember(NamedTuple):
    """RTM_GETMDB: a port of a bridge, or the bridge itself, that has joined a multicast group."""

    bridge: int
    port: int
    group: Address


class FdbEntry(NamedTuple):
    """Of a bridge (`port` is one of its ports), or of a vxlan device (`port` is the device itself)."""

    mac: str
    port: int
    bridge: int = 0
    """Index of the bridge; 0: the device's own table (NTF_SELF)."""
    destination: Address | None = None
    vni: int | None = None
    vlan: int = 0
    local: bool = False
    """The bridge's or port's own MAC (NUD_PERMANENT on a bridge)."""
    static: bool = False
    sticky: bool = False
    out_device: int = 0
    nexthop_id: int = 0

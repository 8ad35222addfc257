"""A set: its type, its options, and its members read on the first question."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from kubectl_skoop.netstack.ipset.member import Members, read_members

Dimension = Literal["ip", "net", "port", "mac", "mark", "iface", "set"]

TYPES: Mapping[str, tuple[Dimension, ...]] = {
    "bitmap:ip": ("ip",),
    "bitmap:ip,mac": ("ip", "mac"),
    "bitmap:port": ("port",),
    "hash:ip": ("ip",),
    "hash:mac": ("mac",),
    "hash:ip,mac": ("ip", "mac"),
    "hash:ip,mark": ("ip", "mark"),
    "hash:ip,port": ("ip", "port"),
    "hash:ip,port,ip": ("ip", "port", "ip"),
    "hash:ip,port,net": ("ip", "port", "net"),
    "hash:net": ("net",),
    "hash:net,net": ("net", "net"),
    "hash:net,port": ("net", "port"),
    "hash:net,port,net": ("net", "port", "net"),
    "hash:net,iface": ("net", "iface"),
    "list:set": ("set",),
}


@dataclass(frozen=True, kw_only=True)
class IpSet:
    """One set of `ipset save`."""

    name: str
    type: str
    options: Mapping[str, str] = field(default_factory=dict)
    """Of its create line; flags have the value ""."""
    entries: tuple[str, ...] = ()
    """What stands after `add NAME `, one member each."""

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """Empty for a type that is not modelled."""
        return TYPES.get(self.type, ())

    @property
    def family(self) -> int:
        """4 or 6; 0: both (bitmap:port, hash:mac, list:set)."""
        if self.type in {"bitmap:port", "hash:mac", "list:set"}:
            return 0
        return 6 if self.options.get("family") == "inet6" else 4

    @cached_property
    def members(self) -> Members:
        return read_members(self.dimensions, self.family, self.entries)

    @property
    def listed(self) -> tuple[str, ...]:
        """Names of the sets in a list:set, in its order; of another type none."""
        if self.type != "list:set":
            return ()
        return tuple(entry.partition(" ")[0] for entry in self.entries)

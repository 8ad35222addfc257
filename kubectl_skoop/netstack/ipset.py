"""ipsets: membership as the kernel tests it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class IpSet:
    """One set of `ipset save`; see `netstack.ipset` parsing for how its members are read."""

    name: str
    type: str

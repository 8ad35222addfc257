"""Which connections are wanted: a table of them may be long, and mostly of no concern."""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Literal, NamedTuple

from kubectl_skoop.model.errors import InputError

MAX_ENTRIES = 200_000
"""Entries of one namespace that are kept."""


class Selection(NamedTuple):
    """Connections of which a tuple bears one of the addresses, or is between the two of a pair."""

    addresses: frozenset[bytes]
    pairs: frozenset[tuple[bytes, bytes]]
    """In both orders."""
    written: tuple[str, ...]
    somewhere: re.Pattern[bytes]
    """Bytes of any of the addresses: what does not hold them need not be read."""

    def covers(self, src: bytes, dst: bytes) -> bool:
        return src in self.addresses or dst in self.addresses or (src, dst) in self.pairs


Wanted = Selection | Literal["all", "none"]


class Cut(NamedTuple):
    """What a table was cut to."""

    only: tuple[str, ...]
    """As in `Selection.written`; empty: any."""
    left_out: int = 0
    """Wanted entries above `MAX_ENTRIES`."""

    def __str__(self) -> str:
        parts = [f"only entries with {', '.join(self.only)}"] if self.only else []
        if self.left_out:
            parts.append(f"{self.left_out} entries above the first {MAX_ENTRIES} are left out")
        return "; ".join(parts)

    def packed(self) -> Mapping[str, object]:
        return {"only": list(self.only), "left_out": self.left_out}


def parse_wanted(text: str) -> Wanted:
    """`all`, `none`, or `ADDRESS` and `ADDRESS-ADDRESS` (between the two), separated by commas.

    Raises: InputError.
    """
    match text:
        case "all":
            return "all"
        case "none":
            return "none"
    addresses: set[bytes] = set()
    pairs: set[tuple[bytes, bytes]] = set()
    written = tuple(dict.fromkeys(text.split(",")))
    for item in written:
        try:
            ends = [ip_address(end).packed for end in item.split("-")]
        except ValueError as error:
            raise InputError(f"--conntrack: {error}", hint="say all, none, or addresses") from error
        match ends:
            case [address]:
                addresses.add(address)
            case [one, other]:
                pairs |= {(one, other), (other, one)}
            case _:
                raise InputError(f"--conntrack {item}: more than two addresses")
    wanted = addresses.union(*pairs)
    somewhere = re.compile(b"|".join(map(re.escape, sorted(wanted))))
    return Selection(frozenset(addresses), frozenset(pairs), written, somewhere)

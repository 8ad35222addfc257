"""Which connections are wanted: a table of them may be long, and mostly of no concern."""

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from typing import Literal, NamedTuple

from kubectl_skoop.model.errors import InputError
from kubectl_skoop.model.packet import Network

MAX_ENTRIES = 100_000
"""Entries of one namespace that are kept."""


class Prefix(NamedTuple):
    """The networks of one family that have prefixes of one length."""

    size: int
    """Bytes of an address."""
    host: int
    """Bits behind the prefix."""
    networks: frozenset[int]
    """Their prefixes, without those bits."""


class Selection(NamedTuple):
    """Connections of which a tuple bears one of the addresses, is between the two of a pair, or between two
    addresses of the networks."""

    addresses: frozenset[bytes]
    pairs: frozenset[tuple[bytes, bytes]]
    """In both orders."""
    networks: tuple[Prefix, ...]
    written: tuple[str, ...]
    somewhere: re.Pattern[bytes]
    """Bytes of any of the addresses: what does not hold them need not be read. With networks it is found
    everywhere."""

    def covers(self, src: bytes, dst: bytes) -> bool:
        if src in self.addresses or dst in self.addresses or (src, dst) in self.pairs:
            return True
        return self._within(src) and self._within(dst)

    def _within(self, address: bytes) -> bool:
        number = int.from_bytes(address)
        return any(
            len(address) == size and number >> host in networks for size, host, networks in self.networks
        )


Wanted = Selection | Literal["all", "none"]


class Cut(NamedTuple):
    """What a table was cut to."""

    only: tuple[str, ...]
    """As in `Selection.written`; empty: any."""
    left_out: int = 0
    """Wanted entries above `MAX_ENTRIES`."""

    def __str__(self) -> str:
        kinds = (
            ("with", [item for item in self.only if "/" not in item]),
            ("within", [item for item in self.only if "/" in item]),
        )
        only = " or ".join(f"{word} {', '.join(found)}" for word, found in kinds if found)
        parts = [f"only entries {only}"] if only else []
        if self.left_out:
            parts.append(f"{self.left_out} entries above the first {MAX_ENTRIES} are left out")
        return "; ".join(parts)

    def packed(self) -> Mapping[str, object]:
        return {"only": list(self.only), "left_out": self.left_out}


def parse_wanted(text: str) -> Wanted:
    """`all`, `none`, or separated by commas `ADDRESS`, `ADDRESS-ADDRESS` (between the two), and `NETWORK`
    (between two addresses of all the networks named).

    Raises: InputError.
    """
    match text:
        case "all":
            return "all"
        case "none":
            return "none"
    addresses: set[bytes] = set()
    pairs: set[tuple[bytes, bytes]] = set()
    networks: list[Network] = []
    written = tuple(dict.fromkeys(text.split(",")))
    for item in written:
        try:
            if "/" in item:
                networks.append(ip_network(item))
                continue
            ends = [ip_address(end).packed for end in item.split("-")]
        except ValueError as error:
            raise InputError(
                f"--conntrack: {error}", hint="say all, none, or addresses and networks"
            ) from error
        match ends:
            case [address]:
                addresses.add(address)
            case [one, other]:
                pairs |= {(one, other), (other, one)}
            case _:
                raise InputError(f"--conntrack {item}: more than two addresses")
    somewhere = () if networks else sorted(addresses.union(*pairs))
    return Selection(
        frozenset(addresses),
        frozenset(pairs),
        _by_length(networks),
        written,
        re.compile(b"|".join(map(re.escape, somewhere))),
    )


def _by_length(networks: Iterable[Network]) -> tuple[Prefix, ...]:
    found: dict[tuple[int, int], set[int]] = {}
    for network in networks:
        host = network.max_prefixlen - network.prefixlen
        prefix = int(network.network_address) >> host
        found.setdefault((network.max_prefixlen // 8, host), set()).add(prefix)
    return tuple(Prefix(size, host, frozenset(prefixes)) for (size, host), prefixes in found.items())

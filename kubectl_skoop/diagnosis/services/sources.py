"""Which senders a rule is for, as text: networks with commas between, after `!` those that it is not for.
And which of many networks an address is in."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from kubectl_skoop.cluster.addresses import parse_address
from kubectl_skoop.model.packet import Address, Network


class Networks:
    """Of written networks, the one that an address is in; those without a gap between them are one."""

    def __init__(self, written: Iterable[str]) -> None:
        made = [network for one in written if (network := _network(one)) is not None]
        four = collapse_addresses(one for one in made if isinstance(one, IPv4Network))
        six = collapse_addresses(one for one in made if isinstance(one, IPv6Network))
        self._of: dict[int, Sequence[Network]] = {4: list(four), 6: list(six)}
        self._first = {version: [int(one[0]) for one in found] for version, found in self._of.items()}

    def __iter__(self) -> Iterator[Network]:
        yield from (*self._of[4], *self._of[6])

    def of(self, address: Address) -> Network | None:
        place = bisect_right(self._first[address.version], int(address))
        network = self._of[address.version][place - 1] if place else None
        return network if network is not None and address in network else None


def _network(written: str) -> Network | None:
    try:
        return ip_network(written, strict=False)
    except ValueError:
        return None


def covers(wanted: str, address: Address) -> bool:
    """Whether the rule is for the address; empty: for all."""
    if not wanted:
        return True
    negated, ranges = _ranges(wanted)
    number = int(address)
    for low, high in ranges:
        if low <= number <= high:
            return not negated
    return negated


@lru_cache(maxsize=65536)
def _ranges(wanted: str) -> tuple[bool, tuple[tuple[int, int], ...]]:
    negated = wanted[0] == "!"
    return negated, tuple(bounds(one) for one in wanted[negated:].split(","))


@lru_cache(maxsize=65536)
def bounds(written: str) -> tuple[int, int]:
    """First and last address of a network; what is none has no addresses."""
    single = parse_address(written.removesuffix("/128" if ":" in written else "/32"))
    if single is not None:
        return int(single), int(single)
    try:
        network = ip_network(written, strict=False)
    except ValueError:
        return 1, 0
    return int(network.network_address), int(network.broadcast_address)

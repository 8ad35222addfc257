"""Which senders a rule is for, as text: networks with commas between, after `!` those that it is not for."""

from functools import lru_cache
from ipaddress import ip_network

from kubectl_skoop.cluster.addresses import parse_address
from kubectl_skoop.model.packet import Address


def covers(wanted: str, address: Address) -> bool:
    """Whether the rule is for the address; empty: for all."""
    if not wanted:
        return True
    negated, ranges = _ranges(wanted)
    number = int(address)
    return any(low <= number <= high for low, high in ranges) != negated


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

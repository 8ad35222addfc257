"""Addresses of both families on one line of numbers: IPv4 first, IPv6 behind it."""

from ipaddress import IPv4Address, IPv6Address, ip_network, summarize_address_range

from kubectl_skoop.cluster.policy.interval import Intervals, subtract, union
from kubectl_skoop.model.packet import Address

_IPV6 = 1 << 32
IPV4: Intervals = ((0, _IPV6 - 1),)
IPV6: Intervals = ((_IPV6, _IPV6 + (1 << 128) - 1),)
ANYWHERE: Intervals = ((0, _IPV6 + (1 << 128) - 1),)


def address_at(address: Address) -> int:
    return int(address) if address.version == 4 else _IPV6 + int(address)


def block(cidr: str, excepted: tuple[str, ...] = ()) -> Intervals:
    """A CIDR without others. Raises: ValueError, with the text that is no CIDR."""
    return subtract(_network(cidr), union(part for entry in excepted for part in _network(entry)))


def blocks_text(intervals: Intervals) -> list[str]:
    """As CIDRs; `any` for all of both families."""
    if intervals == ANYWHERE:
        return ["any"]
    written: list[str] = []
    for low, high in intervals:
        if low < _IPV6:
            top = min(high, _IPV6 - 1)
            written += map(str, summarize_address_range(IPv4Address(low), IPv4Address(top)))
        if high >= _IPV6:
            bottom = IPv6Address(max(low, _IPV6) - _IPV6)
            written += map(str, summarize_address_range(bottom, IPv6Address(high - _IPV6)))
    return written


def _network(cidr: str) -> Intervals:
    try:
        network = ip_network(cidr, strict=False)
    except ValueError as error:
        raise ValueError(f"{cidr!r} is no CIDR") from error
    low = address_at(network.network_address)
    return ((low, low + network.num_addresses - 1),)

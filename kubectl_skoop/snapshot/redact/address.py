"""Addresses: two that share a prefix of n bits share exactly n bits afterwards (as Crypto-PAn does).

A bit is turned over or not by what the key says of the bits before it. What is special stays: those bits are
not turned that lead to a range with a meaning of its own, nor those that lead from the beginning of a network
to its first and last address, so that these, and the usual gateway, are found where they are looked for.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_network
from typing import Literal

from kubectl_skoop.model.packet import Address, Network
from kubectl_skoop.snapshot.redact.prf import prf

UNTOUCHED = (
    *("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"),
    *("::/127", "fe80::ecee:eeff:feee:eeee/128", "ff00::/8"),
)
"""Ranges whose addresses say nothing of a site. Calico gives the one link-local address to every device."""
KEPT = (
    *("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"),
    *("fc00::/7", "fd00::/8", "fe80::/10", "fe80::/64", "fec0::/10", "2001::/32", "2002::/16", "3ffe::/16"),
)
"""Ranges that an address stays in, and that none comes into: a private address stays private."""
CARRIES_IPV4 = ("::/96", "::ffff:0:0/96", "64:ff9b::/96")
"""The low 32 bits are an IPv4 address."""
SOLICITED = ip_network("ff02::1:ff00:0/104")
"""Solicited-node groups: the low 24 bits are those of the address that is asked for (RFC 4291)."""
LOW = (1 << 24) - 1

LONGEST_OPEN = {4: 16, 6: 48}
"""Of networks with shorter prefixes the first and last addresses are not kept: nobody has them, and with them
the low addresses of 10.0.0.0/8 would stay what they are."""

_Space = Literal["ipv4", "ipv6", "group"]
SHARED: Mapping[_Space, int] = {"ipv4": 24, "ipv6": 64, "group": 0}
"""Bits that many addresses have in common: what becomes of longer prefixes is not remembered."""
_Node = tuple[int, int]
"""A prefix: its length and its bits as a number."""


class AddressMap:
    """`networks`: those whose first and last addresses must stay first and last. `hosts`: IPv6 addresses
    whose solicited-node groups must stay theirs."""

    def __init__(
        self, key: bytes, networks: Iterable[Network] = (), hosts: Iterable[IPv6Address] = ()
    ) -> None:
        self._key = key
        self._fixed = {version: {*nodes} for version, nodes in _ways_to_special().items()}
        self._flips: dict[_Space, dict[_Node, int]] = {"ipv4": {}, "ipv6": {}, "group": {}}
        self._untouched = _networks(UNTOUCHED)
        self._carriers = _networks(CARRIES_IPV4)
        for network in map(self._inner, networks):
            if network.prefixlen > LONGEST_OPEN[network.version]:
                self._fixed[network.version].update(_ends_of(network))
        self.changed: dict[Address, Address] = {}
        """What was asked for, and is another now."""
        self._groups = {int(host) & LOW: int(self.address(host)) & LOW for host in sorted(hosts)}

    def address(self, address: Address) -> Address:
        known = self.changed.get(address)
        if known is not None:
            return known
        found = self._mapped(address)
        if found != address:
            self.changed[address] = found
        return found

    def network(self, network: Network) -> Network:
        """Whatever its length, containment stays."""
        first = int(self.address(network.network_address))
        rest = network.max_prefixlen - network.prefixlen
        return type(network)((first >> rest << rest, network.prefixlen))

    def group(self, low: int) -> int:
        """The low 24 bits of a solicited-node group, also as they are in its MAC."""
        known = self._groups.get(low)
        return known if known is not None else self._turned(low, 24, "group", frozenset())

    def _mapped(self, address: Address) -> Address:
        if address in SOLICITED:
            return IPv6Address(int(SOLICITED.network_address) | self.group(int(address) & LOW))
        if any(address in network for network in self._untouched):
            return address
        number = int(address)
        if isinstance(address, IPv4Address):
            return IPv4Address(self._turned(number, 32, "ipv4", self._fixed[4]))
        if any(address in network for network in self._carriers):
            inside = self.address(IPv4Address(number & 0xFFFFFFFF))
            return IPv6Address(number >> 32 << 32 | int(inside))
        return IPv6Address(self._turned(number, 128, "ipv6", self._fixed[6]))

    def _inner(self, network: Network) -> Network:
        """Of IPv6 networks of IPv4 addresses that of these."""
        if network.prefixlen >= 96 and any(network.network_address in carrier for carrier in self._carriers):
            return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
        return network

    def _turned(self, number: int, bits: int, space: _Space, fixed: Set[_Node]) -> int:
        flips = self._flips[space]
        turned = 0
        for length in range(bits):
            node = (length, number >> (bits - length))
            if node in fixed:
                continue
            flip = flips.get(node)
            if flip is None:
                data = bytes([length]) + node[1].to_bytes(16, "big")
                flip = prf(self._key, space, data, 1)[0] & 1
                if length <= SHARED[space]:
                    flips[node] = flip
            turned |= flip << (bits - 1 - length)
        return number ^ turned


@cache
def _networks(texts: Sequence[str]) -> Sequence[Network]:
    return tuple(map(ip_network, texts))


@cache
def _ways_to_special() -> Mapping[int, Set[_Node]]:
    """By version of IP, the prefixes that lead to a range with a meaning of its own."""
    special = _networks((*UNTOUCHED, *KEPT, *CARRIES_IPV4))
    return {
        version: frozenset(node for one in special if one.version == version for node in _way_to(one))
        for version in (4, 6)
    }


def _way_to(network: Network) -> Iterator[_Node]:
    """The prefixes shorter than the network that it begins with."""
    number = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
    return ((length, number >> (network.prefixlen - length)) for length in range(network.prefixlen))


def _ends_of(network: Network) -> Iterator[_Node]:
    """The prefixes of its first and of its last address that are as long as the network or longer."""
    bits = network.max_prefixlen
    for end in (int(network.network_address), int(network.broadcast_address)):
        yield from ((length, end >> (bits - length)) for length in range(network.prefixlen, bits))

"""Members of a set as keys that a packet's fields are looked up by."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, summarize_address_range
from itertools import product
from math import prod
from socket import AF_INET, AF_INET6, inet_pton

from kubectl_skoop.model.packet import Network
from kubectl_skoop.netstack.ipset.icmp import ICMP_NAMES, ICMPV6_NAMES
from kubectl_skoop.netstack.netfilter.iptables.protocol import PROTOCOLS

Part = int | str | tuple[int, int]
"""An address or mark as a number, a MAC or device name as text, a port as (protocol, port), a net as
(network, prefix length)."""
Key = tuple[Part, ...]

ANY_PROTOCOL = 0
"""Of the ports in a bitmap:port."""
ANY_MAC = ""
"""Of a bitmap:ip,mac member that was added without one."""

MOST_OF_RANGES = 1 << 17
"""Keys that the ranges of one set may stand for: `ipset save` prints none."""
_LARGEST_PORT = 0xFFFF


@dataclass(slots=True)
class Members:
    """`nomatch` is the value of each key."""

    nomatch: dict[Key, bool] = field(default_factory=dict)
    lengths: list[tuple[int, ...]] = field(default_factory=list)
    """Prefix lengths of the net dimensions, most specific first, as the kernel tries them."""
    prefixes: list[tuple[Key, str, bool]] = field(default_factory=list)
    """hash:net,iface members `wildcard`: the key of the net, the beginning of the device name, nomatch."""
    nets: set[Key] = field(default_factory=set)
    """The nets of a hash:net,iface, with whatever device."""
    unreadable: list[str] = field(default_factory=list)
    """Members that are not modelled: they may be the ones that match."""


def read_members(dimensions: Sequence[str], family: int, entries: Iterable[str]) -> Members:
    members = Members()
    nets = [place for place, dimension in enumerate(dimensions) if dimension == "net"]
    quick = [_quick_reader(dimension, family) for dimension in dimensions]
    left = MOST_OF_RANGES
    for entry in entries:
        element, _, extensions = entry.partition(" ")
        flags = extensions.split('"')[0].split() if extensions else ()
        try:
            keys = _quick_key(quick, element) or _keys(dimensions, element, family, left)
        except ValueError:
            members.unreadable.append(entry)
            continue
        left -= len(keys) - 1
        if dimensions[-1] == "iface":
            members.nets.update(key[:-1] for key in keys)
        if "wildcard" in flags:
            members.prefixes += [(key[:-1], str(key[-1]), "nomatch" in flags) for key in keys]
        else:
            for key in keys:
                members.nomatch[key] = "nomatch" in flags
    if not nets:
        members.lengths = [()]
        return members
    wild = {(*net, "") for net, _, _ in members.prefixes}
    lengths = {tuple(_length(key[place]) for place in nets) for key in (*members.nomatch, *wild)}
    members.lengths = sorted(lengths, reverse=True)
    return members


def _quick_key(readers: Sequence[Callable[[str], Part]], element: str) -> list[Key] | None:
    """The usual element: one value in each dimension. None: another."""
    texts = element.split(",")
    if len(texts) != len(readers):
        return None
    try:
        return [tuple([read(text) for read, text in zip(readers, texts, strict=True)])]
    except (OSError, ValueError):
        return None


def _quick_reader(dimension: str, family: int) -> Callable[[str], Part]:
    """Raises: OSError or ValueError where the text is not one plain value."""
    domain, bits = (AF_INET, 32) if family == 4 else (AF_INET6, 128)

    def number(text: str) -> int:
        return int.from_bytes(inet_pton(domain, text), "big")

    def net(text: str) -> Part:
        address, slash, length = text.partition("/")
        rest = bits - int(length) if slash else 0
        if not 0 <= rest <= bits:
            raise ValueError(text)
        return number(address) >> rest << rest, bits - rest

    def other(text: str) -> Part:
        (part,) = _parts(dimension, text, family)
        return part

    return {"ip": number, "net": net}.get(dimension) or cache(other)


def _length(part: Part) -> int:
    return part[1] if isinstance(part, tuple) else 0


def _keys(dimensions: Sequence[str], element: str, family: int, most: int) -> list[Key]:
    """The keys of one element: several where it is a range. Raises: ValueError, also where it is too wide."""
    texts = element.split(",")
    if dimensions == ("ip", "mac") and len(texts) == 1:
        texts.append(ANY_MAC)
    if len(texts) != len(dimensions):
        raise ValueError(element)
    parts = [_parts(dimension, text, family) for dimension, text in zip(dimensions, texts, strict=True)]
    if prod(map(len, parts)) > max(most, 1):
        raise ValueError(element)
    return list(product(*parts))


def _parts(dimension: str, text: str, family: int) -> Sequence[Part]:
    match dimension:
        case "ip":
            return _addresses(text, family)
        case "net":
            return _networks(text, family)
        case "port":
            return _ports(text)
        case "mark":
            return (int(text, 0),)
        case "iface" if text.startswith("physdev:"):
            raise ValueError(text)
    return (text.lower() if dimension == "mac" else text,)


def _addresses(text: str, family: int) -> range:
    low, dash, high = text.partition("-")
    if "/" in text:
        network = _network(text, family)
        first, last = int(network.network_address), int(network.broadcast_address)
    else:
        first = _address(low, family)
        last = _address(high, family) if dash else first
    if not 0 <= last - first < MOST_OF_RANGES:
        raise ValueError(text)
    return range(first, last + 1)


def _networks(text: str, family: int) -> list[tuple[int, int]]:
    low, dash, high = text.partition("-")
    if not dash:
        parts: Iterable[Network] = [_network(text, family)]
    elif family == 4:
        parts = summarize_address_range(IPv4Address(low), IPv4Address(high))
    else:
        parts = summarize_address_range(IPv6Address(low), IPv6Address(high))
    return [(int(part.network_address), part.prefixlen) for part in parts]


def _network(text: str, family: int) -> Network:
    return (IPv4Network if family == 4 else IPv6Network)(text, strict=False)


def _ports(text: str) -> Sequence[tuple[int, int]]:
    """`PROTOCOL:PORT`, `PORT` (bitmap:port, or TCP), `icmp:NAME`, `icmp:TYPE/CODE`; ports also as ranges."""
    name, colon, port = text.rpartition(":")
    protocol = ANY_PROTOCOL
    if colon:
        protocol = int(name) if name.isdigit() else PROTOCOLS.get(name, -1)
    if protocol < 0:
        raise ValueError(text)
    if names := {1: ICMP_NAMES, 58: ICMPV6_NAMES}.get(protocol):
        kind, slash, code = port.partition("/")
        pair = (int(kind), int(code)) if slash else names.get(port)
        if pair is None:
            raise ValueError(text)
        return ((protocol, pair[0] << 8 | pair[1]),)
    low, dash, high = port.partition("-")
    first, last = int(low), int(high if dash else low)
    if not 0 <= first <= last <= _LARGEST_PORT:
        raise ValueError(text)
    return [(protocol, number) for number in range(first, last + 1)]


def _address(text: str, family: int) -> int:
    return int(IPv4Address(text)) if family == 4 else int(IPv6Address(text))

"""Which addresses an object has: the index of a snapshot and that of a cluster are made of this."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from socket import AF_INET, AF_INET6, inet_pton
from typing import NamedTuple

from kubectl_skoop.cluster.raw import Object, flag, items, labels, mapping, text, texts
from kubectl_skoop.cluster.secondary import secondary_networks
from kubectl_skoop.model.packet import Address, Network

KEPT = 65_536
"""Addresses that are made out of text once: those of 10,000 services stand in objects, rules and sets."""
FINISHED = frozenset({"Succeeded", "Failed"})
"""Phases in which a pod has given its addresses back."""


def addresses_of(kind: str, item: Object) -> Iterator[str]:
    """In canonical form, each once; only those that lead to this object and to no other of its kind.

    Pods with hostNetwork have their node's addresses, finished ones none: the kubelet keeps `podIPs` in the
    status of a finished pod though the address may be another's by now.
    """
    match kind:
        case "Pod":
            found = _pod(item)
        case "Node":
            found = (text(entry, "address") for entry in items(item, "status", "addresses"))
        case "Service":
            found = _service(item)
        case _:
            return
    seen = set()
    for written in found:
        address = parse_address(written)
        if address is not None and (canonical := str(address)) not in seen:
            seen.add(canonical)
            yield canonical


@lru_cache(maxsize=KEPT)
def parse_address(written: str) -> Address | None:
    """None: not an address (a host name, `None` of a headless service, nothing), or one with a scope."""
    try:
        return IPv4Address(inet_pton(AF_INET, written))  # a sixth of the time that ip_address takes for text
    except (OSError, ValueError):
        pass
    try:
        address = ip_address(written)
    except ValueError:
        return None
    return None if isinstance(address, IPv6Address) and address.scope_id else address


class Span(NamedTuple):
    """The addresses of a network, as numbers."""

    version: int
    first: int
    last: int


def span(written: str) -> Span | None:
    """Of a network or an address, faster than `ip_network`. None: it is written in another way, or wrong."""
    address, _, length = written.partition("/")
    version, family, bits = (6, AF_INET6, 128) if ":" in address else (4, AF_INET, 32)
    try:
        first = int.from_bytes(inet_pton(family, address))
        free = bits - int(length) if length else 0
    except (OSError, ValueError):
        return None
    return Span(version, first, first | (1 << free) - 1) if 0 <= free <= bits else None


def covering(addresses: Iterable[Address]) -> Network:
    """The smallest network with all of them. They are at least one, of one family."""
    ordered = sorted(addresses, key=int)
    first, last = ordered[0], ordered[-1]
    differing = (int(first) ^ int(last)).bit_length()
    return ip_network(f"{first}/{first.max_prefixlen - differing}", strict=False)


def _pod(item: Object) -> Iterator[str]:
    status = mapping(item, "status")
    if flag(item, "spec", "hostNetwork") or text(status, "phase") in FINISHED:
        return
    yield text(status, "podIP")
    yield from (text(entry, "ip") for entry in items(status, "podIPs"))
    for network in secondary_networks(labels(item, "metadata", "annotations")):
        yield from network.addresses


def _service(item: Object) -> Iterator[str]:
    spec = mapping(item, "spec")
    yield text(spec, "clusterIP")
    yield from texts(spec, "clusterIPs")
    yield from texts(spec, "externalIPs")
    yield from (text(entry, "ip") for entry in items(item, "status", "loadBalancer", "ingress"))

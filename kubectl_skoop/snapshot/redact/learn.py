"""What must be known of a whole snapshot before the first value is replaced: networks, and pods."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from ipaddress import IPv6Address, ip_address, ip_network

from kubectl_skoop.cluster.raw import ref_of
from kubectl_skoop.model.errors import SectionDamaged
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Network
from kubectl_skoop.snapshot.dump import Table
from kubectl_skoop.snapshot.format import SectionRef
from kubectl_skoop.snapshot.limits import Refused
from kubectl_skoop.snapshot.redact.name import NameMap, pod_devices, policy_sets
from kubectl_skoop.snapshot.redact.pseudonyms import Pseudonyms
from kubectl_skoop.snapshot.source import Snapshot
from kubectl_skoop.snapshot.tables import Tables

_CIDR = re.compile(r"[0-9a-fA-F.:]+/\d{1,3}")
_PREFIXES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "addresses": (("local", "prefixlen"), ("address", "prefixlen")),
    "routes": (("dst", "dst_len"),),
    "rules": (("src", "src_len"), ("dst", "dst_len")),
}
"""Of each table the fields that make a network."""


def pseudonyms_for(source: Snapshot, key: bytes) -> Pseudonyms:
    """Raises: SectionDamaged."""
    networks: dict[Network, None] = {}
    hosts: dict[IPv6Address, None] = {}
    pods: dict[str, None] = {}
    seen = _Seen()
    for kind in source.kinds():
        objects = source.each(kind, lambda item: (ref_of(item), tuple(_networks_in(item))))
        for ref, found in () if isinstance(objects, NotCollected) else objects:
            networks |= dict.fromkeys(found)
            if kind == "Pod":
                pods[f"{ref.namespace}/{ref.name}"] = None
    for node in source.nodes():
        dump = source.node_dump(node)
        for namespace in () if isinstance(dump, NotCollected) else dump.namespaces:
            pods |= dict.fromkeys(namespace.pods)
            networks |= dict.fromkeys(_networks_of(namespace.tables, seen))
            hosts |= dict.fromkeys(_hosts_of(namespace.tables))
    names = NameMap(key)
    renamed = pod_devices(names, pods)
    policies = source.each("NetworkPolicy", lambda item: policy_sets(names, item))
    for sets in () if isinstance(policies, NotCollected) else policies:
        renamed |= sets
    return Pseudonyms(key, networks, hosts, renamed)


class _Seen:
    """What was looked at: nodes have the same routes."""

    def __init__(self) -> None:
        self.written: set[tuple[str, str]] = set()
        self.chunks: set[SectionRef] = set()


def _networks_in(value: object) -> Iterator[Network]:
    match value:
        case str():
            yield from (network for text in _CIDR.findall(value) if (network := _network(text)) is not None)
        case Mapping():
            for inner in value.values():
                yield from _networks_in(inner)
        case list():
            for inner in value:
                yield from _networks_in(inner)


def _networks_of(tables: Mapping[str, Table], seen: _Seen) -> Iterator[Network]:
    """Those that were not seen yet."""
    for name, pairs in _PREFIXES.items():
        for row in _new_rows(tables, name, seen):
            for address, length in pairs:
                pair = str(row.get(address)), str(row.get(length))
                if address not in row or pair in seen.written:
                    continue
                seen.written.add(pair)
                if (network := _network("/".join(pair))) is not None:
                    yield network


def _hosts_of(tables: Mapping[str, Table]) -> Iterator[IPv6Address]:
    for row in _rows(tables, "addresses"):
        try:
            address = ip_address(str(row.get("address")))
        except ValueError:
            continue
        if isinstance(address, IPv6Address):
            yield address


def _new_rows(tables: Mapping[str, Table], name: str, seen: _Seen) -> Iterator[Mapping[str, object]]:
    """Of what many nodes share, those that came with no node before."""
    if not isinstance(tables, Tables) or not (chunks := tables.chunks(name)):
        yield from _rows(tables, name)
        return
    for chunk in dict.fromkeys(chunks):
        if chunk in seen.chunks:
            continue
        seen.chunks.add(chunk)
        with suppress(Refused, SectionDamaged):
            yield from _maps(tables.chunk(name, chunk))


def _rows(tables: Mapping[str, Table], name: str) -> Iterator[Mapping[str, object]]:
    return _maps(tables[name].data if name in tables else None)


def _maps(data: object) -> Iterator[Mapping[str, object]]:
    rows: Sequence[object] = data if isinstance(data, list) else ()
    return (row for row in rows if isinstance(row, Mapping))


def _network(text: str) -> Network | None:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    return network if 0 < network.prefixlen < network.max_prefixlen else None

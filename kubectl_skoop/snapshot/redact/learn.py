"""What must be known of a whole snapshot before the first value is replaced: networks, and pods."""

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv6Address, ip_address, ip_network

from kubectl_skoop.cluster.raw import ref_of
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Network
from kubectl_skoop.snapshot.dump import Table
from kubectl_skoop.snapshot.redact.name import NameMap, pod_devices, policy_sets
from kubectl_skoop.snapshot.redact.pseudonyms import Pseudonyms
from kubectl_skoop.snapshot.source import Snapshot

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
    written: set[tuple[str, str]] = set()
    """What was looked at: nodes have the same routes."""
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
            networks |= dict.fromkeys(_networks_of(namespace.tables, written))
            hosts |= dict.fromkeys(_hosts_of(namespace.tables))
    names = NameMap(key)
    renamed = pod_devices(names, pods)
    policies = source.each("NetworkPolicy", lambda item: policy_sets(names, item))
    for sets in () if isinstance(policies, NotCollected) else policies:
        renamed |= sets
    return Pseudonyms(key, networks, hosts, renamed)


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


def _networks_of(tables: Mapping[str, Table], written: set[tuple[str, str]]) -> Iterator[Network]:
    """Those that are not `written` yet."""
    for name, pairs in _PREFIXES.items():
        for row in _rows(tables, name):
            for address, length in pairs:
                pair = str(row.get(address)), str(row.get(length))
                if address not in row or pair in written:
                    continue
                written.add(pair)
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


def _rows(tables: Mapping[str, Table], name: str) -> Iterator[Mapping[str, object]]:
    data = tables[name].data if name in tables else None
    rows: Iterable[object] = data if isinstance(data, list) else ()
    return (row for row in rows if isinstance(row, Mapping))


def _network(text: str) -> Network | None:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    return network if 0 < network.prefixlen < network.max_prefixlen else None

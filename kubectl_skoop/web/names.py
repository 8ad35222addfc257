"""All names of a snapshot that can be asked for, and the few that fit what was typed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import nsmallest
from typing import NamedTuple

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.resolve import Target, resolve
from kubectl_skoop.model.errors import SectionDamaged, SkoopError
from kubectl_skoop.snapshot.source import Snapshot

MOST = 50
"""Names in one answer."""


class Found(NamedTuple):
    names: tuple[str, ...]
    more: bool
    """There are others that fit."""


@dataclass(frozen=True)
class Names:
    """As a user writes them: `pod/shop/cart-0`, `svc/shop/db`, `node/n1`."""

    nodes: tuple[str, ...]
    services: tuple[str, ...]
    pods: tuple[str, ...]

    @cached_property
    def all(self) -> tuple[str, ...]:
        return (*self.nodes, *self.services, *self.pods)

    @cached_property
    def places(self) -> tuple[str, ...]:
        """What has tables."""
        return (*self.nodes, *self.pods)


def names_of(source: Snapshot) -> Names:
    """Of the index alone, as far as it has them. What is damaged is left out."""
    nodes = {*source.nodes(), *(node.name for node in Cluster(source).nodes())}
    pods = {*_keys(source, "Pod"), *_collected(source)}
    return Names(
        nodes=tuple(f"node/{name}" for name in sorted(nodes)),
        services=tuple(f"svc/{key}" for key in sorted(_keys(source, "Service"))),
        pods=tuple(f"pod/{key}" for key in sorted(pods)),
    )


def matching(names: Sequence[str], typed: str) -> Found:
    """Those that hold every word of what was typed; first where it begins a name, then the shortest."""
    words = typed.lower().split()

    def rank(name: str) -> tuple[bool, bool, int, str]:
        first = words[0] if words else ""
        return not name.startswith(first), f"/{first}" not in name, len(name), name

    if not words:
        return Found(tuple(names[:MOST]), len(names) > MOST)
    fits = [name for name in names if all(word in name.lower() for word in words)]
    return Found(tuple(nsmallest(MOST, fits, key=rank)), len(fits) > MOST)


def ports_of(source: Snapshot, written: str) -> tuple[str, ...]:
    """That a service or a pod's containers declare; none for a name that nothing has."""
    cluster = Cluster(source)
    try:
        target = resolve(cluster, written)
        return tuple(dict.fromkeys(_ports(cluster, target)))[:MOST]
    except SkoopError:
        return ()


def _ports(cluster: Cluster, target: Target) -> Iterator[str]:
    match target.kind:
        case "service":
            for port in cluster.service(target.name).ports:
                yield str(port.port)
                if port.name:
                    yield port.name
        case "pod":
            for container in cluster.pod(target.name).containers:
                yield from (str(port.port) for port in container.ports)


def _keys(source: Snapshot, kind: str) -> tuple[str, ...]:
    try:
        return source.keys(kind)
    except SectionDamaged:
        return ()


def _collected(source: Snapshot) -> tuple[str, ...]:
    try:
        return source.collected_pods()
    except SectionDamaged:
        return ()

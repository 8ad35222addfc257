"""A snapshot of a large cluster, for what must not depend on its size: `python -m tests.bench.large FILE`.

Two nodes are recorded and can be walked between; the others have a recorded node's tables under their names.
Pods and services are spread over namespaces, each pod with an address of its own.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.assemble import new_header
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.snapshot.write import writing

RECORDED = Path(__file__).parents[2] / "snapshots" / "dead-backend.skoop"
APPS = ("web", "api", "db", "cache", "queue")


@dataclass(frozen=True, slots=True)
class Size:
    nodes: int
    pods: int
    services: int
    namespaces: int


LARGE = Size(nodes=5_000, pods=100_000, services=10_000, namespaces=1_000)


def write_large(path: Path, size: Size) -> None:
    source = open_snapshot(RECORDED)
    try:
        dump = source.node_dump("n1")
        assert not isinstance(dump, NotCollected)
        host = replace(dump.namespaces[0], pods=())
        made = {
            "Node": _nodes,
            "Pod": _pods,
            "Service": _services,
            "Namespace": _namespaces,
            "NetworkPolicy": _policies,
        }
        with writing(path, new_header(0.0)) as writer:
            for kind in sorted({*source.kinds(), *made}):
                found = source.objects(kind)
                stream = list(() if isinstance(found, NotCollected) else found)
                writer.add_objects(kind, [*stream, *(made[kind](size) if kind in made else ())])
            for name in source.nodes():
                recorded = source.node_dump(name)
                assert not isinstance(recorded, NotCollected)
                writer.add_node(recorded)
            for number in range(2, size.nodes):
                writer.add_node(replace(dump, node=_node(number), namespaces=(host,)))
    finally:
        source.close()


def _node(number: int) -> str:
    return f"worker-{number:04d}"


def _namespace(number: int, size: Size) -> str:
    return f"team-{number % size.namespaces:03d}"


def _object(kind: str, namespace: str, name: str, **fields: object) -> Object:
    labels = {"app": name.partition("-")[0]}
    metadata = {"name": name, "labels": labels} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **fields}


def _nodes(size: Size) -> Iterator[Object]:
    for number in range(2, size.nodes):
        address = f"10.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
        status = {"addresses": [{"type": "InternalIP", "address": address}]}
        yield _object("Node", "", _node(number), status=status)


def _namespaces(size: Size) -> Iterator[Object]:
    for number in range(size.namespaces):
        yield _object("Namespace", "", _namespace(number, size))


def _policies(size: Size) -> Iterator[Object]:
    """Each namespace keeps to itself, but for its web servers."""
    for number in range(size.namespaces):
        inside: dict[str, object] = {"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]}
        yield _object("NetworkPolicy", _namespace(number, size), "inside", spec=inside)
        web: dict[str, object] = {"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [{}]}
        yield _object("NetworkPolicy", _namespace(number, size), "web", spec=web)


def _pods(size: Size) -> Iterator[Object]:
    for number in range(size.pods):
        address = f"10.{128 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
        yield _object(
            "Pod",
            _namespace(number, size),
            f"{APPS[number % len(APPS)]}-{number:06d}",
            spec={"nodeName": _node(2 + number % (size.nodes - 2))},
            status={"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
        )


def _services(size: Size) -> Iterator[Object]:
    for number in range(size.services):
        address = f"10.{100 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
        spec = {
            "clusterIP": address,
            "clusterIPs": [address],
            "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
        }
        yield _object("Service", _namespace(number, size), f"{APPS[number % len(APPS)]}-{number}", spec=spec)


if __name__ == "__main__":
    start = time.monotonic()
    write_large(Path(sys.argv[1]), LARGE)
    print(
        f"{sys.argv[1]}: {Path(sys.argv[1]).stat().st_size / 1e6:.0f} MB in {time.monotonic() - start:.0f} s"
    )

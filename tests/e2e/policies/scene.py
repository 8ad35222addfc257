"""The cluster of the conformance cases: pods a, b, c in the namespaces x, y, z, and who listens there.

A pod's name has its namespace in it, so that names of places are unique: `x-a`.
"""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.snapshot.assemble import assemble, write_node_dump
from kubectl_skoop.snapshot.objects_file import read_objects
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from kubectl_skoop.testing.listeners import Listeners
from kubectl_skoop.testing.netns import Namespace
from tests.e2e.cluster import Cluster
from tests.e2e.node_files import PAUSE_IMAGE

NAMESPACES, PODS = "xyz", "abc"
PORTS = (80, 81)
PROTOCOLS: tuple[Literal["tcp", "udp"], ...] = ("tcp", "udp")
SERVICE, SERVICE_PORT, BACKEND = "y-b", 8080, "y-b"
"""A service of one pod, in its namespace, with the port's number translated."""
KINDS = "nodes,namespaces,pods,services,endpointslices,networkpolicies,daemonsets"


@dataclass(frozen=True, slots=True)
class Scene:
    cluster: Cluster
    namespaces: Mapping[str, Namespace]
    """By place: pods and nodes."""
    addresses: Mapping[str, str]
    """The same, and services as `svc.NAME`."""
    node_of: Mapping[str, str]
    """By pod."""
    listeners: Listeners = field(default_factory=Listeners)

    @property
    def pods(self) -> tuple[str, ...]:
        return tuple(self.node_of)

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple(self.cluster.nodes)

    def reference(self, place: str) -> str:
        """As `kubectl skoop` names it."""
        if place in self.node_of:
            return f"pod/{key(place)}"
        return f"svc/{key(place.removeprefix('svc.'))}" if place.startswith("svc.") else f"node/{place}"

    def snapshot(self) -> Snapshot:
        """All nodes and pods as our agent reads them, with the objects."""
        folder = self.cluster.folder
        with ThreadPoolExecutor() as workers:
            dumps = list(workers.map(self._dump, self.nodes))
        objects, whole = folder / "objects.json", folder / "whole.skoop"
        objects.write_text(self.cluster.kubectl("get", KINDS, "--all-namespaces", "-o", "json"))
        assemble(dumps, read_objects([objects]), whole, time=time.time())
        return open_snapshot(whole)

    def _dump(self, node: str) -> Path:
        paths = {key(pod): Path(self.namespaces[pod].path) for pod, on in self.node_of.items() if on == node}
        dump = self.cluster.folder / f"{node}.dump"
        write_node_dump(collect_node(node, Path(self.namespaces[node].path), paths), dump)
        return dump


def key(pod: str) -> str:
    """`namespace/name`."""
    return f"{pod[0]}/{pod}"


@contextmanager
def built(cluster: Cluster) -> Iterator[Scene]:
    """Raises: ClusterError: the pods do not become ready."""
    kubectl, nodes = cluster.kubectl, list(cluster.nodes)
    names = [f"{space}-{pod}" for space in NAMESPACES for pod in PODS]
    items = [_namespace(space) for space in NAMESPACES]
    items += [_pod(name, nodes[number % len(nodes)]) for number, name in enumerate(names)]
    kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=180s")
    kubectl.apply({"apiVersion": "v1", "kind": "List", "items": [*items, _service()]})
    found: dict[str, Any] = {}
    for space in NAMESPACES:
        kubectl("wait", "--for=condition=Ready", "pod", "--all", f"--namespace={space}", "--timeout=180s")
        items = kubectl.get("pods", f"--namespace={space}")["items"]
        found |= {item["metadata"]["name"]: item for item in items}
    namespaces = {name: node.namespace for name, node in cluster.nodes.items()}
    addresses = {name: str(node.address) for name, node in cluster.nodes.items()}
    for name, item in found.items():
        namespaces[name] = Namespace(f"/proc/{cluster.container_process(item)}/ns/net")
        addresses[name] = item["status"]["podIP"]
    service = kubectl.get("service", SERVICE, f"--namespace={SERVICE[0]}")
    addresses[f"svc.{SERVICE}"] = service["spec"]["clusterIP"]
    node_of = {name: item["spec"]["nodeName"] for name, item in found.items()}
    scene = Scene(cluster, namespaces, addresses, node_of)
    with closing(scene.listeners):
        for place, namespace in namespaces.items():
            for port in PORTS:
                for protocol in PROTOCOLS:
                    scene.listeners.open(namespace, place, protocol, port, address=addresses[place])
        yield scene


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"ns": name}}}


def _pod(name: str, node: str) -> dict[str, Any]:
    """Its ports have the names that the cases use."""
    ports = [
        {"name": f"serve-{port}-{protocol}", "containerPort": port, "protocol": protocol.upper()}
        for port in PORTS
        for protocol in PROTOCOLS
    ]
    container = {"name": "pause", "image": PAUSE_IMAGE, "imagePullPolicy": "Never", "ports": ports}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": name[0], "labels": {"pod": name[-1]}},
        "spec": {"nodeName": node, "terminationGracePeriodSeconds": 0, "containers": [container]},
    }


def _service() -> dict[str, Any]:
    ports = [
        {"name": protocol, "protocol": protocol.upper(), "port": SERVICE_PORT, "targetPort": PORTS[0]}
        for protocol in PROTOCOLS
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": SERVICE, "namespace": SERVICE[0]},
        "spec": {"selector": {"pod": BACKEND[-1]}, "ports": ports},
    }

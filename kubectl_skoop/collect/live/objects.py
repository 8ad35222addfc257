"""The cluster's objects as a snapshot keeps them, and what collecting needs of nodes and pods."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Protocol

from kubectl_skoop.cluster.addresses import FINISHED
from kubectl_skoop.cluster.allow import Allowed, config_maps, prune, wanted
from kubectl_skoop.cluster.raw import Object, flag, items, labels, ref_of, text, texts
from kubectl_skoop.collect.live.api import Api
from kubectl_skoop.collect.live.discovery import Resource, discover
from kubectl_skoop.collect.live.errors import ClusterError, Forbidden
from kubectl_skoop.model.missing import NotCollected

STATIC_HASH = "kubernetes.io/config.hash"
"""Annotation that stands for the uid of a static pod on its node (pkg/kubelet/types/pod_update.go,
ConfigHashAnnotationKey)."""
_VIRTUAL_TYPE = "virtual-kubelet"
_SLICES, _ENDPOINTS = "EndpointSlice", "Endpoints"
_NEEDED = frozenset({"Node", "Pod"})
"""Kinds without which nothing can be asked."""


@dataclass(slots=True, kw_only=True)
class Gathered:
    """What the API server told."""

    gaps: list[NotCollected] = field(default_factory=list)
    pods: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    """By node, the pods that should run there, as the agent takes them (`collect --pods`)."""
    obstacles: dict[str, str] = field(default_factory=dict)
    """Why a collector pod would not run on a node; every node is in it, mostly with an empty text."""
    services: int = 0
    """How many the cluster has, whatever namespaces were asked for."""
    networks: list[str] = field(default_factory=list)
    """Those that the nodes give their pods addresses of, as far as the objects tell (`spec.podCIDRs`)."""


class ObjectStream(Protocol):
    """Where the objects of a kind go, one after the other."""

    def add(self, item: Object) -> None: ...

    def finish(self) -> None:
        """There are no more. Without it what was added does not count."""
        ...


@dataclass(slots=True)
class InMemory:
    """Objects that are kept in memory, by kind."""

    kinds: dict[str, Sequence[Object]] = field(default_factory=dict)

    def stream(self, kind: str) -> ObjectStream:
        return _ListStream(self.kinds, kind)


@dataclass(slots=True)
class _ListStream:
    kinds: dict[str, Sequence[Object]]
    kind: str
    kept: list[Object] = field(default_factory=list)

    def add(self, item: Object) -> None:
        self.kept.append(item)

    def finish(self) -> None:
        self.kinds[self.kind] = sorted(self.kept, key=ref_of)


def gather(
    api: Api,
    allowed: Allowed,
    workers: Executor,
    stream: Callable[[str], ObjectStream],
    namespaces: Sequence[str] = (),
) -> Gathered:
    """All kinds that a snapshot keeps, at one resourceVersion where the server can.

    `stream`: where the objects of a kind go, asked in several threads. `namespaces`: of objects that live in
    one only those. What may not be listed is a gap.
    Raises: ClusterError where the nodes or pods cannot be had.
    """
    found = Gathered()
    there = discover(api, wanted(allowed), workers)
    found.gaps += [
        NotCollected(f"objects/{kind}", "failed", reason) for kind, reason in sorted(there.unknown.items())
    ]
    resources = {resource.kind: resource for resource in there.resources}
    resources.pop("ConfigMap", None)
    if _SLICES in resources:
        resources.pop(_ENDPOINTS, None)
    if "Node" not in resources:
        raise ClusterError(
            f"the API server lists no nodes: {there.unknown.get('Node', 'it does not know them')}",
            hint="check that it is the API server of a Kubernetes cluster",
        )
    for kind in there.absent:
        stream(kind).finish()
    nodes = _List(api, resources.pop("Node"), allowed, stream)
    nodes.read()
    found.obstacles, found.networks = nodes.obstacles, nodes.networks
    only = frozenset(namespaces)
    lists = [_List(api, resource, allowed, stream, nodes.version, only) for resource in resources.values()]
    config = workers.submit(_config_maps, api, allowed, stream("ConfigMap"))
    for one in workers.map(_List.read, lists):
        found.gaps += [one.gap] if one.gap is not None else []
        found.pods |= one.pods
        found.services += one.services
    found.gaps += config.result()
    return found


@dataclass(slots=True)
class _List:
    """The objects of one kind, as they come page by page."""

    api: Api
    resource: Resource
    allowed: Allowed
    stream: Callable[[str], ObjectStream]
    version: str = ""
    """resourceVersion to list at; then the one that it was listed at."""
    namespaces: frozenset[str] = frozenset()
    gap: NotCollected | None = None
    pods: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    obstacles: dict[str, str] = field(default_factory=dict)
    services: int = 0
    networks: list[str] = field(default_factory=list)

    def read(self) -> "_List":
        """Raises: ClusterError for kinds that nothing works without."""
        stream = self.stream(self.resource.kind)
        try:
            for page in self.api.pages(self.resource.path, version=self.version):
                self.version = self.version or text(page, "metadata", "resourceVersion")
                self._take(items(page, "items"), stream)
            stream.finish()
        except ClusterError as error:
            if self.resource.kind in _NEEDED:
                raise
            self.gap = _gap(self.resource.kind, error)
        return self

    def _take(self, page: Iterable[object], stream: ObjectStream) -> None:
        for item in page:
            if not isinstance(item, Mapping):
                continue
            if self.resource.kind == "Pod":
                self._note_pod(item)
            elif self.resource.kind == "Service":
                self.services += 1
            elif self.resource.kind == "Node":
                self.obstacles[text(item, "metadata", "name")] = obstacle(item)
                self.networks += texts(item, "spec", "podCIDRs")
            namespace = text(item, "metadata", "namespace")
            if self.namespaces and namespace and namespace not in self.namespaces:
                continue
            typed = {"apiVersion": self.resource.api_version, "kind": self.resource.server_kind, **item}
            if (pruned := prune(typed, self.allowed)) is not None:
                stream.add(pruned)

    def _note_pod(self, item: Object) -> None:
        node = text(item, "spec", "nodeName")
        if node and text(item, "status", "phase") not in FINISHED:
            self.pods.setdefault(node, []).append(pod_entry(item))


def pod_entry(item: Object) -> dict[str, object]:
    """What the agent must know to find the pod's processes."""
    entry: dict[str, object] = {
        "pod": f"{text(item, 'metadata', 'namespace')}/{text(item, 'metadata', 'name')}",
        "uid": text(item, "metadata", "uid"),
        "hostNetwork": flag(item, "spec", "hostNetwork"),
    }
    static = labels(item, "metadata", "annotations").get(STATIC_HASH)
    return {**entry, "hash": static} if static else entry


def obstacle(node: Object) -> str:
    """Why no collector can run on the node; empty: nothing speaks against it."""
    named = labels(node, "metadata", "labels")
    if named.get("kubernetes.io/os", "linux") != "linux":
        return f"it runs {named['kubernetes.io/os']}, and only Linux can be collected"
    taints = [text(taint, "key") for taint in items(node, "spec", "taints")]
    if named.get("type") == _VIRTUAL_TYPE or any(key.startswith(f"{_VIRTUAL_TYPE}.io/") for key in taints):
        return "it is a virtual node, there is no kernel to read"
    if named.get("eks.amazonaws.com/compute-type") == "fargate":
        return "it is a Fargate node, which runs no pods of ours"
    for condition in items(node, "status", "conditions"):
        if text(condition, "type") == "Ready" and text(condition, "status") != "True":
            since = text(condition, "lastTransitionTime")
            why = text(condition, "message") or text(condition, "reason") or "no reason is given"
            return f"it is not Ready{f' since {since}' if since else ''}: {why}"
    return ""


def _gap(kind: str, error: ClusterError) -> NotCollected:
    return NotCollected(
        f"objects/{kind}", "forbidden" if isinstance(error, Forbidden) else "failed", str(error)
    )


def _config_maps(api: Api, allowed: Allowed, stream: ObjectStream) -> list[NotCollected]:
    """The few that are wanted, by name: nobody needs the right to list them all. What could not be read."""
    gaps: list[NotCollected] = []
    for name in config_maps(allowed):
        namespace, _, bare = name.partition("/")
        try:
            item = api.get(f"/api/v1/namespaces/{namespace}/configmaps/{bare}")
        except ClusterError as error:
            if error.status != 404:
                gaps.append(_gap(f"ConfigMap/{name}", error))
            continue
        if (pruned := prune({**item, "apiVersion": "v1", "kind": "ConfigMap"}, allowed)) is not None:
            stream.add(pruned)
    stream.finish()
    return gaps

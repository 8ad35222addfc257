"""Names to complete: of a snapshot's objects, of manifests, of a live cluster; asked for in small parts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from typer._click.core import Context

if TYPE_CHECKING:
    from kubectl_skoop.cluster.cluster import Cluster
    from kubectl_skoop.collect.live.api import Api

_KINDS = {"po": "pod", "pods": "pod", "service": "svc", "services": "svc", "no": "node", "nodes": "node"}
_KINDS |= {"deployment": "deploy", "statefulset": "sts", "daemonset": "ds"}
_CONTROLLERS = {"deploy": "Deployment", "sts": "StatefulSet", "ds": "DaemonSet"}
_PATHS = {
    "pod": ("/api/v1", "pods"),
    "svc": ("/api/v1", "services"),
    "deploy": ("/apis/apps/v1", "deployments"),
    "sts": ("/apis/apps/v1", "statefulsets"),
    "ds": ("/apis/apps/v1", "daemonsets"),
}
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json"
_LISTED = "500"
"""Names that one answer of the API server has at most."""
_TIMEOUT = 2.0
"""Of one request, seconds."""


class Names(Protocol):
    """Whose names are completed."""

    def namespaces(self) -> Iterable[str]: ...

    def nodes(self) -> Iterable[str]: ...

    def bare(self, kind: str) -> Iterable[str]:
        """Names that need no namespace before them."""
        ...

    def within(self, kind: str, namespace: str) -> Iterable[str]:
        """All names in a namespace."""
        ...


def resources(names: Names, kinds: Sequence[str], incomplete: str) -> Iterator[str]:
    """`pod/`, then `pod/NAME` and `pod/NAMESPACE/`, then `pod/NAMESPACE/NAME`."""
    head, slash, rest = incomplete.partition("/")
    kind = _KINDS.get(head, head)
    if not slash:
        yield from (f"{kind}/" for kind in kinds)
    elif kind == "node" and kind in kinds:
        yield from (f"{head}/{name}" for name in names.nodes())
    elif kind in kinds:
        namespace, slash, _ = rest.partition("/")
        if slash:
            yield from (f"{head}/{namespace}/{name}" for name in names.within(kind, namespace))
        else:
            yield from (f"{head}/{name}" for name in names.bare(kind))
            yield from (f"{head}/{name}/" for name in names.namespaces())
    else:
        yield from (f"{head}/{name}" for name in names.within("pod", head))


@contextmanager
def named(ctx: Context) -> Iterator[Names]:
    """What the command line so far is about. Raises: whatever is wrong with it."""
    from kubectl_skoop.cli import live, parameters

    namespace = str(ctx.params.get("namespace") or "")
    manifests, snapshot = ctx.params.get("manifests"), ctx.params.get("snapshot")
    if manifests:
        from kubectl_skoop.cli.policy_input import manifest_cluster

        # What comes by a pipe, or is yet to be typed, is not waited for.
        there = [path for path in map(Path, manifests) if path.is_file() or path.is_dir()]
        yield OfObjects(manifest_cluster(there), namespace)
    elif snapshot and not live.outweighs(ctx):
        from kubectl_skoop.cluster.cluster import Cluster

        with parameters.opened(Path(snapshot)) as source:
            yield OfObjects(Cluster(source), namespace)
    else:
        from kubectl_skoop.collect.live.api import Api
        from kubectl_skoop.collect.live.kubeconfig import context_namespace

        access = live.access({**live.values(ctx), "request_timeout": f"{_TIMEOUT}s"})
        yield OfApi(Api(access), namespace or context_namespace(access) or "default")


def kubeconfig_names(ctx: Context, section: str) -> Iterator[str]:
    """Of contexts, clusters or users."""
    import os

    import yaml

    from kubectl_skoop.cli import live
    from kubectl_skoop.collect.live.kubeconfig import files

    for path in files(live.values(ctx).get("kubeconfig", ""), os.environ):
        content = yaml.safe_load(path.read_text("utf-8"))
        yield from (str(entry["name"]) for entry in content.get(section) or ())


class OfObjects:
    """Of a snapshot or of manifests."""

    def __init__(self, cluster: "Cluster", namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    def namespaces(self) -> Iterable[str]:
        if self._namespace:
            return ()
        pods, services = self._cluster.pods(), self._cluster.services()
        return sorted({pod.namespace for pod in pods} | {service.namespace for service in services})

    def nodes(self) -> Iterable[str]:
        return [node.name for node in self._cluster.nodes()]

    def bare(self, kind: str) -> Iterable[str]:
        """In the namespace that was given; else what fits one object only."""
        found = self._named(kind, self._namespace)
        places: dict[str, set[str]] = {}
        for namespace, name in found:
            places.setdefault(name, set()).add(namespace)
        return sorted(name for name, namespaces in places.items() if len(namespaces) == 1)

    def within(self, kind: str, namespace: str) -> Iterable[str]:
        return sorted({name for _, name in self._named(kind, namespace)})

    def _named(self, kind: str, namespace: str) -> Iterable[tuple[str, str]]:
        if kind == "svc":
            return [(item.namespace, item.name) for item in self._cluster.services(namespace)]
        pods = self._cluster.pods(namespace)
        if kind == "pod":
            return [(pod.namespace, pod.name) for pod in pods]
        wanted = _CONTROLLERS[kind]
        return [(pod.namespace, pod.controller.name) for pod in pods if pod.controller.kind == wanted]


class OfApi:
    """Of a live cluster: names alone, a page of them."""

    def __init__(self, api: "Api", namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    def namespaces(self) -> Iterable[str]:
        return self._list("/api/v1/namespaces")

    def nodes(self) -> Iterable[str]:
        return self._list("/api/v1/nodes")

    def bare(self, kind: str) -> Iterable[str]:
        return self.within(kind, self._namespace)

    def within(self, kind: str, namespace: str) -> Iterable[str]:
        group, plural = _PATHS[kind]
        return self._list(f"{group}/namespaces/{namespace}/{plural}")

    def _list(self, path: str) -> list[str]:
        """Nothing, where that may not be listed."""
        from kubectl_skoop.collect.live.errors import ClusterError

        try:
            answer = self._api.get(path, [("limit", _LISTED)], accept=_METADATA)
        except ClusterError:
            return []
        return sorted(_name(item) for item in _items(answer))


def _items(answer: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    items = answer.get("items")
    return items if isinstance(items, list) else ()


def _name(item: Mapping[str, Any]) -> str:
    return str(item["metadata"]["name"])

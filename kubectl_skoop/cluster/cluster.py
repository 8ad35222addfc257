"""The objects of a cluster, found by name and by address. Read when asked for, and kept."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from itertools import islice
from typing import Protocol, TypeVar

from kubectl_skoop.cluster.addresses import addresses_of
from kubectl_skoop.cluster.node import NodeInfo
from kubectl_skoop.cluster.pod import PodInfo, Sharing, pod_info
from kubectl_skoop.cluster.raw import Object, Ref, labels, ref_of
from kubectl_skoop.cluster.service import (
    SERVICE_NAME,
    Backend,
    Service,
    ServicePort,
    endpoints_backends,
    service_info,
    slice_backends,
)
from kubectl_skoop.model.errors import SectionDamaged, SkoopError, UnknownName
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Endpoint, Place

T = TypeVar("T")

MAX_ADDRESSES = 10_000
"""That are remembered with what they stand for."""
_COMPARED = 5000
"""Names that are searched for near ones."""


class ObjectSource(Protocol):
    """Where objects come from: a snapshot, or `PlainObjects`."""

    def objects(self, kind: str, namespace: str = "") -> Sequence[Object] | NotCollected: ...

    def each(self, kind: str, make: Callable[[Object], T]) -> Sequence[T] | NotCollected:
        """What is made of all objects of a kind."""
        ...

    def owners(self, address: str) -> Sequence[Ref]:
        """Every object that has the address (in canonical form)."""
        ...

    def namespaces_of(self, kind: str, name: str) -> Sequence[str]:
        """The namespaces in which a Pod or Service has that name."""
        ...


class PlainObjects:
    """Objects that are all in memory, by kind."""

    def __init__(self, by_kind: Mapping[str, Sequence[Object]], gaps: Sequence[NotCollected] = ()) -> None:
        """`gaps`: why lists are not there, as far as that is known."""
        self.by_kind = by_kind
        self._gaps = {gap.what: gap for gap in gaps}

    def objects(self, kind: str, namespace: str = "") -> Sequence[Object] | NotCollected:
        found = self.by_kind.get(kind)
        if found is None:
            what = f"objects/{kind}"
            return self._gaps.get(what) or NotCollected(what, "not collected")
        return tuple(item for item in found if not namespace or ref_of(item).namespace == namespace)

    def each(self, kind: str, make: Callable[[Object], T]) -> Sequence[T] | NotCollected:
        found = self.objects(kind)
        return found if isinstance(found, NotCollected) else [make(item) for item in found]

    def owners(self, address: str) -> Sequence[Ref]:
        return self._owners.get(address, ())

    def namespaces_of(self, kind: str, name: str) -> Sequence[str]:
        refs = (ref_of(item) for item in self.by_kind.get(kind, ()))
        return tuple(ref.namespace for ref in refs if ref.name == name)

    @cached_property
    def _owners(self) -> Mapping[str, Sequence[Ref]]:
        owners: dict[str, list[Ref]] = {}
        for kind, found in self.by_kind.items():
            for item in found:
                for address in addresses_of(kind, item):
                    owners.setdefault(address, []).append(ref_of(item))
        return owners


class _MadeOut(Mapping[str, T]):
    """Objects by `namespace/name`, each made out when asked for: a question is about few of thousands."""

    def __init__(self, objects: Iterable[Object], make: Callable[[Object], T]) -> None:
        self._objects = {_key(ref_of(item)): item for item in objects}
        self._make = make
        self._made: dict[str, T] = {}

    def __getitem__(self, key: str) -> T:
        if key not in self._made:
            self._made[key] = self._make(self._objects[key])
        return self._made[key]

    def __contains__(self, key: object) -> bool:
        return key in self._objects

    def __iter__(self) -> Iterator[str]:
        return iter(self._objects)

    def __len__(self) -> int:
        return len(self._objects)


def _key(ref: Ref) -> str:
    return f"{ref.namespace}/{ref.name}"


class Cluster:
    """The Kubernetes objects of a source, made out when they are asked for."""

    def __init__(self, source: ObjectSource) -> None:
        self.source = source
        self._pods: dict[str, Mapping[str, PodInfo]] = {}
        self._services: dict[str, Mapping[str, Service]] = {}
        self._nodes: Mapping[str, NodeInfo] | None = None
        self._slices: dict[str, Mapping[str, Sequence[Object]]] = {}
        self._endpoints: dict[str, Mapping[str, Object]] = {}
        self._addresses: dict[Address, Endpoint] = {}

    def objects(self, kind: str, namespace: str = "") -> Sequence[Object]:
        """Empty, too, if they were not collected: `source.objects` tells the difference."""
        found = self.source.objects(kind, namespace)
        return () if isinstance(found, NotCollected) else found

    def each(self, kind: str, make: Callable[[Object], T]) -> Sequence[T]:
        """What is made of all objects of a kind, which are not kept."""
        found = self.source.each(kind, make)
        return () if isinstance(found, NotCollected) else found

    def pods(self, namespace: str = "") -> Sequence[PodInfo]:
        """Of one namespace, or all; by namespace and name."""
        return tuple(self._pods_by_key(namespace).values())

    def services(self, namespace: str = "") -> Sequence[Service]:
        return tuple(self._services_by_key(namespace).values())

    def nodes(self) -> Sequence[NodeInfo]:
        """By name."""
        return tuple(self._nodes_by_name().values())

    def pod(self, key: str) -> PodInfo:
        """By `namespace/name`. Raises: UnknownName."""
        pods = self._pods_by_key(key.partition("/")[0])
        if key not in pods:
            raise self.unknown("Pod", key, self._pods_by_key(""))
        return pods[key]

    def service(self, key: str) -> Service:
        """By `namespace/name`. Raises: UnknownName."""
        services = self._services_by_key(key.partition("/")[0])
        if key not in services:
            raise self.unknown("Service", key, self._services_by_key(""))
        return services[key]

    def node(self, name: str) -> NodeInfo:
        """Raises: UnknownName."""
        nodes = self._nodes_by_name()
        if name not in nodes:
            raise self.unknown("Node", name, nodes)
        return nodes[name]

    def backends(self, service: Service, port: ServicePort) -> tuple[Backend, ...]:
        """All that EndpointSlices name for a port, ready or not; without slices what Endpoints name."""
        slices = self.slices(service)
        known = [backend for item in slices for backend in slice_backends(item)]
        if not slices:
            known = [backend for item in self.endpoints(service) for backend in endpoints_backends(item)]
        wanted = (port.name, port.protocol)
        chosen = (backend for backend in known if (backend.port_name, backend.protocol) == wanted)
        return tuple(dict.fromkeys(chosen))

    def unlisted(self, service: Service) -> NotCollected | None:
        """Why no object tells who serves it; None: EndpointSlices or Endpoints of its namespace do."""
        slices = self.source.objects("EndpointSlice", service.namespace)
        if not isinstance(slices, NotCollected):
            return None
        return (
            slices if isinstance(self.source.objects("Endpoints", service.namespace), NotCollected) else None
        )

    def slices(self, service: Service) -> Sequence[Object]:
        """The EndpointSlices that name the service."""
        return self._slices_by_service(service.namespace).get(service.name, ())

    def endpoints(self, service: Service) -> Sequence[Object]:
        """The Endpoints of its name: one object, or none."""
        if service.namespace not in self._endpoints:
            found = self.objects("Endpoints", service.namespace)
            self._endpoints[service.namespace] = {_key(ref_of(item)): item for item in found}
        own = self._endpoints[service.namespace].get(service.key)
        return () if own is None else (own,)

    def owners(self, address: Address) -> tuple[Ref, ...]:
        """Every object that has the address; more than one is a mistake that somebody made."""
        return tuple(self.source.owners(str(address)))

    def endpoint(self, address: Address) -> Endpoint:
        """What an address stands for; external if no object has it.

        Of several owners a running pod comes first, then other pods, nodes, services.
        """
        known = self._addresses.get(address)
        if known is None:
            if len(self._addresses) >= MAX_ADDRESSES:
                self._addresses.clear()
            known = self._addresses[address] = self._endpoint(address)
        return known

    def _endpoint(self, address: Address) -> Endpoint:
        owners = self.owners(address)
        if not owners:
            return Endpoint("external", str(address), address)
        owner = min(owners, key=self._rank)
        match owner.kind:
            case "Pod":
                return Endpoint("pod", f"{owner.namespace}/{owner.name}", address)
            case "Node":
                return Endpoint("node", owner.name, address)
            case _:
                service = self.service(f"{owner.namespace}/{owner.name}")
                outside = service.type == "LoadBalancer" and address not in service.cluster_addresses
                return Endpoint("lb" if outside else "service", service.key, address)

    def node_of_address(self, address: Address) -> str | None:
        """Name of the node that has the address, by its status."""
        return next((owner.name for owner in self.owners(address) if owner.kind == "Node"), None)

    def pod_of_address(self, address: Address) -> tuple[Place, str] | None:
        """The pod that has an address, and the name of its node; None: no pod."""
        endpoint = self.endpoint(address)
        if endpoint.kind != "pod":
            return None
        return Place("pod", endpoint.name), self.pod(endpoint.name).node

    def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """Its data, as far as it is collected; None: there is no such ConfigMap."""
        for item in self.objects("ConfigMap", namespace):
            if ref_of(item).name == name:
                return labels(item, "data")
        return None

    def detect_daemonset(self, *names: str) -> Ref | None:
        """The first DaemonSet of any namespace that has one of the names."""
        for item in self.objects("DaemonSet"):
            if (ref := ref_of(item)).name in names:
                return ref
        return None

    def unknown(self, kind: str, name: str, known: Iterable[str], what: str = "") -> SkoopError:
        """The error for a name that nothing has: with those that are near, or with why nobody can tell."""
        found = self.source.objects(kind)
        if isinstance(found, NotCollected):
            reason = f"{name} cannot be looked up: there are no objects of kind {kind}"
            if found.state == "lost":
                return SectionDamaged(f"{reason}: {found.reason}")
            return UnknownName(reason, hint="an address can be asked for, or assemble again with --objects")
        return unknown(what or kind.lower(), name, known)

    def _rank(self, owner: Ref) -> tuple[int, Ref]:
        if owner.kind != "Pod":
            return (2 if owner.kind == "Node" else 3), owner
        pod = self._pods_by_key(owner.namespace).get(f"{owner.namespace}/{owner.name}")
        return (0 if pod is not None and pod.phase == "Running" and not pod.deleted else 1), owner

    def _pods_by_key(self, namespace: str) -> Mapping[str, PodInfo]:
        if not namespace and "" not in self._pods:
            self._read_all_pods()
        elif namespace not in self._pods:
            known = "" in self._pods
            self._pods[namespace] = {} if known else _MadeOut(self.objects("Pod", namespace), pod_info)
        return self._pods[namespace]

    def _read_all_pods(self) -> None:
        """Each is made out at once, so that the objects need not stay."""
        found = self.source.each("Pod", Sharing().pod_info)
        by_namespace: dict[str, dict[str, PodInfo]] = {}
        for pod in () if isinstance(found, NotCollected) else found:
            by_namespace.setdefault(pod.namespace, {})[pod.key] = pod
        self._pods = {
            **by_namespace,
            "": {key: pod for pods in by_namespace.values() for key, pod in pods.items()},
        }

    def _services_by_key(self, namespace: str) -> Mapping[str, Service]:
        if not namespace and "" not in self._services:
            made = self.each("Service", service_info)
            self._services[""] = {service.key: service for service in made}
        elif namespace not in self._services:
            self._services[namespace] = _MadeOut(self.objects("Service", namespace), service_info)
        return self._services[namespace]

    def _nodes_by_name(self) -> Mapping[str, NodeInfo]:
        if self._nodes is None:
            self._nodes = {node.name: node for node in self.each("Node", NodeInfo)}
        return self._nodes

    def _slices_by_service(self, namespace: str) -> Mapping[str, Sequence[Object]]:
        if namespace not in self._slices:
            found: dict[str, list[Object]] = {}
            for item in self.objects("EndpointSlice", namespace):
                found.setdefault(labels(item, "metadata", "labels").get(SERVICE_NAME, ""), []).append(item)
            self._slices[namespace] = found
        return self._slices[namespace]


def unknown(what: str, name: str, known: Iterable[str]) -> UnknownName:
    """The error for a name that nothing has, with those that are near."""
    near = get_close_matches(name, list(islice(known, _COMPARED)), n=3, cutoff=0.5)
    nearest = f"; the nearest: {', '.join(near)}" if near else ""
    return UnknownName(f"there is no {what} {name}{nearest}")

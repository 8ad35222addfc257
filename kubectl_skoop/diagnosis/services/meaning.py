"""What a service asks of a node: for each address and port that it answers at, the backends to be used."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.node import NodeInfo
from kubectl_skoop.cluster.raw import Object, dig, items, labels, ref_of
from kubectl_skoop.cluster.service import (
    SERVICE_NAME,
    Backend,
    Service,
    ServicePort,
    endpoints_backends,
    slice_backends,
    usable,
)
from kubectl_skoop.model.packet import Address

DoorKind = Literal["cluster", "external", "node-port"]


class Target(NamedTuple):
    """Where one connection is sent."""

    address: Address
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if self.address.version == 6 else f"{self.address}:{self.port}"


class Door(NamedTuple):
    """One address and port that a service is reached by."""

    kind: DoorKind
    address: Address
    port: int
    protocol: str
    """`tcp`, `udp`, `sctp`."""

    def __str__(self) -> str:
        if self.kind == "node-port":
            return f"node port {self.port}/{self.protocol}"
        return f"{Target(self.address, self.port)}/{self.protocol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What new connections to a door must meet on one node."""

    service: Service
    port: ServicePort
    door: Door
    targets: frozenset[Target]
    """That kube-proxy of this node uses."""
    known: frozenset[Target]
    """That the objects name, ready or not."""
    usable: frozenset[Target]
    """Of all nodes: without any the connection is refused."""
    hinted: bool
    """Hints choose among them, so that some may be left out."""
    masqueraded: bool
    """Connections from outside of the cluster must come back by this node."""


@dataclass(frozen=True)
class _Endpoints:
    backends: tuple[Backend, ...]
    hinted: bool


class Meaning:
    """The services of a cluster, or only one, with their endpoints; each slice is read once."""

    def __init__(self, cluster: Cluster, only: Service | None = None) -> None:
        services = cluster.services() if only is None else (only,)
        self.services = tuple(one for one in services if _is_proxied(one))
        self._endpoints = _endpoints(cluster, only)

    def of_node(self, node: NodeInfo) -> Iterator[Wanted]:
        for service in self.services:
            yield from self.of_service(service, node)

    def of_service(self, service: Service, node: NodeInfo) -> Iterator[Wanted]:
        endpoints = self._endpoints.get((service.namespace, service.name), _Endpoints((), hinted=False))
        for port in service.ports:
            backends = [
                one
                for one in endpoints.backends
                if one.port and (one.port_name, one.protocol) == (port.name, port.protocol)
            ]
            for door in _doors(service, port, node):
                yield _wanted(service, port, door, backends, node.name, hinted=endpoints.hinted)


def _is_proxied(service: Service) -> bool:
    """Others are left to DNS or to another proxy (pkg/proxy/apis/well_known_labels.go)."""
    return bool(service.cluster_addresses) and service.type != "ExternalName" and not service.other_proxy


def _endpoints(cluster: Cluster, only: Service | None) -> Mapping[tuple[str, str], _Endpoints]:
    """By namespace and name of the service; Endpoints only where there are no slices."""
    namespace = only.namespace if only is not None else ""
    slices: dict[tuple[str, str], list[Object]] = {}
    for item in cluster.objects("EndpointSlice", namespace):
        name = labels(item, "metadata", "labels").get(SERVICE_NAME)
        if name and (only is None or name == only.name):
            slices.setdefault((ref_of(item).namespace, name), []).append(item)
    found = {
        key: _Endpoints(
            tuple(backend for item in group for backend in slice_backends(item)),
            hinted=any(dig(one, "hints") is not None for item in group for one in items(item, "endpoints")),
        )
        for key, group in slices.items()
    }
    for item in cluster.objects("Endpoints", namespace):
        ref = ref_of(item)
        if (ref.namespace, ref.name) not in found and (only is None or ref.name == only.name):
            found[ref.namespace, ref.name] = _Endpoints(tuple(endpoints_backends(item)), hinted=False)
    return found


def _doors(service: Service, port: ServicePort, node: NodeInfo) -> Iterator[Door]:
    protocol = port.protocol.lower()
    for address in service.cluster_addresses:
        yield Door("cluster", address, port.port, protocol)
    for address in dict.fromkeys((*service.external_addresses, *_balanced(service))):
        yield Door("external", address, port.port, protocol)
    if port.node_port:
        for version in dict.fromkeys(address.version for address in service.cluster_addresses):
            own = next((address for address in node.addresses if address.version == version), None)
            if own is not None:
                yield Door("node-port", own, port.node_port, protocol)


def _balanced(service: Service) -> Iterator[Address]:
    """Addresses of a load balancer that nodes take for their own; of those for some sources only, none."""
    if service.type == "LoadBalancer" and not service.source_ranges:
        proxied = service.load_balancer_proxied
        yield from (address for address in service.load_balancer_addresses if address not in proxied)


def _wanted(
    service: Service, port: ServicePort, door: Door, backends: Sequence[Backend], node: str, *, hinted: bool
) -> Wanted:
    """CategorizeEndpoints (pkg/proxy/topology.go): a policy Local keeps to endpoints of this node."""
    family = [one for one in backends if one.address.version == door.address.version]
    policy = service.internal_traffic_policy if door.kind == "cluster" else service.external_traffic_policy
    local = policy == "Local"
    known, everywhere = _targets(family), _targets(usable(family))
    used = _targets(usable(one for one in family if one.node == node)) if local else everywhere
    return Wanted(
        service=service,
        port=port,
        door=door,
        targets=used,
        known=known,
        usable=everywhere,
        hinted=hinted and not local,
        masqueraded=door.kind != "cluster" and not local,
    )


def _targets(backends: Sequence[Backend]) -> frozenset[Target]:
    return frozenset(Target(one.address, one.port) for one in backends)

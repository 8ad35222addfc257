"""What a service asks of a node: for each address and port that it answers at, the backends to be used."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address
from itertools import compress

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.node import NodeInfo
from kubectl_skoop.cluster.raw import Object, Ref, ref_of
from kubectl_skoop.cluster.service import (
    Backend,
    EndpointSlice,
    Service,
    ServicePort,
    endpoints_backends,
    slice_info,
    usable,
)
from kubectl_skoop.diagnosis.services.door import Door, Target
from kubectl_skoop.diagnosis.services.sources import bounds
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Address

KUBE_ROUTER = "kube-router"
"""What it calls itself in the label that names a proxy (kubeRouterProxyName)."""
ZONE = "topology.kubernetes.io/zone"
NONE: frozenset[Target] = frozenset()

Choices = tuple[frozenset[Target], ...]
"""Sets of endpoints of which kube-proxy uses one: the first, or what some version of it makes of the same."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wanted:
    """What new connections to a door must meet on one node."""

    service: Service
    port: ServicePort
    door: Door
    choices: Choices
    elsewhere: Choices
    """Without the policy Local."""
    known: frozenset[Target]
    """That the objects name, ready or not."""
    usable: frozenset[Target]
    """Of all nodes: without any the connection is refused."""
    serving: frozenset[Target]
    """Of all nodes, those that are ready or still serve."""
    own: frozenset[Target]
    """Of those that are known, those on the node."""
    far: frozenset[Target]
    """And those on another node; some say of no node that they are there."""
    local: bool
    """The policy Local holds."""
    ranges: tuple[str, ...] = ()
    """Networks whose connections are let in; empty: all."""

    common: bool = False
    """This one is for all nodes, or those of one zone, that have none of the endpoints."""

    @property
    def targets(self) -> frozenset[Target]:
        return self.choices[0]

    @property
    def meant(self) -> tuple[object, ...]:
        """All that a comparison asks for, but the door."""
        return (
            *(self.choices, self.elsewhere, self.known, self.usable, self.serving, self.own, self.far),
            *(self.local, self.ranges),
        )

    @property
    def masqueraded(self) -> bool:
        """Connections from outside of the cluster must come back by this node."""
        return self.door.kind != "cluster" and not self.local


class Meaning:
    """The services of a cluster, or only one, with their endpoints; each slice is read once."""

    def __init__(self, cluster: Cluster, only: Service | None = None) -> None:
        self.all = cluster.services() if only is None else (only,)
        self.services = tuple(one for one in self.all if _is_proxied(one))
        self.unlisted: NotCollected | None = None
        """Why no object tells who serves the services: nothing can be held against endpoints then."""
        self.slices: Sequence[EndpointSlice] = ()
        endpoints: Sequence[tuple[Ref, Sequence[Backend]]] = ()
        if only is None:
            slices = cluster.source.each("EndpointSlice", slice_info)
            found = cluster.source.each("Endpoints", _endpoints)
            if not isinstance(slices, NotCollected):
                self.slices = slices
            elif isinstance(found, NotCollected):
                self.unlisted = slices
            endpoints = () if isinstance(found, NotCollected) else found
        else:
            self.unlisted = cluster.unlisted(only)
            self.slices = [slice_info(item) for item in cluster.slices(only)]
            endpoints = [_endpoints(item) for item in cluster.endpoints(only)]
        self._backends = _backends(self.slices, endpoints)
        self._of_kube_router = tuple(one for one in self.all if _is_for(one, KUBE_ROUTER))
        """Which it alone serves."""
        self._theirs = _backends(self.slices, endpoints, KUBE_ROUTER) if self._of_kube_router else {}

    def of_node(
        self, node: NodeInfo, node_ports: Iterable[Address] | None = None, *, kube_router: bool = False
    ) -> Iterator[Wanted]:
        """`node_ports`: the node's addresses whose ports are looked at, of each family the first.
        `kube_router`: it serves there."""
        addresses = _first_of_family(node.addresses if node_ports is None else node_ports)
        for served in (*self._served, *(self._served_by_kube_router if kube_router else ())):
            endpoints = served.seen_from(node)
            yield from endpoints.everywhere
            for door in served.node_ports(addresses):
                yield endpoints.wanted(door)

    @cached_property
    def _served(self) -> Sequence["_Served"]:
        return [
            _Served(service, port, self._backends.get((service.namespace, service.name), ()))
            for service in self.services
            for port in service.ports
        ]

    @cached_property
    def _served_by_kube_router(self) -> Sequence["_Served"]:
        return [
            _Served(service, port, self._theirs.get((service.namespace, service.name), ()))
            for service in self._of_kube_router
            for port in service.ports
        ]

    def backends(self, service: Service, port: ServicePort) -> Sequence[Backend]:
        """All that the objects name for a port, ready or not."""
        found = self._backends.get((service.namespace, service.name), ())
        return [one for one in found if (one.port_name, one.protocol) == (port.name, port.protocol)]

    def ready_on(self, service: Service, node: str) -> int:
        """Endpoints of the node that are ready, whatever their ports."""
        backends = self._backends.get((service.namespace, service.name), ())
        return len({one.address for one in backends if one.ready and one.node == node})


class _Served:
    """One port of a service with its endpoints. Most nodes have none of them, and see the same."""

    def __init__(self, service: Service, port: ServicePort, backends: Sequence[Backend]) -> None:
        self.service = service
        self.port = port
        self.backends: dict[Target, Backend] = {}
        for one in backends:
            if one.port and one.port_name == port.name and one.protocol == port.protocol:
                target = Target(one.address, one.port)
                known = self.backends.setdefault(target, one)
                if known is not one and not one.terminating:
                    self.backends[target] = one
        all_of_them = self.backends.values()
        self._nodes = {name for one in all_of_them for name in (one.node, *one.node_hints)}
        self._zones = any(one.zone_hints for one in all_of_them)
        self._from_elsewhere: dict[str, _Endpoints] = {}
        """By zone, where that matters."""

    def of_family(self, version: int) -> Mapping[Target, Backend]:
        if {target.address.version for target in self.backends} <= {version}:
            return self.backends
        return {target: one for target, one in self.backends.items() if target.address.version == version}

    def seen_from(self, node: NodeInfo) -> "_Endpoints":
        zone = node.labels.get(ZONE, "") if self._zones else ""
        if node.name in self._nodes:
            return _Endpoints(self, node.name, zone)
        found = self._from_elsewhere.get(zone)
        if found is None:
            found = self._from_elsewhere[zone] = _Endpoints(self, node.name, zone, common=True)
        return found

    def node_ports(self, addresses: Sequence[Address]) -> Iterator[Door]:
        """`addresses`: of the node."""
        if self.port.node_port:
            versions = {address.version for address in self.service.cluster_addresses}
            for address in addresses:
                if address.version in versions:
                    yield Door("node-port", address, self.port.node_port, self.port.protocol.lower())


class _Endpoints:
    """Of one port of a service, seen from one node: CategorizeEndpoints (pkg/proxy/topology.go)."""

    def __init__(self, served: _Served, node: str, zone: str, *, common: bool = False) -> None:
        self._served = served
        self._common = common
        self._node = node
        self._zone = zone
        self._families: dict[int, _Family] = {}

    @cached_property
    def everywhere(self) -> Sequence[Wanted]:
        """At the doors that are the same on all nodes."""
        doors = _doors(self._served.service, self._served.port)
        return [self.wanted(door, common=self._common) for door in doors]

    def wanted(self, door: Door, *, common: bool = False) -> Wanted:
        service, version = self._served.service, door.address.version
        family = self._families.get(version)
        if family is None:
            backends = self._served.of_family(version)
            family = self._families[version] = _Family(backends, self._node, self._zone)
        inside, outside = service.internal_traffic_policy, service.external_traffic_policy
        local = (inside if door.kind == "cluster" else outside) == "Local"
        return Wanted(
            service=service,
            port=self._served.port,
            door=door,
            choices=family.here if local else family.everywhere,
            elsewhere=family.everywhere,
            known=family.known,
            usable=family.usable,
            serving=family.serving,
            own=family.own,
            far=family.far,
            local=local,
            ranges=_ranges(service, version) if door.kind == "balancer" else (),
            common=common,
        )


class _Family:
    """The endpoints of one family."""

    def __init__(self, backends: Mapping[Target, Backend], node: str, zone: str) -> None:
        self._backends = backends
        self._node = node
        self._zone = zone
        self.known = frozenset(backends)
        self.serving = self._those([one.ready or one.serving for one in backends.values()])
        self.own = self._those([one.node == node for one in backends.values()])
        self.far = self._those([one.node not in ("", node) for one in backends.values()])
        chosen = usable(backends.values())
        self.usable = self.known if len(chosen) == len(backends) else _targets(chosen)
        self.everywhere = self._everywhere()

    def _those(self, chosen: Sequence[bool]) -> frozenset[Target]:
        """Those that are all, or none, are not gathered anew: most are alike."""
        if all(chosen):
            return self.known
        return frozenset(compress(self._backends, chosen)) if any(chosen) else NONE

    def _everywhere(self) -> Choices:
        """By hints for nodes (since 1.35), by hints for zones, or all; before 1.26 none that terminates."""
        ready = [one for one in self._backends.values() if one.ready]
        if not ready:
            return (self.usable, NONE) if self.usable else (NONE,)
        if not ready[0].zone_hints and not ready[0].node_hints:
            return (self.usable,)
        chosen = [
            frozenset(Target(one.address, one.port) for one, hints in hinted if place in hints)
            for place, hinted in (
                (self._node, [(one, one.node_hints) for one in ready]),
                (self._zone, [(one, one.zone_hints) for one in ready]),
            )
            if all(hints for _, hints in hinted)
        ]
        return (*(targets for targets in chosen if targets), self.usable)

    @cached_property
    def here(self) -> Choices:
        chosen = usable(one for one in self._backends.values() if one.node == self._node)
        if chosen and not chosen[0].ready:
            return (_targets(chosen), NONE)
        return (_targets(chosen),)


def _ranges(service: Service, version: int) -> tuple[str, ...]:
    """Those of the family; one with all addresses is the same as none (serviceport.go)."""
    own = tuple(one.strip() for one in service.source_ranges if (":" in one) == (version == 6))
    return () if any(one.endswith("/0") for one in own) else own


def sample(ranges: Iterable[str], version: int, pods: Iterable[str], preferred: Address) -> Address | None:
    """An address in the ranges that is no pod's; None: there is none at their beginnings."""
    bits = preferred.max_prefixlen
    nets = [bounds(one) for one in ranges if (":" in one) == (version == 6)]
    of_pods = [bounds(one) for one in pods if (":" in one) == (version == 6)]
    for number in (int(preferred), *(low + (high > low) for low, high in nets)):
        inside = any(low <= number <= high for low, high in nets)
        if inside and 0 < number < 1 << bits and not any(low <= number <= high for low, high in of_pods):
            return ip_address(number.to_bytes(bits // 8, "big"))
    return None


def _is_proxied(service: Service) -> bool:
    """Others are left to DNS or to another proxy (pkg/proxy/apis/well_known_labels.go)."""
    return bool(service.cluster_addresses) and service.type != "ExternalName" and not service.left_alone


def _is_for(service: Service, proxy: str) -> bool:
    return bool(service.cluster_addresses) and service.type != "ExternalName" and service.for_proxy == proxy


def _backends(
    slices: Iterable[EndpointSlice], endpoints: Iterable[tuple[Ref, Sequence[Backend]]], proxy: str = ""
) -> Mapping[tuple[str, str], Sequence[Backend]]:
    """By namespace and name of the service; Endpoints only where there are no slices.

    `proxy`: slices that are for it alone count, too.
    """
    found: dict[tuple[str, str], list[Backend]] = {}
    for one in slices:
        counts = not one.left_alone or (proxy and one.for_proxy == proxy)
        if one.service and counts:
            found.setdefault((one.namespace, one.service), []).extend(one.backends)
    for ref, backends in endpoints:
        found.setdefault((ref.namespace, ref.name), [*backends])
    return found


def _endpoints(item: Object) -> tuple[Ref, Sequence[Backend]]:
    return ref_of(item), tuple(endpoints_backends(item))


def _doors(service: Service, port: ServicePort) -> Iterator[Door]:
    """But node ports."""
    protocol = port.protocol.lower()
    for address in service.cluster_addresses:
        yield Door("cluster", address, port.port, protocol)
    versions = {address.version for address in service.cluster_addresses}
    for address in service.external_addresses:
        if address.version in versions:
            yield Door("external", address, port.port, protocol)
    for address in _balanced(service):
        if address.version in versions and address not in service.external_addresses:
            yield Door("balancer", address, port.port, protocol)


def _balanced(service: Service) -> Iterator[Address]:
    """Addresses of a load balancer that nodes take for their own."""
    if service.type == "LoadBalancer":
        proxied = service.load_balancer_proxied
        yield from (address for address in service.load_balancer_addresses if address not in proxied)


def _first_of_family(addresses: Iterable[Address]) -> Sequence[Address]:
    first: dict[int, Address] = {}
    for address in addresses:
        first.setdefault(address.version, address)
    return tuple(first.values())


def _targets(backends: Iterable[Backend]) -> frozenset[Target]:
    return frozenset(Target(one.address, one.port) for one in backends)

"""Services and EndpointSlices that cannot be what somebody meant.

The API server takes few of these, files may have all. What is right beside them is judged as ever.
"""

from collections.abc import Iterator, Mapping, Sequence, Set

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.service import FAMILIES, SERVICE_NAME, EndpointSlice, Service
from kubectl_skoop.diagnosis.services.network import ServiceNetwork, service_networks
from kubectl_skoop.diagnosis.services.sources import Networks
from kubectl_skoop.model.listed import bounded
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Address, Network
from kubectl_skoop.model.place import Where
from kubectl_skoop.model.suspicion import Level, Suspicion

PROTOCOLS = ("TCP", "UDP", "SCTP")
FQDN = "FQDN"
"""The address type of slices that no proxy reads."""
MAX_PORT = 65535
ByFamily = Mapping[int, Sequence[ServiceNetwork]]


def invalid(
    cluster: Cluster, slices: Sequence[EndpointSlice], pods: Networks, given: Sequence[Network] = ()
) -> Iterator[Suspicion]:
    """`slices`: all. `pods`: the networks of all pods. `given`: those of services, where the user says so."""
    services = cluster.services()
    networks = {version: service_networks(cluster, version, given) for version in (4, 6)}
    overlapping = [*_overlaps(services, networks, pods)]
    yield from overlapping
    for service in services:
        yield from _ports(service)
        yield from _outside(service, networks)
        if not overlapping:
            yield from _in_pods(cluster, service, pods)
        yield from _unreadable(service)
    yield from _shared(services)
    known = {(one.namespace, one.name) for one in services}
    tells = services or not isinstance(cluster.source.objects("Service"), NotCollected)
    for one in slices:
        yield from _slice(one, known if tells else None)


def _overlaps(services: Sequence[Service], networks: ByFamily, pods: Networks) -> Iterator[Suspicion]:
    """Only a remark where nothing states the services' network and none has an address of the pods: it may
    be several networks."""
    addresses = [address for service in services for address in service.cluster_addresses]
    for of_pods in pods:
        for one in networks[of_pods.version]:
            if one.network.overlaps(of_pods):
                certain = one.stated or any(address in of_pods for address in addresses)
                yield _finding(
                    f"the service addresses, {one}, and the pod network {of_pods} overlap: a "
                    "packet for a service may go to a pod, or the other way round",
                    (f"services: {one.network}" + _source(one), f"pods: {of_pods}"),
                    "no rule can mend it: one of the two networks must move (--service-cluster-ip-range of "
                    "the API server, --cluster-cidr of the controller manager)",
                    Level.WARNING if certain else Level.INFO,
                )


def _source(network: ServiceNetwork) -> str:
    return f" ({network.stated})" if network.stated else ""


def _outside(service: Service, networks: ByFamily) -> Iterator[Suspicion]:
    """The API server reports the same (repairip.go, ClusterIPOutOfRange)."""
    for address in service.cluster_addresses:
        stated = [one for one in networks[address.version] if one.stated]
        if stated and not any(address in one.network for one in stated):
            yield _of(
                service,
                f"has the address {address}, which is in no service network: another program may take it for "
                "an address outside of the cluster",
                (
                    f"spec.clusterIP: {address}",
                    *(f"{one.stated}: {one.network}" for one in stated),
                ),
                "delete the service and make it anew without spec.clusterIP",
            )


def _ports(service: Service) -> Iterator[Suspicion]:
    if not service.ports and service.type != "ExternalName" and not service.headless:
        yield _of(service, "has no ports, so nothing is sent to it", ("spec.ports: none",), "give it a port")
    for port in service.ports:
        wrong = [] if 0 < port.port <= MAX_PORT else [f"the port {port.port}, which is out of range"]
        for field, number in (("nodePort", port.node_port), ("targetPort", port.target)):
            if isinstance(number, int) and not 0 <= number <= MAX_PORT:
                wrong.append(f"the {field} {number}, which is out of range")
        if port.protocol not in PROTOCOLS:
            wrong.append(f"the protocol {port.protocol}, which is none of services")
        for what in wrong:
            listed = f"spec.ports: {port.port}/{port.protocol}"
            yield _of(service, f"has {what}", (listed,), "correct the port")


def _in_pods(cluster: Cluster, service: Service, pods: Networks) -> Iterator[Suspicion]:
    for address in service.cluster_addresses:
        others = [str(one) for one in cluster.owners(address) if one.kind in ("Pod", "Node")]
        of_pods = pods.of(address)
        if of_pods is not None or others:
            what = f"is that of {others[0]}, too" if others else f"lies in the pod network {of_pods}"
            yield _of(
                service,
                f"has the address {address}, which {what}: a packet for one may go to the other",
                (f"spec.clusterIP: {address}", *bounded(others)),
                "delete the service and make it anew without spec.clusterIP",
            )


def _unreadable(service: Service) -> Iterator[Suspicion]:
    for written in service.unreadable:
        yield _of(
            service,
            f"has the address {written!r}, which is none",
            (f"spec.clusterIP: {written}",),
            "delete the service and make it anew without spec.clusterIP",
        )


def _shared(services: Sequence[Service]) -> Iterator[Suspicion]:
    """An address, or a node port, that two services have."""
    by_address: dict[Address, Service] = {}
    by_port: dict[tuple[int, str], Service] = {}
    for service in services:
        for address in service.cluster_addresses:
            first = by_address.setdefault(address, service)
            if first is not service:
                yield _of(
                    service,
                    f"has the address {address}, which is that of service {first.key}, too",
                    (f"spec.clusterIP: {address}",),
                    "delete one of the two and make it anew without spec.clusterIP",
                )
        for port in service.ports:
            if not port.node_port:
                continue
            first = by_port.setdefault((port.node_port, port.protocol), service)
            if first is not service:
                node_port = f"{port.node_port}/{port.protocol}"
                yield _of(
                    service,
                    f"has the node port {node_port}, which is that of service {first.key}, too",
                    (f"nodePort: {port.node_port}",),
                    "give one of the two another node port",
                )


def _slice(own: EndpointSlice, services: Set[tuple[str, str]] | None) -> Iterator[Suspicion]:
    """`services`: by namespace and name; None: nobody knows them."""
    what = f"EndpointSlice {own.namespace}/{own.name}"
    if services is not None and own.service and (own.namespace, own.service) not in services:
        yield _finding(
            f"{what} is for service {own.service}, which is not there: nobody uses its endpoints",
            (f"label {SERVICE_NAME}: {own.service}",),
            "make the service, or delete the slice",
            Level.INFO,
        )
    if own.type and own.type not in FAMILIES and own.type != FQDN:
        yield _finding(
            f"{what} has the address type {own.type}, which kube-proxy does not know: it uses none of its "
            "endpoints",
            (f"addressType: {own.type}",),
            f"write {' or '.join(FAMILIES)}",
        )
    if own.foreign:
        yield _finding(
            f"{what} has the address {own.foreign}, which is not of its type {own.type}",
            (f"endpoints[].addresses: {own.foreign}",),
            "put it into a slice of its own type",
        )


def _of(service: Service, what: str, evidence: tuple[str, ...], remedy: str) -> Suspicion:
    return _finding(f"service {service.key} {what}", evidence, remedy)


def _finding(message: str, evidence: tuple[str, ...], remedy: str, level: Level = Level.WARNING) -> Suspicion:
    return Suspicion(
        code="service.invalid",
        level=level,
        where=Where(),
        message=message,
        evidence=evidence,
        remedy=remedy,
    )

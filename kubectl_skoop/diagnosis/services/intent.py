"""What the objects say of the service that was asked for, held against what the node made of it."""

from collections.abc import Iterator

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.service import Backend, Service, ServicePort, usable
from kubectl_skoop.diagnosis.walk.branch import Branch, Visit
from kubectl_skoop.model.listed import bounded, listed
from kubectl_skoop.model.packet import Packet
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.netfilter.conntrack import Connection

SHOWN = 6
"""Endpoints or ports that a finding names."""
PROTOCOL_NAMES = {6: "TCP", 17: "UDP", 132: "SCTP"}


def explaining(cluster: Cluster, probe: Probe, branch: Branch) -> Iterator[Suspicion]:
    """Why a flow to a service fails, as far as its objects tell: no endpoints, or a backend that is none."""
    if probe.destination.kind not in ("service", "lb"):
        return
    service = cluster.service(probe.destination.name)
    port = _port(service, probe)
    if port is None:
        yield _no_port(service, probe)
        return
    if cluster.unlisted(service) is not None:
        return
    known = cluster.backends(service, port)
    if not usable(known):
        yield _no_endpoints(cluster, service, port, known)
        return
    if (node := _kept_local(cluster, service, probe)) and not usable(_on_node(known, node)):
        yield _no_local_endpoint(service, node, known)
        return
    for visit, packet in _translated(branch, probe):
        if not any((one.address, one.port) == (packet.dst, packet.dport) for one in known):
            entry = _existing(branch, visit, packet)
            yield (
                _stale_entry(service, visit, packet, entry)
                if entry
                else _no_backend(service, visit, packet, known)
            )


def _port(service: Service, probe: Probe) -> ServicePort | None:
    name = PROTOCOL_NAMES.get(probe.protocol, "")
    return next(
        (port for port in service.ports if (port.port, port.protocol) == (probe.dport, name)),
        None,
    )


def _translated(branch: Branch, probe: Probe) -> Iterator[tuple[Visit, Packet]]:
    """Where the service's address was translated, and what the packet then was."""
    for visit in branch.visits:
        came = visit.packet
        if visit.place.kind != "node":
            continue
        if came is not None and came.dst != probe.destination.address:
            continue
        lost = [loss.frame for loss in visit.journey.losses]
        for frame in [*(link.packet for link in visit.outputs), *lost]:
            if not isinstance(frame, Packet):
                continue
            packet = frame.innermost
            if packet.dst not in (probe.destination.address, came.src if came else probe.source.address):
                yield visit, packet


def _no_port(service: Service, probe: Probe) -> Suspicion:
    ports = [f"{port.port}/{port.protocol}" for port in service.ports]
    return Suspicion(
        code="service.no-port",
        level=Level.FATAL,
        where=Where(),
        message=f"service {service.key} has no port {probe.dport}/{PROTOCOL_NAMES.get(probe.protocol, '?')}",
        evidence=(f"spec.ports: {listed(ports, SHOWN) or 'none'}",),
        remedy="ask one of its ports, or add this one to the service",
    )


def _no_endpoints(
    cluster: Cluster, service: Service, port: ServicePort, known: tuple[Backend, ...]
) -> Suspicion:
    from kubectl_skoop.diagnosis.services.no_endpoints import why

    found = why(cluster, service, port, known)
    waiting = [f"{one.address}:{one.port} ({one.pod or 'no pod'}) is not ready" for one in known]
    reason = f": {found.reason}" if found.reason else ""
    return Suspicion(
        code="service.no-endpoints",
        level=Level.FATAL,
        where=Where(),
        message=f"service {service.key} has no ready endpoint{reason}",
        evidence=(*bounded(waiting, SHOWN), *found.evidence),
        remedy=found.remedy,
    )


def _kept_local(cluster: Cluster, service: Service, probe: Probe) -> str:
    """The sender's node, if the service keeps connections to its cluster address there; else empty
    (pkg/proxy/topology.go, CategorizeEndpoints)."""
    address = probe.destination.address
    if service.internal_traffic_policy != "Local" or address not in service.cluster_addresses:
        return ""
    if probe.source.kind == "external":
        return ""
    return cluster.pod(probe.source.name).node if probe.source.kind == "pod" else probe.source.name


def _on_node(known: tuple[Backend, ...], node: str) -> tuple[Backend, ...]:
    return tuple(one for one in known if one.node == node)


def _no_local_endpoint(service: Service, node: str, known: tuple[Backend, ...]) -> Suspicion:
    elsewhere = [f"{one.address}:{one.port} on {one.node or 'no node'}" for one in known]
    return Suspicion(
        code="service.no-endpoints",
        level=Level.FATAL,
        where=Where(place=Place("node", node)),
        message=f"service {service.key} has no ready endpoint on {node}, where its internalTrafficPolicy, "
        "Local, keeps connections",
        evidence=(f"EndpointSlices: {listed(elsewhere, SHOWN)}",),
        remedy="run a pod of the service on this node, or set internalTrafficPolicy to Cluster",
    )


def _existing(branch: Branch, visit: Visit, packet: Packet) -> Connection | None:
    """The conntrack entry of the snapshot that translated the packet."""
    for connection in branch.stacks[visit.ns_id].connections:
        if connection.existing and (connection.reply.src, connection.reply.sport) == (
            packet.dst,
            packet.dport,
        ):
            return connection
    return None


def _stale_entry(service: Service, visit: Visit, packet: Packet, entry: Connection) -> Suspicion:
    original = entry.original
    return Suspicion(
        code="conntrack.stale",
        level=Level.FATAL,
        where=Where(place=visit.place),
        message=f"a conntrack entry on {visit.place} holds this flow to {packet.dst}:{packet.dport}, "
        f"which is no endpoint of service {service.key}",
        evidence=(
            f"src={original.src} dst={original.dst} sport={original.sport} dport={original.dport} → "
            f"src={entry.reply.src} sport={entry.reply.sport}",
        ),
        remedy=f"conntrack -D -p {original.protocol} --orig-dst {original.dst} "
        f"--orig-port-src {original.sport}",
    )


def _no_backend(service: Service, visit: Visit, packet: Packet, known: tuple[Backend, ...]) -> Suspicion:
    rules = [step for step in visit.journey.trace if step.kind == "rule" and "DNAT" in step.text.upper()]
    where = rules[-1].where if rules else Where(place=visit.place)
    meant = [f"{one.address}:{one.port}" for one in known]
    return Suspicion(
        code="service.stale-endpoint",
        level=Level.FATAL,
        where=where,
        message=f"connections are sent to {packet.dst}:{packet.dport}, which is no endpoint of "
        f"service {service.key}",
        evidence=(*(step.text for step in rules[-1:]), f"EndpointSlices: {listed(meant, SHOWN)}"),
        remedy=f"look why kube-proxy on {visit.place.name} does not update its rules",
    )

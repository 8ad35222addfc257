"""The question as the user put it → a Probe, with what had to be chosen on the way."""

from typing import NamedTuple

from kubectl_skoop.cluster.addresses import parse_address
from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.ports import port_number
from kubectl_skoop.cluster.resolve import Target, pair, resolve
from kubectl_skoop.diagnosis.request import Request
from kubectl_skoop.diagnosis.result import Fact
from kubectl_skoop.diagnosis.walk.outer_door import NO_CLOUD, Cloud, outer_door
from kubectl_skoop.model.errors import InputError
from kubectl_skoop.model.packet import Owner, Protocol
from kubectl_skoop.model.probe import Probe

PROTOCOLS = {
    "icmp": Protocol.ICMP,
    "sctp": Protocol.SCTP,
    "tcp": Protocol.TCP,
    "udp": Protocol.UDP,
}
SMALLEST = 28
"""IP and ICMP or UDP headers, bytes."""
LARGEST = 65535


class Resolved(NamedTuple):
    """The request as a probe, with what was taken as a default."""

    probe: Probe
    facts: tuple[Fact, ...]


def resolve_request(cluster: Cluster, request: Request, cloud: Cloud = NO_CLOUD) -> Resolved:
    """`cloud`: what knows load balancers. Raises: InputError, UnknownName, NoVerdict."""
    if request.size and not SMALLEST <= request.size <= LARGEST:
        raise InputError(f"size {request.size}: {SMALLEST} to {LARGEST} bytes, IP header included")
    if not 0 <= request.source_port <= 65535:
        raise InputError(f"source port {request.source_port}: 1 to 65535")
    source = resolve(cluster, request.source, request.namespace)
    destination = resolve(cluster, request.destination, request.namespace)
    if source.kind in ("service", "lb"):
        raise InputError(
            f"{request.source} is {_article(source)}: a packet can only be walked from a pod, a node or an "
            "address outside of the cluster",
            hint="name one of them as the source",
        )
    if source.kind == destination.kind == "external" and not cloud.has(destination.addresses[0]):
        raise InputError(
            f"neither {request.source} nor {request.destination} is part of the cluster",
            hint="name a pod, node or service of the cluster as one of them",
        )
    protocol = PROTOCOLS[request.protocol]
    written = request.port or (str(destination.port) if destination.port else "")
    by_name = parse_address(request.destination) is None
    if source.kind == "external" and destination.kind == "service" and by_name:
        door = outer_door(cluster, cluster.service(destination.name), request, written, cloud)
        destination, written = door.target, door.port or written
    here, there = pair(source, destination)
    dport = 0 if protocol == Protocol.ICMP else port_number(cluster, there, written, request.protocol)
    probe = Probe(
        source=here,
        destination=there,
        protocol=protocol,
        dport=dport,
        sport=request.source_port,
        size=request.size,
        df=request.df,
        owner=Owner(uid=request.uid),
        device=destination.scope,
    )
    return Resolved(probe, tuple(_facts(request, source, destination)))


def _facts(request: Request, source: Target, destination: Target) -> list[Fact]:
    facts = [
        Fact(name=name, value=target.note, source="chosen")
        for name, target in (("source", source), ("destination", destination))
        if target.note
    ]
    if not request.uid and source.kind != "external":
        facts.append(Fact(name="sender's uid", value="0", source="default"))
    return facts


def _article(target: Target) -> str:
    return "a service" if target.kind == "service" else "a load balancer"

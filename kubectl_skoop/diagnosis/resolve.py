"""The question as the user put it → a Probe, with what had to be chosen on the way."""

from typing import NamedTuple

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.ports import port_number
from kubectl_skoop.cluster.resolve import Target, pair, resolve
from kubectl_skoop.diagnosis.request import Request
from kubectl_skoop.diagnosis.result import Fact
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


def resolve_request(cluster: Cluster, request: Request) -> Resolved:
    """Raises: InputError, UnknownName."""
    if request.size and not SMALLEST <= request.size <= LARGEST:
        raise InputError(f"size {request.size}: {SMALLEST} to {LARGEST} bytes, IP header included")
    if not 0 <= request.source_port <= 65535:
        raise InputError(f"source port {request.source_port}: 1 to 65535")
    source = resolve(cluster, request.source, request.namespace)
    destination = resolve(cluster, request.destination, request.namespace)
    if source.kind not in ("pod", "node"):
        raise InputError(
            f"{request.source} is {_article(source)}: a packet can only be walked from a pod or a node",
            hint="name a pod or node of the cluster as the source",
        )
    here, there = pair(source, destination)
    protocol = PROTOCOLS[request.protocol]
    dport = 0
    if protocol != Protocol.ICMP:
        written = request.port or (str(destination.port) if destination.port else "")
        dport = port_number(cluster, there, written, request.protocol)
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
    if not request.uid:
        facts.append(Fact(name="sender's uid", value="0", source="default"))
    return facts


def _article(target: Target) -> str:
    return {"service": "a service", "lb": "a load balancer", "external": "outside of the cluster"}[
        target.kind
    ]

"""What of a cluster a flow will surely need: so that a live one is read at once, not node after node."""

from collections.abc import Iterator
from itertools import product

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.model.errors import UnknownName
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Endpoint
from kubectl_skoop.model.probe import Probe


def nodes_of(cluster: Cluster, probe: Probe) -> Iterator[str]:
    """Names: of the sender, the receiver, and whoever may stand behind a service; some twice."""
    for endpoint in _ends(cluster, probe):
        if node := _node_of(cluster, endpoint):
            yield node


def addresses_of(cluster: Cluster, probe: Probe) -> Iterator[str]:
    """Those that a connection of the flow can bear; `ADDRESS-ADDRESS`: the ends of a tunnel for it."""
    for endpoint in _ends(cluster, probe):
        yield str(endpoint.address)
    nodes = dict.fromkeys(nodes_of(cluster, probe))
    first = [node for end in (probe.source, probe.destination) if (node := _node_of(cluster, end))]
    for one, other in dict.fromkeys(product(first, nodes)):
        for here, there in product(_addresses(cluster, one), _addresses(cluster, other)):
            if one != other and here.version == there.version:
                yield f"{here}-{there}"


def _node_of(cluster: Cluster, endpoint: Endpoint) -> str:
    """Empty: it is on none, or on none that is known."""
    match endpoint.kind:
        case "pod":
            try:
                return cluster.pod(endpoint.name).node
            except UnknownName:
                return ""
        case "node":
            return endpoint.name
        case _:
            return ""


def _addresses(cluster: Cluster, node: str) -> tuple[Address, ...]:
    try:
        return cluster.node(node).addresses
    except UnknownName:
        return ()


def _ends(cluster: Cluster, probe: Probe) -> Iterator[Endpoint]:
    yield from (probe.source, probe.destination)
    if probe.destination.kind in ("service", "lb"):
        service = cluster.service(probe.destination.name)
        for port in service.ports:
            for backend in cluster.backends(service, port):
                yield cluster.endpoint(backend.address)

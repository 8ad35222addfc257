"""What of a cluster a flow will surely need: so that a live one is read at once, not node after node."""

from collections.abc import Iterator

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.model.errors import UnknownName
from kubectl_skoop.model.place import Endpoint
from kubectl_skoop.model.probe import Probe


def nodes_of(cluster: Cluster, probe: Probe) -> Iterator[str]:
    """Names: of the sender, the receiver, and whoever may stand behind a service; some twice."""
    for endpoint in _ends(cluster, probe):
        match endpoint.kind:
            case "pod":
                try:
                    if node := cluster.pod(endpoint.name).node:
                        yield node
                except UnknownName:
                    continue
            case "node":
                yield endpoint.name


def addresses_of(cluster: Cluster, probe: Probe) -> Iterator[str]:
    """Those that a connection of the flow can bear."""
    for endpoint in _ends(cluster, probe):
        yield str(endpoint.address)


def _ends(cluster: Cluster, probe: Probe) -> Iterator[Endpoint]:
    yield from (probe.source, probe.destination)
    if probe.destination.kind in ("service", "lb"):
        service = cluster.service(probe.destination.name)
        for port in service.ports:
            for backend in cluster.backends(service, port):
                yield cluster.endpoint(backend.address)

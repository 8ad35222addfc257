"""What the objects of services tell by themselves, whatever the nodes have."""

from collections.abc import Sequence

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.diagnosis.services.bounded import bounded
from kubectl_skoop.diagnosis.services.invalid import invalid
from kubectl_skoop.diagnosis.services.meaning import Meaning
from kubectl_skoop.diagnosis.services.no_endpoints import without_endpoints
from kubectl_skoop.diagnosis.services.sources import Networks
from kubectl_skoop.model.packet import Network
from kubectl_skoop.model.suspicion import Suspicion


def of_objects(
    cluster: Cluster, meaning: Meaning, pods: Networks, given: Sequence[Network] = ()
) -> list[Suspicion]:
    """`pods`: the networks of all pods. `given`: those of services, where the user says so."""
    return [
        *bounded([*invalid(cluster, meaning.slices, pods, given)]),
        *bounded([*without_endpoints(cluster, meaning)]),
    ]

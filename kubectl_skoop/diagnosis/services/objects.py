"""What the objects of services tell by themselves, whatever the nodes have."""

from kubectl_skoop.diagnosis.context import Context
from kubectl_skoop.diagnosis.services.bounded import bounded
from kubectl_skoop.diagnosis.services.every import pod_networks
from kubectl_skoop.diagnosis.services.invalid import invalid
from kubectl_skoop.diagnosis.services.no_endpoints import without_endpoints
from kubectl_skoop.diagnosis.services.sources import Networks
from kubectl_skoop.model.suspicion import Suspicion


def of_objects(ctx: Context) -> list[Suspicion]:
    return [
        *bounded([*invalid(ctx.cluster, Networks(pod_networks(ctx)))]),
        *bounded([*without_endpoints(ctx.cluster)]),
    ]

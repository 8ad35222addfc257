"""Whether a snapshot tells anything of policies: that of a whole cluster has each list, be it empty."""

from collections.abc import Collection

from kubectl_skoop.cluster.cluster import ObjectSource
from kubectl_skoop.model.errors import NoVerdict
from kubectl_skoop.model.missing import NotCollected


def check_listed(source: ObjectSource, kinds: Collection[str]) -> str:
    """A warning, where nobody listed NetworkPolicies; else empty. `kinds`: of which there is a list.

    Raises: NoVerdict without pods.
    """
    if "Pod" not in kinds and isinstance(pods := source.objects("Pod"), NotCollected):
        raise NoVerdict(f"{pods}; whom policies select is not known")
    if "NetworkPolicy" in kinds:
        return ""
    return "objects/NetworkPolicy: not collected; the answer holds if there is none"

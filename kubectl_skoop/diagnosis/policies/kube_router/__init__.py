"""The rules and sets that kube-router made of NetworkPolicies on a node, held against the policies."""

from kubectl_skoop.diagnosis.policies.kube_router.meaning import meaning
from kubectl_skoop.diagnosis.policies.kube_router.node import compare

__all__ = ["compare", "meaning"]

"""The rules and sets that Felix made of policies on a node, held against the policies."""

from kubectl_skoop.diagnosis.policies.calico.meaning import meaning
from kubectl_skoop.diagnosis.policies.calico.node import compare

__all__ = ["compare", "meaning"]

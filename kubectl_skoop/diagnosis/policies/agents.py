"""Rules of a node that stop packets because an agent read policies so."""

import re
from typing import NamedTuple

from kubectl_skoop.model.suspicion import Suspicion


class Agent(NamedTuple):
    """An agent that turns policies into rules of iptables."""

    name: str
    """In `cluster.policy.effect.AGENTS`."""
    kinds: tuple[str, ...]
    """Of objects that its rules come from, as a snapshot calls them."""


KUBE_ROUTER = Agent("kube-router", ("NetworkPolicy",))
CALICO = Agent("calico-node", ("NetworkPolicy", "CalicoNetworkPolicy", "CalicoGlobalNetworkPolicy"))
_RULES = (
    (KUBE_ROUTER, re.compile(r"-A KUBE-POD-FW-\S+ (?!.*--ctstate INVALID)")),
    (CALICO, re.compile(r"-A cali-(pi|po|pri|pro)-|-A cali-\S+ .*(no policies passed|no profiles matched)")),
)
"""kube-router: pkg/controllers/netpol/pod.go, dropUnmarkedTrafficRules (k3s has the same); Calico:
felix/rules/policy.go and endpoints.go, the ends of a tier and of the profiles. What they drop for other
reasons (an invalid state, an unknown interface) is not meant."""


def writer(stopping: Suspicion) -> Agent | None:
    """Whose rule it is that stopped the packet; None: no rule of an agent for policies."""
    rule = stopping.evidence[0] if stopping.evidence else ""
    return next((agent for agent, pattern in _RULES if pattern.match(rule)), None)

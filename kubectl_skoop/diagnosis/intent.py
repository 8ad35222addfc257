"""What the objects mean for one flow, beside what the kernel does: services and policies, where it meets any.

Their modules are loaded only then: most flows of a small snapshot meet neither.
"""

from collections.abc import Collection, Iterator

from kubectl_skoop.cluster.policy.kinds import KINDS
from kubectl_skoop.diagnosis.extension.registry import Setup
from kubectl_skoop.diagnosis.result import Verdict
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.model.suspicion import Suspicion

FILTERS = ("netfilter.drop", "netfilter.reject")
"""Codes of rules that stop a packet."""


def remarks(setup: Setup, probe: Probe, told: Collection[Suspicion], decided: Verdict) -> Iterator[Suspicion]:
    """Warnings and remarks; what is already told of the service is not repeated.

    `told`: what stops the flow; `decided`: by the walk.
    """
    cluster = setup.ctx.cluster
    filtered = [one for one in told if one.code in FILTERS]
    if filtered or any(cluster.objects(kind) for kind in KINDS):
        from kubectl_skoop.diagnosis.policies import intent as policy_intent

        yield from policy_intent.of_flow(setup, probe, filtered, decided)
    if probe.destination.kind in ("service", "lb"):
        from kubectl_skoop.diagnosis.services.question import in_question

        yield from in_question(setup.ctx, probe, told)

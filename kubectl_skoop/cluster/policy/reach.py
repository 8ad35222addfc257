"""Policies the other way round: what each of them selects."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.connectivity import parties
from kubectl_skoop.cluster.policy.evaluate import PolicySet
from kubectl_skoop.cluster.policy.party import Class, classes
from kubectl_skoop.cluster.policy.rule import Policy, Tier
from kubectl_skoop.cluster.policy.term import Some, Term, select
from kubectl_skoop.cluster.policy.universe import Universe, positions_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """One policy, and the pods that it selects."""

    policy: Policy
    selected: tuple[Class, ...]
    maybe: tuple[Class, ...]
    """Of which nobody can tell whether it selects them."""
    reason: str = ""

    @property
    def pods(self) -> int:
        return sum(len(one.members) for one in self.selected)


def reaches(cluster: Cluster, policies: PolicySet, chosen: Sequence[Policy] | None = None) -> list[Reach]:
    """Of the chosen policies, or of all."""
    found = classes(parties(cluster), policies.policies)
    return among(found, policies.policies if chosen is None else chosen)


def among(found: Sequence[Class], policies: Iterable[Policy]) -> list[Reach]:
    """What each policy selects of some pods and nodes.

    One that stands at several places of a tier is told once for the tier.
    """
    universe = Universe([one.party for one in found])
    together: dict[tuple[str, Tier], tuple[Policy, list[Term]]] = {}
    for policy in policies:
        known, subjects = together.get((policy.key, policy.tier), (policy, []))
        both = replace(known, ingress=known.ingress or policy.ingress, egress=known.egress or policy.egress)
        together[policy.key, policy.tier] = both, [*subjects, policy.subject]
    answers: list[Reach] = []
    for policy, subjects in together.values():
        picked = select(Some(tuple(subjects)), universe)
        answers.append(
            Reach(
                policy=policy,
                selected=tuple(found[at] for at in positions_of(picked.yes.bits)),
                maybe=tuple(found[at] for at in positions_of(picked.maybe.bits)),
                reason=picked.reason,
            )
        )
    return answers

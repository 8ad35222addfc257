"""Policies that select a pod → the tiers and ranks in which they are asked."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from kubectl_skoop.cluster.policy.rule import Direction, Policy, Rules, Tier

Ruled = tuple[Policy, Rules]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One tier, as one pod meets it in one direction."""

    tier: Tier
    ranks: tuple[tuple[Ruled, ...], ...]
    """Asked in order; the policies of one rank in no order that anybody knows."""

    @property
    def isolating(self) -> tuple[Ruled, ...]:
        """Those for which the tier ends with a denial; none: the next tier is asked."""
        return tuple(ruled for rank in self.ranks for ruled in rank if ruled[1].isolates)


def stages(selecting: Iterable[Policy], direction: Direction) -> tuple[Stage, ...]:
    ruled = [(policy, rules) for policy in selecting if (rules := policy.rules(direction)) is not None]
    ruled.sort(key=lambda entry: (entry[0].tier, entry[0].rank, entry[0].namespace, entry[0].name))
    return tuple(
        Stage(
            tier=tier,
            ranks=tuple(tuple(rank) for _, rank in groupby(members, key=lambda entry: entry[0].rank)),
        )
        for tier, members in groupby(ruled, key=lambda entry: entry[0].tier)
    )

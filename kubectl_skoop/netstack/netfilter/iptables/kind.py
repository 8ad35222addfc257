"""What a module of `match` or `target` offers to the parser."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.iptables.options import Options
from kubectl_skoop.netstack.netfilter.types import Match, RuleContext, Statement, Stolen, Verdict


class MatchKind(NamedTuple):
    """`arity` says how many values each option has; `parse` raises Unreadable for what is not modelled."""

    arity: Mapping[str, int]
    parse: Callable[[Options], Match]


class TargetKind(NamedTuple):
    """As MatchKind."""

    arity: Mapping[str, int]
    parse: Callable[[Options], Statement]


class Unsupported(NamedTuple):
    """A match or a target that is not modelled, or that was given an option that is not."""

    reason: str

    def matches(self, ctx: RuleContext) -> Unknown:
        return Unknown(self.reason)

    def apply(self, ctx: RuleContext) -> Verdict:
        return Stolen(Unknown(self.reason))

"""`notrack` (nft_ct.c, nft_notrack_eval)."""

from dataclasses import dataclass

from kubectl_skoop.netstack.netfilter import conntrack
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Outcome, Progress
from kubectl_skoop.netstack.netfilter.types import RuleContext


@dataclass(frozen=True, slots=True)
class NoTrack:
    def execute(self, ctx: RuleContext) -> Outcome:
        conntrack.set_untracked(ctx.passage)
        return Progress.NEXT

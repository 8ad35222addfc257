"""`limit`, `quota`, `counter`, `log`: an idle bucket lets one packet pass (K-70)."""

from dataclasses import dataclass

from kubectl_skoop.netstack.netfilter.nft.datatype import Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import field
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Outcome, Progress
from kubectl_skoop.netstack.netfilter.types import RuleContext


@dataclass(frozen=True, slots=True)
class IdleBucket:
    """nft_limit.c, nft_quota.c."""

    over: bool
    """`limit rate over …`: matches what exceeds it."""

    def execute(self, ctx: RuleContext) -> Outcome:
        return Progress.BREAK if self.over else Progress.NEXT


def parse_limit(body: object) -> IdleBucket:
    """Raises Unmodelled."""
    if isinstance(body, str):
        raise Unmodelled(f"the limit object {body}")
    return IdleBucket(bool(field(body, "inv")))


def parse_quota(body: object) -> IdleBucket:
    """`used` tells whether it is spent. Raises Unmodelled."""
    if isinstance(body, str):
        raise Unmodelled(f"the quota object {body}")
    value, used, over = field(body, "val"), field(body, "used"), bool(field(body, "inv"))
    spent = isinstance(value, int) and isinstance(used, int) and used > value
    return IdleBucket(over != spent)

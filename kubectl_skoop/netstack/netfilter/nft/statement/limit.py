"""`limit`, `quota`, `ct count`: an idle bucket lets one packet pass (K-70)."""

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


@dataclass(frozen=True, slots=True)
class OnlyConnection:
    """nft_connlimit.c, nft_connlimit_do_eval; `over`: matches above the limit."""

    limit: int
    over: bool

    def execute(self, ctx: RuleContext) -> Outcome:
        ctx.assume("ct count meets no other connection")
        return Progress.NEXT if (self.limit < 1) == self.over else Progress.BREAK


def parse_count(body: object) -> OnlyConnection:
    """Raises Unmodelled."""
    limit = field(body, "val")
    if not isinstance(limit, int):
        raise Unmodelled(f"ct count {limit}")
    return OnlyConnection(limit, bool(field(body, "inv")))


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

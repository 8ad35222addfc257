"""`limit`, `quota`, `ct count`: an idle bucket lets one packet pass (K-70)."""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft.datatype import Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import field
from kubectl_skoop.netstack.netfilter.nft.expression.meta import frame_length
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Outcome, Progress
from kubectl_skoop.netstack.netfilter.types import RuleContext

_UNITS = {"bytes": 1, "kbytes": 1 << 10, "mbytes": 1 << 20}


@dataclass(frozen=True, slots=True)
class IdleBucket:
    """nft_limit.c."""

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


@dataclass(frozen=True, slots=True)
class Quota:
    """nft_quota.c, nft_overquota: what it had used when it was listed, and this packet."""

    left: int
    """Bytes."""
    over: bool

    def execute(self, ctx: RuleContext) -> Outcome:
        length = frame_length(ctx)
        exceeded = length if isinstance(length, Unknown) else length > self.left
        return Progress.NEXT if ctx.stack.choices.decide(exceeded) == self.over else Progress.BREAK


def parse_limit(body: object) -> IdleBucket:
    """Raises Unmodelled."""
    if isinstance(body, str):
        raise Unmodelled(f"the limit object {body}")
    return IdleBucket(bool(field(body, "inv")))


def parse_quota(body: object) -> Quota:
    """Raises Unmodelled."""
    if isinstance(body, str):
        raise Unmodelled(f"the quota object {body}")
    left = _bytes(body, "val") - (_bytes(body, "used") if field(body, "used") else 0)
    return Quota(left, bool(field(body, "inv")))


def _bytes(body: object, name: str) -> int:
    """Raises Unmodelled."""
    value, unit = field(body, name), field(body, f"{name}_unit") or "bytes"
    if not isinstance(value, int) or unit not in _UNITS:
        raise Unmodelled(f"quota {name} {value} {unit}")
    return value * _UNITS[str(unit)]

"""-m comment: it matches every packet."""

from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.types import RuleContext


class Always:
    """Kernel: xt_comment.c, comment_mt."""

    def matches(self, ctx: RuleContext) -> bool:
        return True


KINDS = {"comment": MatchKind({"--comment": 1}, lambda options: Always())}

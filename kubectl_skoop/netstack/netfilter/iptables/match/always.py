"""-m comment, -m nfacct: they match every packet (nfacct only counts)."""

from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.types import RuleContext


class Always:
    """Kernel: xt_comment.c, comment_mt; xt_nfacct.c, nfacct_mt (without a quota)."""

    def matches(self, ctx: RuleContext) -> bool:
        return True


KINDS = {
    "comment": MatchKind({"--comment": 1}, lambda options: Always()),
    "nfacct": MatchKind({"--nfacct-name": 1}, lambda options: Always()),
}

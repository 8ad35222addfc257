"""-m rpfilter."""

from dataclasses import dataclass

from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options
from kubectl_skoop.netstack.netfilter.types import RuleContext
from kubectl_skoop.netstack.routing.reverse import rpfilter_match


@dataclass(frozen=True, slots=True, kw_only=True)
class RpFilter:
    """Kernel: ipt_rpfilter.c, rpfilter_mt; ip6t_rpfilter.c."""

    loose: bool
    validmark: bool
    accept_local: bool
    negated: bool

    def matches(self, ctx: RuleContext) -> bool:
        passes = rpfilter_match(
            ctx.stack,
            ctx.packet,
            ctx.indev,
            loose=self.loose,
            validmark=self.validmark,
            accept_local=self.accept_local,
            mark=ctx.passage.mark,
        )
        return passes != self.negated


def _parse(options: Options) -> RpFilter:
    return RpFilter(
        loose=options.has("--loose"),
        validmark=options.has("--validmark"),
        accept_local=options.has("--accept-local"),
        negated=options.has("--invert"),
    )


KINDS = {"rpfilter": MatchKind({"--loose": 0, "--validmark": 0, "--accept-local": 0, "--invert": 0}, _parse)}

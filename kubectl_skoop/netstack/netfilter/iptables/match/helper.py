"""-m helper: connections that a helper (FTP, SIP …) expected."""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.conntrack import connection_of
from kubectl_skoop.netstack.netfilter.helper import helper_of
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options
from kubectl_skoop.netstack.netfilter.types import RuleContext


@dataclass(frozen=True, slots=True)
class Helper:
    """Kernel: xt_helper.c, helper_mt: of the master connection, which only an expected one has."""

    name: str
    """That of the helper, or one that begins with it; empty: any."""
    negated: bool

    def matches(self, ctx: RuleContext) -> Ternary:
        connection = connection_of(ctx.passage)
        helper = helper_of(ctx.stack, connection) if connection is not None else None
        if isinstance(helper, Unknown):
            return helper
        if not helper:
            return self.negated
        return (not self.name or self.name.startswith(helper)) != self.negated


def _helper(options: Options) -> Helper:
    option = options.require("--helper")
    return Helper(option.values[0], option.negated)


KINDS = {
    "helper": MatchKind({"--helper": 1}, _helper),
}

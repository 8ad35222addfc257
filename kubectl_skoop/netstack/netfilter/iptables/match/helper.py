"""-m helper: connections that a helper (FTP, SIP …) expected."""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.conntrack import IPS_EXPECTED, connection_of
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.types import RuleContext


@dataclass(frozen=True, slots=True)
class Helper:
    """Kernel: xt_helper.c, helper_mt: of the master connection, which only an expected one has."""

    negated: bool

    def matches(self, ctx: RuleContext) -> Ternary:
        connection = connection_of(ctx.passage)
        if connection is not None and connection.status & IPS_EXPECTED:
            return Unknown("the helper of an expected connection")
        return self.negated


KINDS = {
    "helper": MatchKind({"--helper": 1}, lambda options: Helper(options.require("--helper").negated)),
}

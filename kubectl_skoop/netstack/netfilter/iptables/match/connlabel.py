"""-m connlabel."""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Ternary, negate
from kubectl_skoop.netstack.netfilter.conntrack import connection_of
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options
from kubectl_skoop.netstack.netfilter.labels import has_label, set_label
from kubectl_skoop.netstack.netfilter.types import RuleContext


@dataclass(frozen=True, slots=True)
class ConnLabel:
    """Kernel: xt_connlabel.c, connlabel_mt."""

    label: str
    sets: bool
    negated: bool

    def matches(self, ctx: RuleContext) -> Ternary:
        connection = connection_of(ctx.passage)
        if connection is None:
            return self.negated
        found = has_label(connection, self.label)
        if found is False and self.sets:
            found = set_label(connection, self.label)
        return negate(found) if self.negated else found


def _parse(options: Options) -> ConnLabel:
    option = options.require("--label")
    return ConnLabel(option.values[0], options.has("--set"), option.negated)


KINDS = {"connlabel": MatchKind({"--label": 1, "--set": 0}, _parse)}

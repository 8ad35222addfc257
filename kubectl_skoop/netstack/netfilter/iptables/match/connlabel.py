"""-m connlabel."""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.conntrack import connection_of
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options
from kubectl_skoop.netstack.netfilter.types import RuleContext


@dataclass(frozen=True, slots=True)
class ConnLabel:
    """Kernel: xt_connlabel.c, connlabel_mt: a new connection has no labels."""

    label: str
    sets: bool
    negated: bool

    def matches(self, ctx: RuleContext) -> Ternary:
        connection = connection_of(ctx.passage)
        if connection is None:
            return self.negated
        if connection.existing:
            return Unknown("the labels of an existing connection are not collected")
        if self.sets:
            connection.labels.add(self.label)
        return (self.label in connection.labels) != self.negated


def _parse(options: Options) -> ConnLabel:
    option = options.require("--label")
    return ConnLabel(option.values[0], options.has("--set"), option.negated)


KINDS = {"connlabel": MatchKind({"--label": 1, "--set": 0}, _parse)}

"""-m mark, -m connmark."""

from typing import NamedTuple

from kubectl_skoop.netstack.netfilter.conntrack import connection_of
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, masked
from kubectl_skoop.netstack.netfilter.types import RuleContext


class Mark(NamedTuple):
    """Kernel: xt_mark.c, mark_mt."""

    value: int
    mask: int
    negated: bool

    def matches(self, ctx: RuleContext) -> bool:
        return (ctx.passage.mark & self.mask == self.value) != self.negated


class ConnMark(NamedTuple):
    """Kernel: xt_connmark.c, connmark_mt: never without a connection, negated or not."""

    value: int
    mask: int
    negated: bool

    def matches(self, ctx: RuleContext) -> bool:
        connection = connection_of(ctx.passage)
        return connection is not None and (connection.mark & self.mask == self.value) != self.negated


def _parse(options: Options) -> Mark:
    option = options.require("--mark")
    return Mark(*masked(option.values[0]), option.negated)


def _parse_connection(options: Options) -> ConnMark:
    option = options.require("--mark")
    return ConnMark(*masked(option.values[0]), option.negated)


KINDS = {
    "mark": MatchKind({"--mark": 1}, _parse),
    "connmark": MatchKind({"--mark": 1}, _parse_connection),
}

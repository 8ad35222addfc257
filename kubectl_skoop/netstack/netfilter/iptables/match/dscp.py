"""-m tos, -m dscp: two views of the same byte."""

from dataclasses import dataclass

from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, masked, number
from kubectl_skoop.netstack.netfilter.types import RuleContext

_DSCP_MASK, _DSCP_SHIFT = 0xFC, 2


@dataclass(frozen=True, slots=True)
class Tos:
    """Kernel: xt_dscp.c, tos_mt, dscp_mt."""

    value: int
    mask: int
    negated: bool

    def matches(self, ctx: RuleContext) -> bool:
        return (ctx.packet.tos & self.mask == self.value) != self.negated


def _parse_tos(options: Options) -> Tos:
    option = options.require("--tos")
    return Tos(*masked(option.values[0], 0xFF), option.negated)


def _parse_dscp(options: Options) -> Tos:
    option = options.require("--dscp")
    return Tos(number(option.values[0], 0x3F) << _DSCP_SHIFT, _DSCP_MASK, option.negated)


KINDS = {"tos": MatchKind({"--tos": 1}, _parse_tos), "dscp": MatchKind({"--dscp": 1}, _parse_dscp)}

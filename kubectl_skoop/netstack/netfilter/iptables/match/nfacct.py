"""-m nfacct: it counts packets, as kube-proxy has it do for those that are invalid."""

from typing import NamedTuple

from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options
from kubectl_skoop.netstack.netfilter.types import RuleContext


class Accounting(NamedTuple):
    """Kernel: xt_nfacct.c, nfacct_mt. With a quota, which no dump has, only what exceeds it would match."""

    name: str

    def matches(self, ctx: RuleContext) -> bool:
        ctx.assume(f"-m nfacct: {self.name} has no quota")
        return True


def _parse(options: Options) -> Accounting:
    return Accounting(options.require("--nfacct-name").values[0])


KINDS = {"nfacct": MatchKind({"--nfacct-name": 1}, _parse)}

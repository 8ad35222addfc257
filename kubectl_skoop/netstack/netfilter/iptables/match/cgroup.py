"""-m cgroup --path."""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options
from kubectl_skoop.netstack.netfilter.types import RuleContext


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """Kernel: xt_cgroup.c, cgroup_mt_v2: never without a socket, negated or not."""

    path: str
    negated: bool

    def matches(self, ctx: RuleContext) -> Ternary:
        owner = ctx.passage.owner
        if owner is None:
            return False
        if not owner.cgroup:
            return Unknown("the sender's control group is not known")
        below = f"/{owner.cgroup.strip('/')}/".startswith(f"/{self.path.strip('/')}/".replace("//", "/"))
        return below != self.negated


def _parse(options: Options) -> ControlGroup:
    option = options.require("--path")
    return ControlGroup(option.values[0], option.negated)


KINDS = {"cgroup": MatchKind({"--path": 1}, _parse)}

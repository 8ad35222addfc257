"""-m cgroup --path."""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options
from kubectl_skoop.netstack.netfilter.owner import has_socket, owner_of_socket
from kubectl_skoop.netstack.netfilter.types import RuleContext


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """Kernel: xt_cgroup.c, cgroup_mt_v2: never without a socket, negated or not.

    That of the kernel's own answers (RST, ICMP) is in the root.
    """

    path: str
    negated: bool

    def matches(self, ctx: RuleContext) -> Ternary:
        owner = owner_of_socket(ctx)
        if isinstance(owner, Unknown):
            return owner
        if owner is None and not has_socket(ctx):
            return False
        if owner is not None and not owner.cgroup:
            return Unknown("the sender's control group is not known")
        group = f"/{owner.cgroup.strip('/')}/" if owner else "/"
        below = group.startswith(f"/{self.path.strip('/')}/".replace("//", "/"))
        return below != self.negated


def _parse(options: Options) -> ControlGroup:
    option = options.require("--path")
    return ControlGroup(option.values[0], option.negated)


KINDS = {"cgroup": MatchKind({"--path": 1}, _parse)}

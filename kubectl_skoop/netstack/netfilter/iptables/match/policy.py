"""-m policy: IPsec."""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable
from kubectl_skoop.netstack.netfilter.types import RuleContext

_OPTIONS = ("--dir", "--pol", "--reqid", "--spi", "--proto", "--mode", "--tunnel-src", "--tunnel-dst")


@dataclass(frozen=True, slots=True)
class Policy:
    """Kernel: xt_policy.c, policy_mt: a packet without IPsec matches `--pol none` and nothing else."""

    none: bool

    def matches(self, ctx: RuleContext) -> Ternary:
        ns = ctx.stack.ns
        used = ns.gaps.get("xfrm") or (f"{len(ns.ipsec.policies)} policies" if ns.ipsec.policies else "")
        return Unknown(f"IPsec: {used}") if used else self.none


def _parse(options: Options) -> Policy:
    policy = options.require("--pol").values[0]
    if policy not in ("none", "ipsec") or options.value("--dir") not in ("in", "out"):
        raise Unreadable(f"--dir {options.value('--dir')} --pol {policy}")
    return Policy(policy == "none")


KINDS = {"policy": MatchKind({**dict.fromkeys(_OPTIONS, 1), "--strict": 0, "--next": 0}, _parse)}

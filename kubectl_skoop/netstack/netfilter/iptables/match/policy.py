"""-m policy: IPsec."""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable
from kubectl_skoop.netstack.netfilter.types import RuleContext

_NARROWING = ("--reqid", "--spi", "--proto", "--mode", "--tunnel-src", "--tunnel-dst")
_OPTIONS = ("--dir", "--pol", *_NARROWING)


@dataclass(frozen=True, slots=True)
class Policy:
    """Kernel: xt_policy.c, policy_mt: what came in was opened by IPsec or not (sec_path). Whether what goes
    out is going to be sealed is not known here where a policy may want that."""

    none: bool
    inward: bool
    narrowed: bool
    """It names a state's SPI, mode or ends."""

    def matches(self, ctx: RuleContext) -> Ternary:
        ns = ctx.stack.ns
        if gap := ns.gaps.get("xfrm"):
            return Unknown(f"IPsec: {gap}")
        if not self.inward:
            sealing = [one for one in ns.ipsec.policies if one.direction == "out" and one.templates]
            return Unknown(f"IPsec: {len(sealing)} policies") if sealing else self.none
        opened = ctx.passage.opened is not None
        if opened and not self.none and self.narrowed:
            return Unknown("IPsec: by which state the packet was opened")
        return opened != self.none


def _parse(options: Options) -> Policy:
    policy = options.require("--pol").values[0]
    if policy not in ("none", "ipsec") or options.value("--dir") not in ("in", "out"):
        raise Unreadable(f"--dir {options.value('--dir')} --pol {policy}")
    narrowed = any(options.find(name) for name in _NARROWING)
    return Policy(policy == "none", options.value("--dir") == "in", narrowed)


KINDS = {"policy": MatchKind({**dict.fromkeys(_OPTIONS, 1), "--strict": 0, "--next": 0}, _parse)}

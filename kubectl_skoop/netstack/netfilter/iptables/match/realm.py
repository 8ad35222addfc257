"""-m realm."""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, masked
from kubectl_skoop.netstack.netfilter.routed import realm
from kubectl_skoop.netstack.netfilter.types import RuleContext

_NAMES = {"cosmos": "0"}
"""/etc/iproute2/rt_realms; others are not known here."""


@dataclass(frozen=True, slots=True)
class RouteRealm:
    """Kernel: xt_realm.c, realm_mt; at no hook before routing."""

    id: int
    mask: int
    negated: bool

    def matches(self, ctx: RuleContext) -> Ternary:
        found = realm(ctx)
        if isinstance(found, Unknown):
            return found
        return (found & self.mask == self.id) != self.negated


def _parse(options: Options) -> RouteRealm:
    option = options.require("--realm")
    written = option.values[0]
    return RouteRealm(*masked(_NAMES.get(written, written)), option.negated)


KINDS = {"realm": MatchKind({"--realm": 1}, _parse)}

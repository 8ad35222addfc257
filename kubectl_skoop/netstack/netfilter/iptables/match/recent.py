"""-m recent: lists of addresses that rules keep (kube-proxy's session affinity)."""

from dataclasses import dataclass
from typing import Literal

from kubectl_skoop.model.verdict import Ternary, Unknown, negate
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable
from kubectl_skoop.netstack.netfilter.types import RuleContext

_ACTIONS: dict[str, Literal["set", "check", "remove"]] = {
    "--set": "set",
    "--rcheck": "check",
    "--update": "check",
    "--remove": "remove",
}


@dataclass(frozen=True, slots=True)
class Recent:
    """Kernel: xt_recent.c, recent_mt: `--set` matches always, the others if the address is in the list."""

    list_name: str
    action: Literal["set", "check", "remove"]
    negated: bool

    def matches(self, ctx: RuleContext) -> Ternary:
        if self.action == "set":
            return not self.negated
        listed: Ternary = Unknown(f"the list {self.list_name} of -m recent was not collected")
        return negate(listed) if self.negated else listed


def _parse(options: Options) -> Recent:
    given = [option for option in options.given if option.name in _ACTIONS]
    if len(given) != 1:
        raise Unreadable("one action is expected")
    return Recent(options.value("--name", default="DEFAULT"), _ACTIONS[given[0].name], given[0].negated)


KINDS = {
    "recent": MatchKind(
        {
            **dict.fromkeys(_ACTIONS, 0),
            "--seconds": 1,
            "--reap": 0,
            "--hitcount": 1,
            "--rttl": 0,
            "--name": 1,
            "--rsource": 0,
            "--rdest": 0,
            "--mask": 1,
        },
        _parse,
    )
}

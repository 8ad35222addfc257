"""ACCEPT, DROP, RETURN, and the targets that take the packet away from us."""

from typing import NamedTuple

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import TargetKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options
from kubectl_skoop.netstack.netfilter.types import Accept, Drop, Return, RuleContext, Stolen, Verdict


class Always(NamedTuple):
    """A target that gives one verdict."""

    verdict: Verdict

    def apply(self, ctx: RuleContext) -> Verdict:
        return self.verdict


def _gives(verdict: Verdict) -> TargetKind:
    return TargetKind({}, lambda options: Always(verdict))


def _takes(reason: str, *arity: tuple[str, int]) -> TargetKind:
    return TargetKind(dict(arity), lambda options: Always(Stolen(Unknown(reason))))


def _queue(options: Options) -> Always:
    return Always(Stolen(Unknown("a program in user space decides")))


KINDS = {
    "ACCEPT": _gives(Accept()),
    "DROP": _gives(Drop()),
    "RETURN": _gives(Return()),
    "QUEUE": TargetKind({}, _queue),
    "NFQUEUE": TargetKind(
        {"--queue-num": 1, "--queue-balance": 1, "--queue-bypass": 0, "--queue-cpu-fanout": 0}, _queue
    ),
    "SYNPROXY": _takes(
        "the kernel answers the handshake itself",
        ("--sack-perm", 0),
        ("--timestamp", 0),
        ("--wscale", 1),
        ("--mss", 1),
        ("--ecn", 0),
    ),
}

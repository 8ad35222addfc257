"""-m owner."""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Option, Options, interval
from kubectl_skoop.netstack.netfilter.owner import has_socket
from kubectl_skoop.netstack.netfilter.types import RuleContext

_ANY_ID = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Ids:
    low: int
    high: int
    negated: bool

    def covers(self, value: int) -> bool:
        return (self.low <= value <= self.high) != self.negated


@dataclass(frozen=True, slots=True)
class SocketOwner:
    """Kernel: xt_owner.c, owner_mt. Without a process: if all ids are negated (K-21)."""

    uid: Ids | None
    gid: Ids | None
    supplementary: bool
    exists: bool | None
    """--socket-exists; False: `! --socket-exists`."""

    def matches(self, ctx: RuleContext) -> Ternary:
        owner = ctx.passage.owner
        if self.exists is not None and self.exists != has_socket(ctx):
            return False
        if owner is None:
            return all(ids.negated for ids in (self.uid, self.gid) if ids is not None)
        if self.uid is not None and not self.uid.covers(owner.uid):
            return False
        if self.gid is None or self.gid.low <= owner.gid <= self.gid.high:
            return self.gid is None or not self.gid.negated
        if self.supplementary:
            return Unknown("the sender's supplementary groups are not known")
        return self.gid.negated


def _ids(option: Option | None) -> Ids | None:
    return Ids(*interval(option.values[0], _ANY_ID, "-"), option.negated) if option else None


def _parse(options: Options) -> SocketOwner:
    exists = options.find("--socket-exists")
    return SocketOwner(
        _ids(options.find("--uid-owner")),
        _ids(options.find("--gid-owner")),
        options.has("--suppl-groups"),
        not exists.negated if exists else None,
    )


KINDS = {
    "owner": MatchKind(
        {"--uid-owner": 1, "--gid-owner": 1, "--socket-exists": 0, "--suppl-groups": 0}, _parse
    )
}

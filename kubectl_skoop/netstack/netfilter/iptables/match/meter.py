"""-m limit, hashlimit, connlimit, quota, connbytes: rules that count other traffic too.

What else is on its way is not part of a diagnosis: the packet meets an idle meter, and the walk says so.
"""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.accounting import Direction, carried, is_counted
from kubectl_skoop.netstack.netfilter.conntrack import connection_of
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable, interval, number
from kubectl_skoop.netstack.netfilter.types import RuleContext

_DIRECTIONS: dict[str, Direction] = {"original": "original", "reply": "reply", "both": "both"}
_BYTES = 0xFFFFFFFFFFFFFFFF


@dataclass(frozen=True, slots=True)
class IdleMeter:
    """Kernel: xt_limit.c, limit_mt; xt_hashlimit.c, hashlimit_mt; xt_connlimit.c, connlimit_mt."""

    name: str
    passes: bool
    """The answer when nothing else is counted."""

    def matches(self, ctx: RuleContext) -> bool:
        ctx.assume(f"-m {self.name} is not used up by other traffic")
        return self.passes


@dataclass(frozen=True, slots=True)
class Quota:
    """Kernel: xt_quota.c, quota_mt: while the whole packet fits."""

    quota: int
    """Bytes."""
    negated: bool

    def matches(self, ctx: RuleContext) -> bool:
        ctx.assume("-m quota is not used up by other traffic")
        return (ctx.length <= self.quota) != self.negated


@dataclass(frozen=True, slots=True)
class ConnBytes:
    """Kernel: xt_connbytes.c, connbytes_mt. At a connection's first packet exactly this one was counted."""

    low: int
    high: int
    """iptables prints `0:0` and `0:` alike, as 0."""
    negated: bool
    mode: str
    direction: Direction

    def matches(self, ctx: RuleContext) -> Ternary:
        connection = connection_of(ctx.passage)
        if connection is None or not is_counted(ctx):
            return False
        counted = carried(ctx, connection, self.direction, packets=self.mode == "packets")
        if isinstance(counted, Unknown):
            return counted
        if counted and not self.low and not self.high:
            return Unknown("--connbytes 0, as iptables-save prints 0:0 as well as 0:, which is any number")
        return (self.low <= counted <= self.high) != self.negated


def _limit(options: Options) -> IdleMeter:
    return IdleMeter("limit", True)


def _hashlimit(options: Options) -> IdleMeter:
    upto = options.find("--hashlimit-upto", "--hashlimit")
    above = options.find("--hashlimit-above")
    return IdleMeter("hashlimit", not (above and not above.negated) and not (upto and upto.negated))


def _connlimit(options: Options) -> IdleMeter:
    """This connection is the only one."""
    option = options.require("--connlimit-above", "--connlimit-upto")
    above = (option.name == "--connlimit-above") != option.negated
    exceeded = number(option.values[0]) < 1
    return IdleMeter("connlimit", exceeded == above)


def _quota(options: Options) -> Quota:
    option = options.require("--quota")
    return Quota(number(option.values[0], _BYTES), option.negated)


def _connbytes(options: Options) -> ConnBytes:
    option = options.require("--connbytes")
    low, high = interval(option.values[0], _BYTES)
    if ":" not in option.values[0] and low:
        high = _BYTES
    direction = _DIRECTIONS.get(options.value("--connbytes-dir"))
    if direction is None:
        raise Unreadable(f"--connbytes-dir {options.value('--connbytes-dir')}")
    return ConnBytes(low, high, option.negated, options.value("--connbytes-mode"), direction)


_HASHLIMIT = (
    "--hashlimit",
    "--hashlimit-upto",
    "--hashlimit-above",
    "--hashlimit-burst",
    "--hashlimit-mode",
    "--hashlimit-name",
    "--hashlimit-srcmask",
    "--hashlimit-dstmask",
    "--hashlimit-htable-size",
    "--hashlimit-htable-max",
    "--hashlimit-htable-expire",
    "--hashlimit-htable-gcinterval",
    "--hashlimit-rate-interval",
)

KINDS = {
    "limit": MatchKind({"--limit": 1, "--limit-burst": 1}, _limit),
    "hashlimit": MatchKind({**dict.fromkeys(_HASHLIMIT, 1), "--hashlimit-rate-match": 0}, _hashlimit),
    "connlimit": MatchKind(
        {
            "--connlimit-above": 1,
            "--connlimit-upto": 1,
            "--connlimit-mask": 1,
            "--connlimit-saddr": 0,
            "--connlimit-daddr": 0,
        },
        _connlimit,
    ),
    "quota": MatchKind({"--quota": 1}, _quota),
    "connbytes": MatchKind({"--connbytes": 1, "--connbytes-mode": 1, "--connbytes-dir": 1}, _connbytes),
}

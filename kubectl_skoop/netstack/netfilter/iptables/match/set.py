"""-m set --match-set."""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Ternary, Unknown, negate
from kubectl_skoop.netstack.ipset import Direction, Subject, lookup
from kubectl_skoop.netstack.netfilter.iptables.header import device_name
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable
from kubectl_skoop.netstack.netfilter.types import RuleContext

_COUNTERS = ("--packets-eq", "--packets-lt", "--packets-gt", "--bytes-eq", "--bytes-lt", "--bytes-gt")


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchSet:
    """Kernel: xt_set.c, set_match_v4."""

    name: str
    directions: tuple[Direction, ...]
    negated: bool
    return_nomatch: bool
    counters: bool
    """It also compares the counters of the member."""

    def matches(self, ctx: RuleContext) -> Ternary:
        changed = ctx.stack.changed_sets
        if changed:
            ipset = ctx.stack.ns.ipsets.get(self.name)
            if self.name in changed or (ipset is not None and not changed.isdisjoint(ipset.listed)):
                return Unknown(f"a rule changed set {self.name} on the way")
        found = lookup(
            ctx.stack.ns.ipsets,
            self.name,
            subject(ctx),
            self.directions,
            return_nomatch=self.return_nomatch,
        )
        if self.counters and found is True:
            found = Unknown(f"counters of the members of {self.name} are not modelled")
        return negate(found) if self.negated else found


def subject(ctx: RuleContext) -> Subject:
    devices, iif = ctx.stack.ns.devices, ctx.passage.iif
    return Subject(
        packet=ctx.packet,
        mark=ctx.passage.mark,
        indev=device_name(ctx, ctx.indev),
        outdev=device_name(ctx, ctx.outdev),
        framed=iif in devices and not devices[iif].loopback and bool(devices[iif].mac),
    )


def directions(text: str) -> tuple[Direction, ...]:
    """Raises: Unreadable."""
    found: list[Direction] = []
    for word in text.split(","):
        if word not in {"src", "dst"}:
            raise Unreadable(f"direction {word}")
        found.append("src" if word == "src" else "dst")
    return tuple(found)


def _parse(options: Options) -> MatchSet:
    option = options.require("--match-set", "--set")
    return MatchSet(
        name=option.values[0],
        directions=directions(option.values[1]),
        negated=option.negated,
        return_nomatch=options.has("--return-nomatch"),
        counters=options.has(*_COUNTERS),
    )


KINDS = {
    "set": MatchKind(
        {
            "--match-set": 2,
            "--set": 2,
            "--return-nomatch": 0,
            "--update-counters": 0,
            "--update-subcounters": 0,
            **dict.fromkeys(_COUNTERS, 1),
        },
        _parse,
    )
}

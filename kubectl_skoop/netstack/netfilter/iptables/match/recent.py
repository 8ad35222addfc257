"""-m recent: lists of addresses that rules keep (kube-proxy's session affinity)."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Literal

from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.verdict import Ternary, Unknown, negate
from kubectl_skoop.netstack.netfilter.iptables.address import masked_address
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable, number
from kubectl_skoop.netstack.netfilter.recent import RecentEntry, seen
from kubectl_skoop.netstack.netfilter.types import RuleContext

Action = Literal["set", "rcheck", "update", "remove"]

_ACTIONS: dict[str, Action] = {
    "--set": "set",
    "--rcheck": "rcheck",
    "--update": "update",
    "--remove": "remove",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """Kernel: xt_recent.c, recent_mt. What rules wrote in this branch goes before what was collected."""

    list_name: str
    action: Action
    destination: bool
    mask: int
    seconds: int
    hits: int
    ttl: bool
    negated: bool

    def matches(self, ctx: RuleContext) -> Ternary:
        address = self._address(ctx)
        if self.action == "set":
            before = self._entry(ctx, address)
            ages = before.ages if isinstance(before, RecentEntry) else ()
            self._write(ctx, address, RecentEntry(self._ttl(ctx), (*ages, 0)))
            return not self.negated
        entry = self._entry(ctx, address)
        answer = self._listed(ctx, entry)
        if self.action == "remove" and answer is True:
            self._write(ctx, address, None)
        if self.action == "update" and isinstance(entry, RecentEntry) and answer == (not self.negated):
            self._write(ctx, address, RecentEntry(self._ttl(ctx), (*entry.ages, 0)))
        return negate(answer) if self.negated else answer

    def _listed(self, ctx: RuleContext, entry: RecentEntry | Unknown | None) -> Ternary:
        if entry is None:
            return False
        if isinstance(entry, Unknown):
            return entry
        if self.ttl and entry.ttl != self._ttl(ctx):
            return False
        return True if self.action == "remove" else seen(entry, seconds=self.seconds, hits=self.hits)

    def _address(self, ctx: RuleContext) -> Address:
        address = ctx.packet.dst if self.destination else ctx.packet.src
        masked = int(address) & self.mask
        return IPv4Address(masked) if address.version == 4 else IPv6Address(masked)

    def _ttl(self, ctx: RuleContext) -> int:
        """As it was before forwarding."""
        forwarded = ctx.outdev and ctx.passage.iif
        return ctx.packet.ttl + (1 if forwarded else 0)

    def _entry(self, ctx: RuleContext, address: Address) -> RecentEntry | Unknown | None:
        written = ctx.stack.recent.get(self.list_name, {})
        if address in written:
            return written[address]
        collected = (ctx.stack.ns.recent or {}).get(self.list_name)
        if collected is None:
            return Unknown(f"the list {self.list_name} of -m recent was not collected")
        return collected.get(address)

    def _write(self, ctx: RuleContext, address: Address, entry: RecentEntry | None) -> None:
        ctx.stack.recent.setdefault(self.list_name, {})[address] = entry


def _parse(options: Options) -> Recent:
    given = [option for option in options.given if option.name in _ACTIONS]
    if len(given) != 1:
        raise Unreadable("one action is expected")
    full = (1 << (32 if options.family == 4 else 128)) - 1
    mask = options.value("--mask")
    return Recent(
        list_name=options.value("--name", default="DEFAULT"),
        action=_ACTIONS[given[0].name],
        destination=options.has("--rdest"),
        mask=masked_address(mask, options.family).value if mask else full,
        seconds=number(options.value("--seconds", default="0")),
        hits=number(options.value("--hitcount", default="0")),
        ttl=options.has("--rttl"),
        negated=given[0].negated,
    )


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

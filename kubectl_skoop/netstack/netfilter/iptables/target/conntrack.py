"""-j CT, -j NOTRACK."""

from dataclasses import dataclass

from kubectl_skoop.netstack.netfilter.conntrack import set_untracked, set_zone
from kubectl_skoop.netstack.netfilter.iptables.kind import TargetKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable, number
from kubectl_skoop.netstack.netfilter.types import Continue, RuleContext, Verdict


@dataclass(frozen=True, slots=True)
class NoTrack:
    """Kernel: xt_CT.c, notrack_tg; xt_ct_target: not if conntrack already saw the packet."""

    def apply(self, ctx: RuleContext) -> Verdict:
        set_untracked(ctx.passage)
        return Continue()


@dataclass(frozen=True, slots=True)
class Template:
    """A connection made from this packet gets a zone; helper, timeout and events change no packet's way."""

    zone: int

    def apply(self, ctx: RuleContext) -> Verdict:
        if self.zone:
            set_zone(ctx.passage, self.zone)
        return Continue()


def _parse(options: Options) -> NoTrack | Template:
    if options.has("--notrack"):
        return NoTrack()
    if options.has("--zone-orig", "--zone-reply") or options.value("--zone") == "mark":
        raise Unreadable("a zone of one direction, or from the mark")
    return Template(number(options.value("--zone", default="0"), 0xFFFF))


KINDS = {
    "CT": TargetKind(
        {
            "--notrack": 0,
            "--zone": 1,
            "--zone-orig": 1,
            "--zone-reply": 1,
            "--helper": 1,
            "--timeout": 1,
            "--ctevents": 1,
            "--expevents": 1,
        },
        _parse,
    ),
    "NOTRACK": TargetKind({}, lambda options: NoTrack()),
}

"""-j CT, -j NOTRACK."""

from dataclasses import dataclass

from kubectl_skoop.netstack.netfilter.conntrack import Template, set_template, set_untracked
from kubectl_skoop.netstack.netfilter.iptables.kind import TargetKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, number
from kubectl_skoop.netstack.netfilter.types import Continue, RuleContext, Verdict


@dataclass(frozen=True, slots=True)
class NoTrack:
    """Kernel: xt_CT.c, notrack_tg; xt_ct_target: not if conntrack already saw the packet."""

    def apply(self, ctx: RuleContext) -> Verdict:
        set_untracked(ctx.passage)
        return Continue()


@dataclass(frozen=True, slots=True)
class SetTemplate:
    """Kernel: xt_CT.c, xt_ct_target: the zone; helper, timeout and events change no packet's way."""

    template: Template

    def apply(self, ctx: RuleContext) -> Verdict:
        if self.template != Template():
            set_template(ctx.passage, self.template)
        return Continue()


def _parse(options: Options) -> NoTrack | SetTemplate:
    if options.has("--notrack"):
        return NoTrack()
    zone = options.find("--zone", "--zone-orig", "--zone-reply")
    if zone is None:
        return SetTemplate(Template())
    from_mark = zone.values[0] == "mark"
    value = 1 if from_mark else number(zone.values[0], 0xFFFF)
    original, reply = zone.name != "--zone-reply", zone.name != "--zone-orig"
    return SetTemplate(Template(value if original else 0, value if reply else 0, from_mark))


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

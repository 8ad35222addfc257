"""-j SET: adds the packet's address to a set, or takes it out."""

from dataclasses import dataclass

from kubectl_skoop.netstack.ipset import Direction, lookup
from kubectl_skoop.netstack.netfilter.iptables.kind import TargetKind
from kubectl_skoop.netstack.netfilter.iptables.match.set import directions, subject
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable
from kubectl_skoop.netstack.netfilter.types import Continue, RuleContext, Verdict


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Kernel: xt_set.c, set_target_v3: goes on. Later matches of a set that it changed are unknown."""

    name: str
    directions: tuple[Direction, ...]
    add: bool

    def apply(self, ctx: RuleContext) -> Verdict:
        if lookup(ctx.stack.ns.ipsets, self.name, subject(ctx), self.directions) != self.add:
            ctx.stack.changed_sets.add(self.name)
        return Continue()


def _parse(options: Options) -> ChangeSet:
    given = [option for option in options.given if option.name in {"--add-set", "--del-set"}]
    if len(given) != 1 or options.has("--map-set"):
        raise Unreadable("one set to change is expected")
    name, dimensions = given[0].values
    return ChangeSet(name, directions(dimensions), given[0].name == "--add-set")


KINDS = {
    "SET": TargetKind(
        {
            "--add-set": 2,
            "--del-set": 2,
            "--map-set": 2,
            "--map-mark": 0,
            "--map-prio": 0,
            "--map-queue": 0,
            "--exist": 0,
            "--timeout": 1,
        },
        _parse,
    )
}

"""-m devgroup: the groups of the devices."""

from dataclasses import dataclass

from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Option, Options, masked
from kubectl_skoop.netstack.netfilter.types import RuleContext


@dataclass(frozen=True, slots=True)
class Group:
    value: int
    mask: int
    negated: bool

    def covers(self, ctx: RuleContext, index: int) -> bool:
        device = ctx.stack.ns.devices.get(index)
        if device is None:
            return False
        group = device.details.get("group", 0)
        found = group if isinstance(group, int) else 0
        return (not (found ^ self.value) & self.mask) != self.negated


@dataclass(frozen=True, slots=True)
class DeviceGroup:
    """Kernel: xt_devgroup.c, devgroup_mt."""

    source: Group | None
    destination: Group | None

    def matches(self, ctx: RuleContext) -> bool:
        if self.source is not None and not self.source.covers(ctx, ctx.indev):
            return False
        return self.destination is None or self.destination.covers(ctx, ctx.outdev)


def _group(option: Option | None) -> Group | None:
    return Group(*masked(option.values[0]), option.negated) if option else None


def _parse(options: Options) -> DeviceGroup:
    return DeviceGroup(_group(options.find("--src-group")), _group(options.find("--dst-group")))


KINDS = {"devgroup": MatchKind({"--src-group": 1, "--dst-group": 1}, _parse)}

"""-m physdev."""

from dataclasses import dataclass

from kubectl_skoop.netstack.netfilter.iptables.header import Interface, device_name
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Option, Options
from kubectl_skoop.netstack.netfilter.types import RuleContext


@dataclass(frozen=True, slots=True)
class Port:
    interface: Interface
    negated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PhysDev:
    """Kernel: xt_physdev.c, physdev_mt. br_netfilter told the bridge ports."""

    indev: Port | None = None
    outdev: Port | None = None
    is_in: bool | None = None
    is_out: bool | None = None
    is_bridged: bool | None = None

    def matches(self, ctx: RuleContext) -> bool:
        physin, physout = ctx.passage.physin, ctx.passage.physout
        if not physin and not physout:
            asked = (self.is_bridged, self.is_in, self.is_out)
            ports = (self.indev, self.outdev)
            return True not in asked and all(port is None or port.negated for port in ports)
        if self.is_bridged is not None and bool(physout) != self.is_bridged:
            return False
        if self.is_in is not None and bool(physin) != self.is_in:
            return False
        if self.is_out is not None and bool(physout) != self.is_out:
            return False
        if self.indev is not None and physin and not _covers(ctx, self.indev, physin):
            return False
        return self.outdev is None or (bool(physout) and _covers(ctx, self.outdev, physout))


def _covers(ctx: RuleContext, port: Port, device: int) -> bool:
    return port.interface.covers(device_name(ctx, device)) != port.negated


def _port(option: Option | None) -> Port | None:
    return Port(Interface(option.values[0]), option.negated) if option else None


def _flag(option: Option | None) -> bool | None:
    return not option.negated if option else None


def _parse(options: Options) -> PhysDev:
    return PhysDev(
        indev=_port(options.find("--physdev-in")),
        outdev=_port(options.find("--physdev-out")),
        is_in=_flag(options.find("--physdev-is-in")),
        is_out=_flag(options.find("--physdev-is-out")),
        is_bridged=_flag(options.find("--physdev-is-bridged")),
    )


KINDS = {
    "physdev": MatchKind(
        {
            "--physdev-in": 1,
            "--physdev-out": 1,
            "--physdev-is-in": 0,
            "--physdev-is-out": 0,
            "--physdev-is-bridged": 0,
        },
        _parse,
    )
}

"""-m iprange."""

from dataclasses import dataclass

from kubectl_skoop.model.packet import Address
from kubectl_skoop.netstack.netfilter.iptables.address import address_range
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Option, Options
from kubectl_skoop.netstack.netfilter.types import RuleContext


@dataclass(frozen=True, slots=True)
class AddressRange:
    low: int
    high: int
    negated: bool

    def covers(self, address: Address) -> bool:
        return (self.low <= int(address) <= self.high) != self.negated


@dataclass(frozen=True, slots=True)
class IpRange:
    """Kernel: xt_iprange.c, iprange_mt4, iprange_mt6."""

    source: AddressRange | None
    destination: AddressRange | None

    def matches(self, ctx: RuleContext) -> bool:
        if self.source is not None and not self.source.covers(ctx.packet.src):
            return False
        return self.destination is None or self.destination.covers(ctx.packet.dst)


def _range(option: Option | None) -> AddressRange | None:
    if option is None:
        return None
    low, high = address_range(option.values[0])
    return AddressRange(int(low), int(high), option.negated)


def _parse(options: Options) -> IpRange:
    return IpRange(_range(options.find("--src-range")), _range(options.find("--dst-range")))


KINDS = {"iprange": MatchKind({"--src-range": 1, "--dst-range": 1}, _parse)}

"""-m esp, -m ah, -m ipcomp: the SPI of IPsec."""

from collections.abc import Callable
from dataclasses import dataclass

from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Option, Options, Unreadable, interval, number
from kubectl_skoop.netstack.netfilter.types import RuleContext

_ANY_SPI = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Spi:
    """Kernel: xt_esp.c, ipt_ah.c, ip6t_ah.c, xt_ipcomp.c: without the header never, negated or not."""

    protocol: int
    low: int = 0
    high: int = _ANY_SPI
    negated: bool = False
    size: Option | None = None
    """--ahlen, bytes. --ahres is always so: the kernel sets what is reserved to 0."""

    def matches(self, ctx: RuleContext) -> Ternary:
        packet, header = ctx.packet, ctx.packet.ipsec
        if packet.fragment_offset:
            return False
        if header is None:
            return (
                Unknown(f"the SPI of protocol {self.protocol}") if packet.protocol == self.protocol else False
            )
        if header.protocol != self.protocol or header.in_udp:
            return False
        if (self.low <= header.spi <= self.high) == self.negated:
            return False
        return self.size is None or (number(self.size.values[0]) == header.ah_length) != self.size.negated


def _parser(protocol: int, option: str) -> Callable[[Options], Spi]:
    def parse(options: Options) -> Spi:
        if not options.given:
            raise Unreadable(f"-m {option.strip('-').removesuffix('spi')} without options")
        spi = options.find(option)
        low, high = interval(spi.values[0], _ANY_SPI) if spi else (0, _ANY_SPI)
        return Spi(protocol, low, high, bool(spi and spi.negated), options.find("--ahlen"))

    return parse


KINDS = {
    "ipcomp": MatchKind({"--ipcompspi": 1, "--compres": 0}, _parser(Protocol.COMP, "--ipcompspi")),
    "esp": MatchKind({"--espspi": 1}, _parser(Protocol.ESP, "--espspi")),
    "ah": MatchKind({"--ahspi": 1, "--ahlen": 1, "--ahres": 0}, _parser(Protocol.AH, "--ahspi")),
}

"""-m tcp, -m tcpmss."""

from typing import NamedTuple

from kubectl_skoop.model.packet import Protocol, TcpFlags
from kubectl_skoop.model.verdict import Ternary, Unknown, negate
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.match.port import (
    ANY_PORT,
    PortRange,
    destination_ports,
    later_fragment,
    source_ports,
)
from kubectl_skoop.netstack.netfilter.iptables.options import Options, interval, member, number
from kubectl_skoop.netstack.netfilter.types import RuleContext

_FLAGS = {
    **{flag.name: int(flag) for flag in TcpFlags if flag.name},
    "ALL": 0x3F,
    "NONE": 0,
}
_MSS_OPTION = 2
_SYN_MASK = TcpFlags.FIN | TcpFlags.SYN | TcpFlags.RST | TcpFlags.ACK


class Tcp(NamedTuple):
    """Kernel: xt_tcpudp.c, tcp_mt."""

    source: PortRange = ANY_PORT
    destination: PortRange = ANY_PORT
    mask: int = 0
    compare: int = 0
    not_flags: bool = False
    option: int = 0
    """Number of a TCP option that must be present; 0: none."""
    not_option: bool = False
    native: bool = False

    def matches(self, ctx: RuleContext) -> Ternary:
        packet = ctx.packet
        if packet.fragment_offset:
            return later_fragment(native=self.native)
        if not (self.source.covers(packet.sport) and self.destination.covers(packet.dport)):
            return False
        if ((packet.flags & self.mask) == self.compare) == self.not_flags:
            return False
        if not self.option:
            return True
        present = self._present(ctx)
        return negate(present) if self.not_option else present

    def _present(self, ctx: RuleContext) -> Ternary:
        if self.option == _MSS_OPTION:
            return bool(ctx.packet.mss)
        return Unknown(f"TCP option {self.option} is not modelled")


class TcpMss(NamedTuple):
    """Kernel: xt_tcpmss.c, tcpmss_mt: a SYN without the option matches if negated.

    It takes the data of a later fragment for a TCP header, and drops the packet if that is malformed.
    """

    low: int
    high: int
    negated: bool

    def matches(self, ctx: RuleContext) -> Ternary:
        packet = ctx.packet
        if packet.protocol != Protocol.TCP:
            return False
        if packet.fragment_offset:
            return Unknown("-m tcpmss takes the data of a later fragment for a TCP header")
        if not packet.mss:
            return self.negated
        return (self.low <= packet.mss <= self.high) != self.negated


def _parse(options: Options) -> Tcp:
    flags, option = options.find("--tcp-flags"), options.find("--tcp-option")
    mask = compare = 0
    not_flags = False
    if flags:
        mask, compare, not_flags = (
            member(flags.values[0], _FLAGS),
            member(flags.values[1], _FLAGS),
            flags.negated,
        )
    elif syn := options.find("--syn"):
        mask, compare, not_flags = int(_SYN_MASK), int(TcpFlags.SYN), syn.negated
    return Tcp(
        source=source_ports(options),
        destination=destination_ports(options),
        mask=mask,
        compare=compare,
        not_flags=not_flags,
        option=number(option.values[0], 255) if option else 0,
        not_option=bool(option and option.negated),
        native=options.native and bool(options.given) and not option,
    )


def _parse_mss(options: Options) -> TcpMss:
    option = options.require("--mss")
    return TcpMss(*interval(option.values[0]), option.negated)


KINDS = {
    "tcp": MatchKind(
        {
            "--sport": 1,
            "--source-port": 1,
            "--dport": 1,
            "--destination-port": 1,
            "--tcp-flags": 2,
            "--syn": 0,
            "--tcp-option": 1,
        },
        _parse,
    ),
    "tcpmss": MatchKind({"--mss": 1}, _parse_mss),
}

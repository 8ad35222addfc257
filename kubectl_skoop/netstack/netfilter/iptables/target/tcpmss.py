"""-j TCPMSS, -j TCPOPTSTRIP: the MSS option of a SYN."""

from dataclasses import dataclass, replace

from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import TargetKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, number
from kubectl_skoop.netstack.netfilter.segment import HEADERS, fitting_segment
from kubectl_skoop.netstack.netfilter.types import Continue, RuleContext, Verdict

_DEFAULT_MSS = {4: 536, 6: 1220}
"""What a SYN without the option stands for (RFC 1122, RFC 8200)."""
_OPTION = 4
"""Length of the option, bytes."""


@dataclass(frozen=True, slots=True)
class TcpMss:
    """Kernel: xt_TCPMSS.c, tcpmss_mangle_packet: never raises the MSS."""

    mss: int | None
    """None: --clamp-mss-to-pmtu."""

    def apply(self, ctx: RuleContext) -> Verdict | Unknown:
        packet = ctx.packet
        if packet.protocol != Protocol.TCP or packet.fragment_offset:
            return Continue()
        mss = fitting_segment(ctx) if self.mss is None else self.mss
        if isinstance(mss, Unknown):
            return mss
        if packet.mss:
            ctx.packet = replace(packet, mss=min(mss, packet.mss))
        elif ctx.length == HEADERS[packet.family]:
            mss = min(mss, _DEFAULT_MSS[packet.family])
            ctx.packet = replace(packet, mss=mss, length=packet.length + _OPTION)
        return Continue()


@dataclass(frozen=True, slots=True)
class StripOptions:
    """Kernel: xt_TCPOPTSTRIP.c, tcpoptstrip_mangle_packet."""

    mss: bool

    def apply(self, ctx: RuleContext) -> Verdict:
        if self.mss and ctx.packet.protocol == Protocol.TCP and not ctx.packet.fragment_offset:
            ctx.packet = replace(ctx.packet, mss=0)
        return Continue()


def _parse(options: Options) -> TcpMss:
    text = options.value("--set-mss")
    return TcpMss(number(text, 0xFFFF) if text else None)


def _parse_strip(options: Options) -> StripOptions:
    names = options.require("--strip-options").values[0].split(",")
    return StripOptions("mss" in names or "2" in names)


KINDS = {
    "TCPMSS": TargetKind({"--set-mss": 1, "--clamp-mss-to-pmtu": 0}, _parse),
    "TCPOPTSTRIP": TargetKind({"--strip-options": 1}, _parse_strip),
}

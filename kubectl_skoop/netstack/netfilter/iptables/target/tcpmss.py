"""-j TCPMSS, -j TCPOPTSTRIP: the MSS option of a SYN."""

from dataclasses import dataclass, replace

from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import TargetKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, number
from kubectl_skoop.netstack.netfilter.types import Continue, RuleContext, Verdict

_HEADERS = {4: 40, 6: 60}
"""IP and TCP header, bytes."""


@dataclass(frozen=True, slots=True)
class TcpMss:
    """Kernel: xt_TCPMSS.c, tcpmss_mangle_packet: never raises the MSS."""

    mss: int | None
    """None: --clamp-mss-to-pmtu."""

    def apply(self, ctx: RuleContext) -> Verdict | Unknown:
        packet = ctx.packet
        if packet.protocol != Protocol.TCP or packet.fragment_offset or not packet.mss:
            return Continue()
        mss = self.mss
        if mss is None:
            out = ctx.stack.ns.devices.get(ctx.outdev)
            if out is None:
                return Unknown("--clamp-mss-to-pmtu where no route is known yet")
            mtu = out.mtu
            back = ctx.stack.ns.devices.get(ctx.indev or ctx.passage.iif)
            mss = min(mtu, back.mtu if back else mtu) - _HEADERS[packet.family]
        if mss < packet.mss:
            ctx.packet = replace(packet, mss=mss)
        return Continue()


@dataclass(frozen=True, slots=True)
class StripOptions:
    """Kernel: xt_TCPOPTSTRIP.c, tcpoptstrip_mangle_packet."""

    mss: bool

    def apply(self, ctx: RuleContext) -> Verdict:
        if self.mss and ctx.packet.mss:
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

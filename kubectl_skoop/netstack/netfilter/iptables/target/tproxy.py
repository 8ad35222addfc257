"""-j TPROXY."""

from dataclasses import dataclass, replace
from ipaddress import ip_address

from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.l4 import socket_lookup
from kubectl_skoop.netstack.netfilter.iptables.kind import TargetKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable, masked, number
from kubectl_skoop.netstack.netfilter.types import Drop, RuleContext, Stolen, Verdict


@dataclass(frozen=True, slots=True)
class TransparentProxy:
    """Kernel: xt_TPROXY.c, tproxy_tg4: without a transparent socket the packet is dropped (K-23).

    What a proxy does with the packets that it gets is not known.
    """

    address: Address | None
    """None: the first address of the device that the packet came in by."""
    port: int
    """0: the packet's."""
    mark: int
    mask: int

    def apply(self, ctx: RuleContext) -> Verdict:
        packet = ctx.packet
        if unread := socket_lookup.unread(ctx.stack):
            return Stolen(Unknown(unread))
        found = socket_lookup.connected(ctx.stack, packet)
        if found is None:
            asked = replace(packet, dst=self._address(ctx), dport=self.port or packet.dport)
            found = socket_lookup.waiting(ctx.stack, asked, ctx.indev)
        if found is None or not found.transparent:
            return Drop()
        ctx.passage.mark = ctx.passage.mark & ~self.mask ^ self.mark
        return Stolen(Unknown(f"the transparent proxy on port {found.port} takes the packet"))

    def _address(self, ctx: RuleContext) -> Address:
        """nf_tproxy_laddr4, nf_tproxy_laddr6."""
        if self.address is not None:
            return self.address
        packet = ctx.packet
        own = (
            one.address for one in ctx.stack.ns.addresses_of(packet.family, ctx.indev) if not one.secondary
        )
        return next(own, packet.dst)


def _parse(options: Options) -> TransparentProxy:
    text = options.value("--on-ip", default="0.0.0.0")
    try:
        address = ip_address(text)
    except ValueError:
        raise Unreadable(f"--on-ip {text}") from None
    mark, mask = masked(options.value("--tproxy-mark", default="0/0"))
    port = number(options.value("--on-port", default="0"), 0xFFFF)
    return TransparentProxy(address if int(address) else None, port, mark, mask)


KINDS = {"TPROXY": TargetKind({"--on-port": 1, "--on-ip": 1, "--tproxy-mark": 1}, _parse)}

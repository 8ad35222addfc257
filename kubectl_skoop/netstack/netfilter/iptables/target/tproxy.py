"""-j TPROXY."""

from dataclasses import dataclass
from ipaddress import ip_address

from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import TargetKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable, masked, number
from kubectl_skoop.netstack.netfilter.proxy import proxy_of, taken_by
from kubectl_skoop.netstack.netfilter.types import Drop, RuleContext, Stolen, Verdict


@dataclass(frozen=True, slots=True)
class TransparentProxy:
    """Kernel: xt_TPROXY.c, tproxy_tg4: without a transparent socket the packet is dropped (K-23)."""

    address: Address | None
    """None: the first address of the device that the packet came in by."""
    port: int
    """0: the packet's."""
    mark: int
    mask: int

    def apply(self, ctx: RuleContext) -> Verdict:
        found = proxy_of(ctx, self.address, self.port)
        if isinstance(found, Unknown):
            return Stolen(found)
        if found is None:
            return Drop()
        ctx.passage.mark = ctx.passage.mark & ~self.mask ^ self.mark
        return Stolen(taken_by(found))


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

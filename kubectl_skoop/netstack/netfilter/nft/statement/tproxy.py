"""`tproxy to :4003`: a transparent socket takes the packet (nft_tproxy.c)."""

from dataclasses import dataclass
from ipaddress import ip_address

from kubectl_skoop.model.packet import Address, Protocol
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft.datatype import Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import field
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Outcome, Progress
from kubectl_skoop.netstack.netfilter.proxy import proxy_of, taken_by
from kubectl_skoop.netstack.netfilter.types import RuleContext, Stolen

_VERSIONS = {"ip": 4, "ip6": 6}


@dataclass(frozen=True, slots=True)
class TransparentProxy:
    """nft_tproxy_eval: without such a socket the rule ends (K-23)."""

    version: int
    """0: both."""
    address: Address | None
    port: int

    def execute(self, ctx: RuleContext) -> Outcome:
        packet = ctx.packet
        if self.version not in (0, packet.family) or packet.protocol not in (Protocol.TCP, Protocol.UDP):
            return Progress.BREAK
        found = proxy_of(ctx, self.address, self.port)
        if found is None:
            return Progress.BREAK
        return Stolen(found if isinstance(found, Unknown) else taken_by(found))


def parse_tproxy(body: object) -> TransparentProxy:
    """Raises Unmodelled."""
    address, port, family = field(body, "addr"), field(body, "port"), field(body, "family")
    if not isinstance(port, int | None) or not isinstance(address, str | None):
        raise Unmodelled("tproxy to what an expression says")
    try:
        to = ip_address(address) if address is not None else None
    except ValueError:
        raise Unmodelled(f"tproxy to {address}") from None
    return TransparentProxy(_VERSIONS.get(str(family), 0), to if to is None or int(to) else None, port or 0)

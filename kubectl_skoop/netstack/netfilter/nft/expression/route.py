"""`rt mtu`: the TCP segment that fits the route both ways (nft_rt.c, get_tcpmss)."""

from dataclasses import dataclass

from kubectl_skoop.model.packet import Packet
from kubectl_skoop.netstack.netfilter.nft import datatype as types
from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype, Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import text
from kubectl_skoop.netstack.netfilter.nft.expression.value import ABSENT, Reading
from kubectl_skoop.netstack.netfilter.types import RuleContext

_HEADERS = {4: 40, 6: 60}
"""IP and TCP header, bytes."""


@dataclass(frozen=True, slots=True)
class RouteSegment:
    """Of the devices on both sides; before routing there is none."""

    types: tuple[Datatype, ...] = (types.INTEGER,)

    def read(self, ctx: RuleContext) -> Reading:
        out = ctx.stack.ns.devices.get(ctx.outdev)
        if out is None or not isinstance(ctx.frame, Packet):
            return ABSENT
        back = ctx.stack.ns.devices.get(ctx.indev or ctx.passage.iif, out)
        return min(out.mtu, back.mtu) - _HEADERS[ctx.frame.family]


def parse_route(body: object) -> RouteSegment:
    """Raises Unmodelled."""
    key = text(body, "key")
    if key != "mtu":
        raise Unmodelled(f"rt {key}")
    return RouteSegment()

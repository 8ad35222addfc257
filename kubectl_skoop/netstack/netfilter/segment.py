"""The TCP segment that fits a packet's route and the one back, for `-j TCPMSS` and nft's `rt mtu`."""

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.types import RuleContext
from kubectl_skoop.netstack.routing.flow import FlowKey
from kubectl_skoop.netstack.routing.lookup import Found, match_route

HEADERS = {4: 40, 6: 60}
"""IP and TCP header, bytes."""


def fitting_segment(ctx: RuleContext) -> int | Unknown:
    """By the MTU of the route that the packet takes, and of the one back to its source.

    Kernel: xt_TCPMSS.c, tcpmss_mangle_packet; nft_rt.c, get_tcpmss.
    """
    packet, stack = ctx.packet, ctx.stack
    if any(one.direction == "out" and one.templates for one in stack.ns.ipsec.policies):
        return Unknown("the segment that fits the route: whether IPsec makes the packet longer")
    forth = _mtu(ctx, FlowKey(dst=packet.dst, oif=ctx.outdev, mark=ctx.passage.mark, tos=packet.tos))
    if forth is None:
        return Unknown("the segment that fits the route, which is not known")
    forth = min(forth, stack.pmtu.get(packet.dst, forth))
    back = _mtu(ctx, FlowKey(dst=packet.src))
    return (forth if back is None else min(forth, back)) - HEADERS[packet.family]


def _mtu(ctx: RuleContext, key: FlowKey) -> int | None:
    """dst_mtu: that of the route, else of its device."""
    found = match_route(ctx.stack, key)
    if not isinstance(found, Found):
        return None
    device = ctx.stack.ns.devices.get(found.nexthop.device)
    return found.route.mtu or (device.mtu if device else None)

"""The state of IPsec that is going to seal a packet, as rules see it before (dst->xfrm)."""

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.types import Hook, RuleContext
from kubectl_skoop.netstack.routing.way import Forward, OutputRoute, way_of
from kubectl_skoop.netstack.xfrm import ipsec_gate
from kubectl_skoop.netstack.xfrm.ipsec_types import State


def sealed_by(ctx: RuleContext) -> State | Unknown | None:
    """Looked up with the packet's route, before FORWARD and OUTPUT (xfrm_lookup_route, xfrm4_route_forward),
    and again where translation gave it another address (ip_route_me_harder, nf_xfrm_me_harder). What is
    blocked does not come to a rule, and is lost where the packet leaves."""
    ns = ctx.stack.ns
    if gap := ns.gaps.get("xfrm"):
        return Unknown(f"IPsec: {gap}")
    sealing = [one for one in ns.ipsec.policies if one.direction == "out" and one.templates]
    if not sealing or ctx.hook in (Hook.PREROUTING, Hook.INPUT):
        return None
    way = _output_route(ctx)
    if way is None or ctx.family is not None:
        return Unknown("whether IPsec seals what a bridge or a VRF handles")
    if any(one.mark.mask for one in sealing):
        return Unknown("with which mark a policy of IPsec was looked up")
    if ctx.stack.ns.devices[way.device].loopback or (ctx.packet.ipsec is not None and not ctx.passage.iif):
        return None
    with ctx.stack.aside():
        found = ipsec_gate.lookup(ctx.stack, ctx.packet, ctx.passage, way)
    if isinstance(found, ipsec_gate.Ended):
        return Unknown(found.message) if found.unknown else None
    return found.state if found is not None else None


def _output_route(ctx: RuleContext) -> OutputRoute | None:
    way = way_of(ctx.passage)
    if isinstance(way, Forward):
        return OutputRoute(device=way.device, nexthop=way.nexthop, source=ctx.packet.src, route=way.route)
    return way if isinstance(way, OutputRoute) else None

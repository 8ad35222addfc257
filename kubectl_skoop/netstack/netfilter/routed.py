"""What rules see of the packet's route (skb_dst): `-m realm`, `rt classid`, `rt nexthop`."""

from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.sealed_by import sealed_by
from kubectl_skoop.netstack.netfilter.types import Hook, RuleContext
from kubectl_skoop.netstack.routing.realm import Realm
from kubectl_skoop.netstack.routing.way import Forward, OutputRoute, way_of

_NOT_KNOWN = "the route of a packet that a bridge or a VRF handles"


def is_routed(ctx: RuleContext) -> bool:
    """It has a route already, as what comes by lo has where it comes in."""
    return ctx.hook is not Hook.PREROUTING or way_of(ctx.passage) is not None


def realm(ctx: RuleContext) -> Realm:
    """dst->tclassid; IPv6 has none. What is sealed has a route that IPsec made (xfrm_bundle_create)."""
    if ctx.family is None and ctx.packet.family == 6:
        return 0
    way = way_of(ctx.passage)
    if way is None or ctx.family is not None:
        return Unknown(_NOT_KNOWN)
    return way.realm if sealed_by(ctx) is None else Unknown("the realms of a packet that IPsec seals")


def nexthop(ctx: RuleContext) -> Address | Unknown:
    """Of the packet's own IP version only."""
    way = way_of(ctx.passage)
    if ctx.family is not None or (way is None and ctx.hook is not Hook.INPUT):
        return Unknown(_NOT_KNOWN)
    if sealed_by(ctx) is not None:
        return Unknown("the next hop of a packet that IPsec seals")
    gateway = way.nexthop if isinstance(way, Forward | OutputRoute) else None
    same = gateway is not None and gateway.version == ctx.packet.family
    return gateway if gateway is not None and same else ctx.packet.dst

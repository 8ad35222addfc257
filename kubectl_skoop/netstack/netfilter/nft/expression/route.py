"""`rt mtu`, `rt nexthop`, `rt classid`: what the packet's route says (nft_rt.c, nft_rt_get_eval)."""

from dataclasses import dataclass

from kubectl_skoop.model.packet import Packet
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft import datatype as types
from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype, Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import field, text
from kubectl_skoop.netstack.netfilter.nft.expression.value import ABSENT, Reading
from kubectl_skoop.netstack.netfilter.routed import is_routed, nexthop, realm
from kubectl_skoop.netstack.netfilter.sealed_by import sealed_by
from kubectl_skoop.netstack.netfilter.segment import fitting_segment
from kubectl_skoop.netstack.netfilter.types import RuleContext

_VERSIONS = {"ip": 4, "ip6": 6}


@dataclass(frozen=True, slots=True)
class RouteSegment:
    """Before routing there is none; the kernel takes such a rule at no hook there (nft_rt_validate)."""

    types: tuple[Datatype, ...] = (types.INTEGER,)

    def read(self, ctx: RuleContext) -> Reading:
        if not ctx.outdev or not isinstance(ctx.frame, Packet):
            return ABSENT
        return fitting_segment(ctx)


@dataclass(frozen=True, slots=True)
class RouteRealm:
    """`rt classid`, `meta rtclassid`"""

    types: tuple[Datatype, ...] = (types.REALM,)

    def read(self, ctx: RuleContext) -> Reading:
        return realm(ctx) if is_routed(ctx) else ABSENT


@dataclass(frozen=True, slots=True)
class RouteSeals:
    """`rt ipsec exists`"""

    types: tuple[Datatype, ...] = (types.BOOLEAN,)

    def read(self, ctx: RuleContext) -> Reading:
        if not is_routed(ctx):
            return ABSENT
        state = sealed_by(ctx)
        return state if isinstance(state, Unknown) else int(state is not None)


@dataclass(frozen=True, slots=True)
class RouteNexthop:
    """`rt ip nexthop`: the gateway, or the destination itself (rt_nexthop, rt6_nexthop)."""

    version: int

    @property
    def types(self) -> tuple[Datatype, ...]:
        return (types.IPV4 if self.version == 4 else types.IPV6,)

    def read(self, ctx: RuleContext) -> Reading:
        if not is_routed(ctx) or ctx.packet.family != self.version:
            return ABSENT
        found = nexthop(ctx)
        return found if isinstance(found, Unknown) else int(found)


def parse_route(body: object) -> RouteSegment | RouteRealm | RouteNexthop | RouteSeals:
    """Raises Unmodelled."""
    key, family = text(body, "key"), field(body, "family")
    if key == "mtu":
        return RouteSegment()
    if key == "classid":
        return RouteRealm()
    if key == "ipsec":
        return RouteSeals()
    if key == "nexthop" and family in _VERSIONS:
        return RouteNexthop(_VERSIONS[str(family)])
    raise Unmodelled(f"rt {key}")

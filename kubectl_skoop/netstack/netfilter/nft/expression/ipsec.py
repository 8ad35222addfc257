"""`ipsec in reqid`, `ipsec out ip saddr`: the state that opened the packet, or will seal it (nft_xfrm.c)."""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft import datatype as types
from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype, Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import field, text
from kubectl_skoop.netstack.netfilter.nft.expression.value import ABSENT, Reading
from kubectl_skoop.netstack.netfilter.sealed_by import sealed_by
from kubectl_skoop.netstack.netfilter.types import RuleContext
from kubectl_skoop.netstack.xfrm.ipsec_types import TUNNEL, State

_VERSIONS = {"ip": 4, "ip6": 6}


@dataclass(frozen=True, slots=True)
class IpsecState:
    """Without one the rule ends; a packet here never has two (nft_xfrm_get_eval_in, …_out)."""

    key: str
    """`reqid`, `spi`, `saddr` or `daddr`."""
    version: int
    """Of the addresses; 0: none is asked for."""
    inward: bool
    number: int
    """Which of several states, from the outermost."""

    @property
    def types(self) -> tuple[Datatype, ...]:
        return ({0: types.INTEGER, 4: types.IPV4, 6: types.IPV6}[self.version],)

    def read(self, ctx: RuleContext) -> Reading:
        if gap := ctx.stack.ns.gaps.get("xfrm"):
            return Unknown(f"IPsec: {gap}")
        state = ctx.passage.opened if self.inward else sealed_by(ctx)
        if isinstance(state, Unknown):
            return state
        if not isinstance(state, State) or self.number:
            return ABSENT
        if not self.version:
            return state.reqid if self.key == "reqid" else state.spi
        address = state.source if self.key == "saddr" else state.destination
        if state.mode != TUNNEL or address is None or address.version != self.version:
            return ABSENT
        return int(address)


def parse_ipsec(body: object) -> IpsecState:
    """Raises Unmodelled."""
    key, direction, number = text(body, "key"), field(body, "dir"), field(body, "spnum")
    version = _VERSIONS.get(str(field(body, "family")), 0)
    if (
        direction not in ("in", "out")
        or not isinstance(number, int)
        or (key in ("saddr", "daddr")) != bool(version)
    ):
        raise Unmodelled(f"ipsec {direction} {key}")
    if key not in ("saddr", "daddr", "reqid", "spi"):
        raise Unmodelled(f"ipsec {direction} {key}")
    return IpsecState(key, version, direction == "in", number)

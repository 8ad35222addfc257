"""How much a connection has carried, of which only its first packet is sure (nf_conntrack_acct.c)."""

from typing import Literal

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.conntrack import Connection
from kubectl_skoop.netstack.netfilter.types import RuleContext

Direction = Literal["original", "reply", "both"]
_UNKNOWN = Unknown("how much a connection has carried is not modelled")


def is_counted(ctx: RuleContext) -> bool:
    """Each rule that asks switches it on (nf_ct_set_acct), but somebody may have switched it off since."""
    return bool(ctx.stack.ns.sysctls.number("net.netfilter.nf_conntrack_acct", 1))


def carried(
    ctx: RuleContext, connection: Connection, direction: Direction, *, packets: bool
) -> int | Unknown:
    """Packets, or bytes. The first packet was counted when conntrack saw it, before any rule."""
    if connection.confirmed or ctx.passage.ct_reply:
        return _UNKNOWN
    if direction == "reply":
        return 0
    return 1 if packets else ctx.length

"""Whose socket a packet has, for rules that ask for it at any hook (skb_to_full_sk)."""

from kubectl_skoop.model.packet import Owner, Packet
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.l4 import early_demux
from kubectl_skoop.netstack.netfilter.types import Hook, RuleContext


def owner_of_socket(ctx: RuleContext) -> Owner | Unknown | None:
    """That of the sender; at INPUT of the receiver, where routing found it. None: it has none."""
    if (
        ctx.passage.owner is None
        and ctx.hook is Hook.INPUT
        and ctx.family is None
        and isinstance(ctx.frame, Packet)
    ):
        return early_demux.owner(ctx.stack, ctx.frame)
    return ctx.passage.owner


def has_socket(ctx: RuleContext) -> bool:
    """The kernel's own answers (RST, ICMP) have one without a process; forwarded and outer packets none."""
    return ctx.passage.owner is not None or (not ctx.passage.iif and ctx.packet.inner is None)

"""Connection tracking of what is bridged (net/bridge/netfilter/nf_conntrack_bridge.c).

It runs where a rule of the family bridge asks for a connection; then IP's own runs, too.
"""

from kubectl_skoop.model.packet import Frame, Packet, Passage
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack import hook_end
from kubectl_skoop.netstack.netfilter import conntrack, traverse
from kubectl_skoop.netstack.netfilter.types import RuleContext
from kubectl_skoop.netstack.stack import Stack

PRIORITY = traverse.PRIORITY_CONNTRACK


class Tracker:
    """nf_ct_bridge_pre, at PREROUTING."""


def track(ctx: RuleContext) -> bool:
    """Frames other than IP are untracked. False: the frame ended here."""
    stack, frame = ctx.stack, ctx.frame
    if not isinstance(frame, Packet):
        conntrack.set_untracked(ctx.passage)
        return True
    if frame.fragment_offset or frame.more_fragments:
        reason = "a bridge that tracks connections puts fragments together, which is not modelled"
        stack.give_up("bridge.program", frame, reason)
        return False
    refused = traverse.track(ctx)
    if refused is not None:
        hook_end.end(stack, refused, frame, ctx.passage, stack.ns.devices[ctx.indev])
    return refused is None


def comes_last(stack: Stack, frame: Frame, passage: Passage) -> bool:
    """What is confirmed gets no translation any more (nf_nat_setup_info), and br_netfilter, which translates,
    has the same priority: whoever was registered last comes first. False: the frame's fate is not known."""
    connection, netfilter = conntrack.connection_of(passage), stack.ns.netfilter
    if connection is None or connection.confirmed or not netfilter.bridge_conntrack:
        return True
    if not isinstance(frame, Packet) or frame.family not in netfilter.nat_families:
        return True
    reason = "whether br_netfilter translates before the bridge confirms the connection"
    if stack.choices.undecided(Unknown(reason)):
        return True
    stack.give_up("bridge.program", frame, reason)
    return False


def confirm(stack: Stack, frame: Frame, passage: Passage) -> bool:
    """nf_ct_bridge_post, behind all others at POSTROUTING. False: the frame ended here."""
    if not stack.ns.netfilter.bridge_conntrack or conntrack.confirm(stack, passage):
        return True
    hook = "postrouting"
    trace = stack.step("conntrack", "another connection has the same addresses and ports", "drop", hook=hook)
    hook_end.drop(stack, trace, frame)
    return False

"""Connections that a helper waits for: they are RELATED (nf_ct_find_expectation, init_conntrack)."""

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack import gap
from kubectl_skoop.netstack.conntrack_types import Expectation, Tuple
from kubectl_skoop.netstack.stack import Stack


def find(stack: Stack, wanted: Tuple, zone: int) -> Expectation | None:
    """What the first packet of a connection fulfils."""
    fitting = (one for one in stack.ns.expectations or () if one.zone == zone and one.fits(wanted))
    return next(fitting, None)


def mark(stack: Stack, expected: Expectation) -> int:
    """That of the connection which the helper reads."""
    master = stack.ns.conntrack_by_tuple.get((expected.zone, expected.master))
    return master.mark if master else 0


def open_question(stack: Stack, expected: Expectation | None, wanted: Tuple) -> Unknown | None:
    """What is not known of a connection that begins now, `wanted` its first packet."""
    if expected is not None and expected.translates:
        return Unknown(f"the helper {expected.helper} translates the connection that it expected")
    reason = gap.table(stack, "expectations") or _unlisted(stack, wanted)
    return Unknown(f"whether a helper expects the connection: {reason}") if reason else None


def _unlisted(stack: Stack, wanted: Tuple) -> str:
    """Of a dump whose agent did not ask: helpers expect connections to the ends of what they read."""
    if stack.ns.expectations is not None:
        return ""
    for entry in stack.ns.helped:
        ends = (entry.original.src, entry.original.dst, entry.reply.src, entry.reply.dst)
        if wanted.dst in ends:
            ports = f"{entry.original.src} to {entry.original.dst}:{entry.original.dport}"
            return f"what {entry.helper} expects for the connection from {ports} was not collected"
    return ""

"""A full table of connections takes no new ones (__nf_conntrack_alloc, early_drop)."""

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack import gap
from kubectl_skoop.netstack.netfilter.conntrack import IPS_ASSURED
from kubectl_skoop.netstack.stack import Stack

COUNT, MAXIMUM = "net.netfilter.nf_conntrack_count", "net.netfilter.nf_conntrack_max"


def refusal(stack: Stack) -> str:
    """Why a packet that begins a connection is dropped; empty: there is room, or room is made.

    An entry that is not assured gives way if it is in one of eight buckets that a hash chooses: whether it is
    remains unknown. A maximum of 0 is none. Where connections are tracked both settings exist: one that was
    not collected is no room.
    """
    if unread := gap.sysctl(stack, COUNT, MAXIMUM):
        question = Unknown(f"{unread}: whether there is room for one more connection is not known")
        return unread if stack.choices.undecided(question) else ""
    count, maximum = (stack.ns.sysctls.number(key, 0) for key in (COUNT, MAXIMUM))
    if not maximum or count < maximum:
        return ""
    because = f"{COUNT} = {count}, {MAXIMUM} = {maximum}"
    entries = stack.ns.conntrack
    if len(entries) >= count and all(entry.status & IPS_ASSURED for entry in entries):
        return because
    unknown = Unknown(
        f"the table of connections is full ({because}): whether an older one gives way is not known"
    )
    return because if stack.choices.undecided(unknown) else ""

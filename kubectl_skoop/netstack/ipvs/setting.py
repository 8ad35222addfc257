"""Settings of IPVS that decide about packets (net.ipv4.vs.*, net/netfilter/ipvs/ip_vs_ctl.c).

Its connections are not collected, so those that decide for older ones only (conn_reuse_mode,
expire_nodest_conn, expire_quiescent_template) have no say.
"""

from fractions import Fraction

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.stack import Stack

_DROP_RATE = 10
"""am_droprate: of so many packets that begin a connection one is dropped."""
_SHORT_OF_MEMORY, _ALWAYS = 2, 3
"""Values of drop_packet; at 1 it begins when memory gets short."""


def value(stack: Stack, name: str, default: int = 0) -> int:
    return stack.ns.sysctls.number(f"net.ipv4.vs.{name}", default)


def works(stack: Stack) -> bool:
    """sysctl_backup_only: a backup that only notes the connections of another director."""
    if not value(stack, "backup_only"):
        return True
    state = "net.ipv4.vs.backup_only = 1: whether this node is a backup, which leaves services alone"
    return stack.choices.undecided(Unknown(state))


def dropped(stack: Stack) -> str:
    """ip_vs_todrop: why a packet that would begin a connection is dropped; empty: it is not."""
    mode, rate = value(stack, "drop_packet"), value(stack, "am_droprate", _DROP_RATE)
    because = f"net.ipv4.vs.drop_packet = {mode}"
    if mode == _SHORT_OF_MEMORY:
        unknown = Unknown(f"{because}: whether memory is short, so that packets are dropped, is not known")
        return because if stack.choices.undecided(unknown) else ""
    if mode != _ALWAYS or rate < 1:
        return ""
    options = [(Fraction(rate - 1, rate), ""), (Fraction(1, rate), f"{because}, one packet in {rate}")]
    return stack.choices.pick(because, [option for option in options if option[0]])

"""Whether an answer of the kernel has the mark of the packet that it answers (K-29)."""

from kubectl_skoop.model.packet import Passage
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack import gap
from kubectl_skoop.netstack.stack import Stack


def kept(stack: Stack, passage: Passage, setting: str) -> bool:
    """By the sysctl `setting`; both ways are followed where it was not read and there is a mark."""
    if passage.mark and (unread := gap.sysctl(stack, setting)):
        return stack.choices.undecided(Unknown(unread))
    return bool(stack.ns.sysctls.number(setting, 0))


def reflected(stack: Stack, passage: Passage) -> int:
    """IP4_REPLY_MARK: of RST, echo replies and ICMP errors."""
    return passage.mark if kept(stack, passage, "net.ipv4.fwmark_reflect") else 0

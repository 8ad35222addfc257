"""Fragments: a datagram stands for its first and largest one, which decides whether it fits."""

from dataclasses import replace

from kubectl_skoop.model.packet import Address, Packet, Passage
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter import traverse as netfilter
from kubectl_skoop.netstack.netfilter.outcome import Outcome, Passed, Stolen
from kubectl_skoop.netstack.netfilter.types import Hook
from kubectl_skoop.netstack.stack import Stack

IP_HEADER, IP6_HEADERS = 20, 48
"""Bytes; IPv6 with its fragment header."""


def largest(packet: Packet, mtu: int) -> Packet:
    """The first and largest fragment for a device with this MTU in bytes (ip_do_fragment)."""
    if packet.length <= mtu:
        return packet
    headers = IP_HEADER if packet.family == 4 else IP6_HEADERS
    payload = (mtu - headers) // 8 * 8
    return replace(
        packet,
        length=headers + payload,
        datagram=packet.datagram or packet.length,
        more_fragments=True,
        gso=False,
    )


def whole(packet: Packet) -> Packet:
    """Put together again at its destination (ip_defrag)."""
    if not packet.datagram:
        return packet
    return replace(packet, length=packet.datagram, datagram=0, more_fragments=False, fragment_offset=0)


def traverse(
    stack: Stack,
    hook: Hook,
    packet: Packet,
    passage: Passage,
    *,
    indev: int,
    outdev: int,
    nexthop: Address | None = None,
) -> Outcome:
    """`netfilter.traverse`; where no conntrack puts a datagram together, for its later fragments too, which
    have no ports (K-6). It is lost with any of them."""
    if not packet.datagram or packet.family in stack.ns.netfilter.conntrack_families:
        return netfilter.traverse(stack, hook, packet, passage, indev=indev, outdev=outdev, nexthop=nexthop)
    beside = replace(passage)
    result = netfilter.traverse(stack, hook, packet, passage, indev=indev, outdev=outdev, nexthop=nexthop)
    if not isinstance(result, Passed):
        return result
    later = replace(packet, fragment_offset=packet.length - IP_HEADER, more_fragments=False)
    other = netfilter.traverse(stack, hook, later, beside, indev=indev, outdev=outdev, nexthop=nexthop)
    if not isinstance(other, Passed):
        return other
    if (other.packet.src, other.packet.dst, beside.mark) != (
        result.packet.src,
        result.packet.dst,
        passage.mark,
    ):
        unknown = Unknown(f"the rules at {hook} change the first fragment of a datagram only")
        return Stolen(unknown, stack.step("rule", unknown.reason, "unknown", hook=hook.value))
    return result

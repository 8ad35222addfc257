"""IPsec policies: which packets may pass as they are (net/xfrm/xfrm_policy.c).

States hold keys and are only counted: what a policy transforms is unknown, but for what comes in plain.
"""

from collections.abc import Iterator
from typing import Literal

from kubectl_skoop.model.packet import Packet
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.ipsec_types import Policy
from kubectl_skoop.netstack.stack import Stack

Direction = Literal["in", "out", "fwd"]


def stopped(stack: Stack, packet: Packet, direction: Direction, device: str) -> bool:
    """Whether a packet that was not transformed ends here (__xfrm_policy_check, xfrm_lookup)."""
    ipsec, where = stack.ns.ipsec, stack.where(device=device)
    if not ipsec.policies and not ipsec.blocks:
        return False
    policy = _selected(stack, packet, direction)
    if policy is None:
        if direction not in ipsec.blocks:
            return False
        message = f"IPsec drops what no policy selects ({direction})"
        stack.lose("ipsec.policy", packet, message, where=where, remedy="ip xfrm policy setdefault")
        return True
    if policy.block:
        message = f"an IPsec policy blocks packets from {packet.src} to {packet.dst}"
        remedy = "delete the policy, or let the key daemon write it anew"
        stack.lose("ipsec.policy", packet, message, where=where, evidence=[str(policy)], remedy=remedy)
        return True
    if not policy.templates:
        return False
    if direction == "out" or policy.optional:
        reason = f"IPsec transforms packets from {packet.src} to {packet.dst}, which is not modelled"
        stack.give_up("unknown", packet, reason, where=where)
        return True
    message = f"an IPsec policy takes packets from {packet.src} to {packet.dst} transformed only"
    remedy = "look why the sender has no policy for them: ip xfrm policy"
    stack.lose("ipsec.policy", packet, message, where=where, evidence=[str(policy)], remedy=remedy)
    return True


def _selected(stack: Stack, packet: Packet, direction: Direction) -> Policy | None:
    """xfrm_policy_lookup: by priority, then what was added first."""
    for policy in sorted(stack.ns.ipsec.policies, key=lambda one: one.priority):
        if policy.direction == direction and _selects(policy, packet):
            if not policy.unmodelled:
                return policy
            question = Unknown(f"IPsec policy {policy}: {policy.unmodelled} is not modelled")
            if stack.choices.undecided(question):
                return policy
    return None


def _selects(policy: Policy, packet: Packet) -> bool:
    """xfrm_selector_match."""
    return (
        packet.src in policy.source
        and packet.dst in policy.destination
        and policy.protocol in (0, packet.protocol)
        and all(not (value ^ number) & mask for number, (value, mask) in _ports(policy, packet))
    )


def _ports(policy: Policy, packet: Packet) -> Iterator[tuple[int, tuple[int, int]]]:
    """ICMP's type and code stand for ports (xfrm_flowi_sport, xfrm_flowi_dport)."""
    if packet.icmp_type or packet.icmp_code:
        yield packet.icmp_type, policy.sport
        yield packet.icmp_code, policy.dport
    else:
        yield packet.sport, policy.sport
        yield packet.dport, policy.dport

"""What IP asks IPsec about each packet, and its answers.

The rest of the package is loaded where a namespace has policies, or where a packet came by IPsec.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from kubectl_skoop.model.packet import Packet, Passage
from kubectl_skoop.netstack.routing.output import OutputRoute
from kubectl_skoop.netstack.stack import Stack

if TYPE_CHECKING:
    from kubectl_skoop.netstack.xfrm.ipsec import Direction
    from kubectl_skoop.netstack.xfrm.ipsec_types import State


class Bundle(NamedTuple):
    """A packet is transformed by this state, and goes on by this route."""

    state: "State"
    route: OutputRoute


class Ended(NamedTuple):
    """It does not leave, and why."""

    code: str
    message: str
    evidence: Sequence[str] = ()
    remedy: str = ""
    errno: str = ""
    """What connect() says; empty: nothing, as the packets vanish later."""
    unknown: bool = False


def refused(stack: Stack, packet: Packet, passage: Passage, direction: "Direction", device: str) -> bool:
    """Whether a packet that came in ends here (__xfrm_policy_check)."""
    if passage.opened is None and not stack.ns.ipsec.is_asked:
        return False
    from kubectl_skoop.netstack.xfrm import ipsec

    return ipsec.refused(stack, packet, passage, direction, device)


def checks_itself(packet: Packet) -> bool:
    """Policies are not asked for it before it is opened (no_policy of esp4_protocol and its like)."""
    return packet.ipsec is not None and not packet.ipsec.in_udp


def lookup(stack: Stack, packet: Packet, passage: Passage, route: OutputRoute) -> Bundle | Ended | None:
    """xfrm_lookup for a packet that `route` was found for; None: it leaves as it is."""
    if not stack.ns.ipsec.is_asked:
        return None
    from kubectl_skoop.netstack.xfrm import ipsec_out

    return ipsec_out.lookup(stack, packet, passage, route)


def end(stack: Stack, packet: Packet, ended: Ended, device: str) -> None:
    """Record why it does not leave."""
    where = stack.where(device=device)
    if ended.unknown:
        stack.give_up(ended.code, packet, ended.message, where=where)
        return
    stack.lose(ended.code, packet, ended.message, where=where, evidence=ended.evidence, remedy=ended.remedy)

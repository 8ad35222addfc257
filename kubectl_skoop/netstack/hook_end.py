"""What follows when a hook does not let a packet pass: losses, and the answers of REJECT."""

from kubectl_skoop.model.packet import Frame, Packet, Passage, Protocol, TcpFlags
from kubectl_skoop.model.trace import Trace
from kubectl_skoop.netstack import gap
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.l4 import icmp, tcp
from kubectl_skoop.netstack.netfilter.outcome import (
    Dropped,
    Outcome,
    Passed,
    Rejected,
    Scheduled,
    Stolen,
    Unserved,
)
from kubectl_skoop.netstack.stack import Stack

REJECT_CODES = {
    "icmp-net-unreachable": (3, 0),
    "icmp-host-unreachable": (3, 1),
    "icmp-proto-unreachable": (3, 2),
    "icmp-port-unreachable": (3, 3),
    "icmp-net-prohibited": (3, 9),
    "icmp-host-prohibited": (3, 10),
    "icmp-admin-prohibited": (3, 13),
    "icmp6-no-route": (1, 0),
    "icmp6-adm-prohibited": (1, 1),
    "icmp6-addr-unreachable": (1, 3),
    "icmp6-port-unreachable": (1, 4),
    "icmp6-policy-fail": (1, 5),
    "icmp6-reject-route": (1, 6),
}
"""ipt_REJECT.c, ip6t_REJECT.c: --reject-with → type and code of ICMP or ICMPv6."""


def end(
    stack: Stack,
    result: Outcome,
    packet: Packet,
    passage: Passage,
    device: Device | None,
) -> None:
    """Record the loss; a REJECT also answers. `device` is the one that the packet came in by, if any."""
    match result:
        case Dropped(trace=trace) if trace.kind == "nat" and (unread := gap.table(stack, "addresses")):
            stack.give_up("netfilter.nat", packet, unread, where=trace.where)
        case Dropped(trace=trace):
            drop(stack, trace, packet)
        case Rejected(kind=kind, trace=trace):
            reject(stack, kind, trace, packet)
            _answer(stack, kind, packet, passage)
        case Stolen(unknown=unknown, trace=trace):
            stack.give_up("netfilter.drop", packet, unknown.reason, where=trace.where)
        case Unserved(because=because, icmp=answer, trace=trace):
            evidence = [trace.text]
            stack.lose(
                result.code, packet, because, where=trace.where, evidence=evidence, remedy=result.remedy
            )
            if answer is not None:
                icmp.send_error(stack, packet, passage, answer)
        case Passed() | Scheduled():
            pass


def drop(stack: Stack, trace: Trace, frame: Frame) -> None:
    """The step says which rule, policy or translation it was."""
    stack.lose(
        _code(trace),
        frame,
        _message(trace, "drops"),
        where=trace.where,
        evidence=[trace.text],
        remedy=_remedy(trace),
    )


def reject(stack: Stack, kind: str, trace: Trace, frame: Frame) -> None:
    """The loss alone; whoever calls tells the sender."""
    stack.lose(
        "netfilter.reject",
        frame,
        _message(trace, "rejects") + f" ({kind})",
        where=trace.where,
        evidence=[trace.text],
        remedy=_remedy(trace),
    )


def _answer(stack: Stack, kind: str, packet: Packet, passage: Passage) -> None:
    if kind == "tcp-reset":
        if packet.protocol == Protocol.TCP and not packet.flags & TcpFlags.RST:
            tcp.send_reset(stack, packet, passage, forwarded=True)
        return
    type_and_code = REJECT_CODES.get(kind)
    if type_and_code is not None:
        icmp.send_error(stack, packet, passage, type_and_code)


def _code(trace: Trace) -> str:
    return "netfilter.nat" if trace.kind == "nat" else "netfilter.drop"


def _message(trace: Trace, verb: str) -> str:
    if trace.kind == "nat":
        return trace.effect or trace.text
    place = f"{trace.where.table} {trace.where.chain}" + (f" ({trace.tool})" if trace.tool else "")
    if trace.kind == "policy":
        return f"the policy of {place} {verb} the packet"
    return f"rule {trace.where.rule} of {place} {verb} the packet"


def _remedy(trace: Trace) -> str:
    """The command that takes the rule away, for the iptables back ends."""
    if not trace.tool.startswith("iptables"):
        return ""
    command = f"{trace.tool} -t {trace.where.table}"
    if trace.kind == "policy":
        return f"{command} -P {trace.where.chain} ACCEPT, or accept this traffic by a rule"
    return (
        f"find out who wrote the rule; to take it away: {command} -D {trace.where.chain} {trace.where.rule}"
    )

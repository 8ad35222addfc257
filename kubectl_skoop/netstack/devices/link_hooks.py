"""The chains that see frames: families bridge, netdev (with the ingress of inet) and arp (nf_hook_slow)."""

from collections.abc import Iterator
from typing import Literal, TypeVar, cast

from kubectl_skoop.model.packet import ETHERTYPE_8021Q, Frame, Packet, Passage
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack import hook_end, xmit
from kubectl_skoop.netstack.devices import bridge_conntrack
from kubectl_skoop.netstack.devices.bridge_conntrack import Tracker
from kubectl_skoop.netstack.netfilter.evaluate import Decision, run_base_chain
from kubectl_skoop.netstack.netfilter.order import in_order, is_idle
from kubectl_skoop.netstack.netfilter.types import (
    Accept,
    BaseChain,
    Drop,
    Hook,
    LinkChain,
    LinkFamily,
    Redirected,
    Reject,
    RuleContext,
    Stolen,
)
from kubectl_skoop.netstack.stack import Stack

F = TypeVar("F", bound=Frame)
PRIORITY_BR_NETFILTER = 0
"""NF_BR_PRI_BRNF"""
NESTED = 2
"""Devices that `fwd` may lead a frame to, one from the other (NF_RECURSION_LIMIT)."""


Part = Literal["all", "before", "after", "above"]
"""Of the chains of a bridge: before br_netfilter's own function, after it, or of higher priority."""


def run(
    stack: Stack,
    family: LinkFamily,
    hook: Hook,
    frame: F,
    passage: Passage,
    *,
    indev: int = 0,
    outdev: int = 0,
    part: Part = "all",
) -> F | None:
    """The frame as the hook leaves it; None if it ended here. Devices are indexes, 0 where there is none."""
    netfilter = stack.ns.netfilter
    if not netfilter.link_chains and not netfilter.link_unknowns:
        return frame
    for unknown in netfilter.link_unknowns.get(family, ()):
        question = Unknown(f"{unknown.reason}: it may decide about frames at {hook} ({family})")
        if not stack.choices.undecided(question):
            stack.give_up("bridge.program", frame, question.reason)
            return None
    found = list(_registered(stack, family, hook, indev or outdev, frame))
    if found and (frame.inner_tags or frame.vlan_protocol != ETHERTYPE_8021Q):
        reason = f"rules at {hook} ({family}) for frames with two VLAN tags or a service tag are not modelled"
        stack.give_up("bridge.program", frame, reason)
        return None
    entries: list[tuple[int, BaseChain | Tracker]] = [
        (base.priority, base) for base in found if part == "all" or _is_in(stack, base, frame, part)
    ]
    if netfilter.bridge_conntrack and family == "bridge" and hook is Hook.PREROUTING and part != "after":
        entries.append((bridge_conntrack.PRIORITY, Tracker()))
    context = RuleContext(
        stack=stack,
        hook=hook,
        frame=frame,
        passage=passage,
        indev=indev,
        outdev=outdev,
        family=family,
    )
    for action in in_order(stack, frame, hook, entries, known=False):
        if isinstance(action, Tracker):
            if not bridge_conntrack.track(context):
                return None
            continue
        context.family = None if action.families else family
        if _ends(context, family, run_base_chain(context, action)):
            return None
    return cast("F", context.frame)


def _registered(
    stack: Stack, family: LinkFamily, hook: Hook, device: int, frame: Frame
) -> Iterator[BaseChain]:
    """Chains of a table `inet` see IP alone (nft_do_chain_inet_ingress)."""
    for chain in stack.ns.netfilter.link_chains:
        base = chain.base
        if chain.family != family or base.hook is not hook:
            continue
        if base.families and not (isinstance(frame, Packet) and frame.family in base.families):
            continue
        if family != "netdev" or _is_at(stack, chain, device, frame):
            yield base


def _is_at(stack: Stack, chain: LinkChain, device: int, frame: Frame) -> bool:
    if chain.devices is None:
        unknown = Unknown(f"the snapshot does not tell at which devices {_name(chain.base)} is")
        return not is_idle(chain.base, frame) and stack.choices.undecided(unknown)
    name = stack.ns.device_name(device)
    return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in chain.devices)


def _is_in(stack: Stack, base: BaseChain, frame: Frame, part: Part) -> bool:
    """At br_netfilter's own priority the one that was registered last comes first, which nobody knows."""
    if part == "above":
        return base.priority > PRIORITY_BR_NETFILTER
    first = base.priority < PRIORITY_BR_NETFILTER
    if base.priority == PRIORITY_BR_NETFILTER and not is_idle(base, frame):
        first = stack.choices.undecided(Unknown(f"whether {_name(base)} runs before br_netfilter"))
    return first == (part == "before")


def _name(base: BaseChain) -> str:
    return f"chain {base.chain} of table {base.table.name} (priority {base.priority})"


def _ends(ctx: RuleContext, family: LinkFamily, decision: Decision) -> bool:
    stack, frame, trace = ctx.stack, ctx.frame, decision.trace
    match decision.verdict:
        case Accept():
            return False
        case Drop() if trace:
            hook_end.drop(stack, trace, frame)
        case Reject(kind=kind) if trace:
            from kubectl_skoop.netstack.devices import link_reject

            hook_end.reject(stack, kind, trace, frame)
            link_reject.answer(stack, family, kind, frame, stack.ns.devices.get(ctx.indev))
        case Redirected(device=device):
            _send(stack, device, frame, ctx.passage)
        case Stolen(unknown=unknown) if trace:
            stack.give_up("bridge.program", frame, unknown.reason, where=trace.where)
        case _:
            reason = f"a translation in a chain of family {family}"
            stack.give_up("bridge.program", frame, reason, where=trace.where if trace else None)
    return True


def _send(stack: Stack, index: int, frame: Frame, passage: Passage) -> None:
    """nf_fwd_netdev_egress"""
    device = stack.ns.devices.get(index)
    if device is None:
        stack.give_up("bridge.program", frame, f"a rule sends it by device {index}, which is not there")
    elif passage.redirected > NESTED:
        message = f"rules send it from device to device; {device.name} is one too many"
        stack.lose("netfilter.drop", frame, message, where=stack.where(device=device.name))
    else:
        passage.redirected += 1
        xmit.transmit(stack, device, frame, passage)

"""All that netfilter does with a packet at one hook, in the kernel's order (nf_hook_slow)."""

from collections.abc import Sequence
from typing import NamedTuple, cast

from kubectl_skoop.model.changed import changed
from kubectl_skoop.model.packet import Address, Packet, Passage
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter import capacity, conntrack, expectation
from kubectl_skoop.netstack.netfilter.evaluate import Decision, run_base_chain
from kubectl_skoop.netstack.netfilter.nat import bind, bind_null, is_bound, outgoing_device_changed
from kubectl_skoop.netstack.netfilter.order import in_order
from kubectl_skoop.netstack.netfilter.outcome import (
    Dropped,
    Outcome,
    Passed,
    Rejected,
    Scheduled,
    Stolen,
    Unserved,
)
from kubectl_skoop.netstack.netfilter.translate import translate, translate_error
from kubectl_skoop.netstack.netfilter.tuples import ICMP_REDIRECTS, is_icmp_error
from kubectl_skoop.netstack.netfilter.types import (
    Accept,
    BaseChain,
    Drop,
    Hook,
    Nat,
    Netfilter,
    Reject,
    RuleContext,
)
from kubectl_skoop.netstack.netfilter.types import Stolen as StolenVerdict
from kubectl_skoop.netstack.stack import Stack

PRIORITY_CONNTRACK = -200
PRIORITY_NAT = {Hook.PREROUTING: -100, Hook.OUTPUT: -100, Hook.INPUT: 100, Hook.POSTROUTING: 100}
"""Where translation happens, whatever the priority of the nat chains (K-2)."""
TRACKING_HOOKS = (Hook.PREROUTING, Hook.OUTPUT)
CONFIRMING_HOOKS = (Hook.INPUT, Hook.POSTROUTING)
OWN_HOOKS = (Hook.INPUT, Hook.OUTPUT)
"""Of what is sent to the namespace, or by it."""


class _NatHook(NamedTuple):
    """nf_nat_inet_fn with the nat chains of this hook, in their order."""

    chains: tuple[BaseChain, ...]


class _Tracker:
    """nf_conntrack_in."""


class _IpvsAnswers:
    """ip_vs_out_hook."""


class _IpvsRequests:
    """ip_vs_in_hook, ip_vs_forward_icmp."""


_Action = BaseChain | _NatHook | _Tracker | _IpvsAnswers | _IpvsRequests
_End = Dropped | Rejected | Stolen | Scheduled | Unserved


class _Walk:
    """One packet at one hook."""

    __slots__ = ("ctx", "nexthop", "reroute", "route_mark")

    def __init__(self, ctx: RuleContext, nexthop: Address) -> None:
        self.ctx, self.nexthop = ctx, nexthop
        self.reroute = False
        self.route_mark = 0


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
    """Run the hook for the packet's family.

    `indev`, `outdev`: device indexes, 0 where the hook has none. `nexthop`: the gateway of the chosen route,
    which MASQUERADE fits its address to (None: the destination itself).
    """
    netfilter = stack.ns.netfilter
    for unknown in _undecided_by(netfilter, packet.family, hook):
        question = Unknown(f"{unknown.reason}: it may drop or change what passes {hook}")
        if not stack.choices.undecided(question):
            trace = stack.step("rule", question.reason, "unknown", hook=hook.value)
            return Stolen(question, trace)
    tracked = packet.family in netfilter.conntrack_families
    if tracked and (packet.fragment_offset or packet.more_fragments):
        packet = _defragmented(packet)
    actions = _actions(stack, netfilter, packet, hook)
    if not actions and not tracked:
        return Passed(packet)
    ctx = RuleContext(stack=stack, hook=hook, frame=packet, passage=passage, indev=indev, outdev=outdev)
    walk = _Walk(ctx, nexthop or packet.dst)
    for action in actions:
        end = _perform(walk, action)
        if end is not None:
            return _past_the_rules(ctx) or end
    if hook in CONFIRMING_HOOKS and not conntrack.confirm(stack, passage):
        return _refuse(ctx, "another connection has the same addresses and ports once it is translated")
    return Passed(ctx.packet, walk.reroute, walk.route_mark)


def _undecided_by(netfilter: Netfilter, family: int, hook: Hook) -> Sequence[Unknown]:
    if not netfilter.unknowns and not netfilter.programs:
        return ()
    return (*netfilter.unknowns.get(family, ()), *netfilter.programs.get((family, hook), ()))


def _past_the_rules(ctx: RuleContext) -> Stolen | None:
    """What comes in by a device of its flow's table meets no hook (nf_flow_offload_ip_hook, K-80)."""
    connection = conntrack.connection_of(ctx.passage)
    if connection is None or not connection.status & conntrack.IPS_OFFLOAD or ctx.hook in OWN_HOOKS:
        return None
    unknown = Unknown(f"whether a flowtable takes the connection past the rules at {ctx.hook}")
    if ctx.stack.choices.undecided(unknown):
        return Stolen(unknown, ctx.stack.step("rule", unknown.reason, "unknown", hook=ctx.hook.value))
    return None


def _defragmented(packet: Packet) -> Packet:
    """nf_defrag_ipv4, at −400 wherever conntrack runs: rules see the datagram as a whole (K-6)."""
    return changed(packet, fragment_offset=0, more_fragments=False)


def _perform(walk: _Walk, action: _Action) -> _End | None:
    match action:
        case _Tracker():
            return track(walk.ctx)
        case _NatHook(chains=chains):
            return _run_nat(walk, chains)
        case _IpvsAnswers():
            return _run_ipvs_answers(walk)
        case _IpvsRequests():
            return _run_ipvs(walk.ctx)
        case BaseChain(type="route") if walk.ctx.hook is Hook.OUTPUT:
            return _run_route_chain(walk, action)
        case BaseChain():
            return _end(walk.ctx, run_base_chain(walk.ctx, action))


def _end(ctx: RuleContext, decision: Decision) -> Dropped | Rejected | Stolen | None:
    """None: the packet goes on to the next chain."""
    trace = decision.trace
    match decision.verdict:
        case Accept():
            return None
        case Drop() if trace:
            return Dropped(trace, ctx.packet)
        case Reject(kind=kind) if trace:
            return Rejected(kind, trace, ctx.packet)
        case StolenVerdict(unknown=unknown) if trace:
            return Stolen(unknown, trace)
    unknown = Unknown("a translation in a chain that is not of type nat")
    return Stolen(unknown, ctx.stack.step("rule", unknown.reason, "unknown", hook=ctx.hook.value))


def track(ctx: RuleContext) -> Unserved | Stolen | None:
    """nf_conntrack_in; what ends the packet where there is no room for its connection."""
    known = conntrack.connection_of(ctx.passage) is not None or ctx.passage.ct_state == conntrack.UNTRACKED
    conntrack.track(ctx.stack, ctx.packet, ctx.passage)
    if not known:
        direction = "reply" if ctx.passage.ct_reply else "original"
        effect = (
            f"{ctx.passage.ct_state}, {direction} direction"
            if ctx.passage.connection
            else ctx.passage.ct_state
        )
        ctx.stack.step("conntrack", "conntrack", effect, hook=ctx.hook.value)
    return None if known else _no_room(ctx) or _half_known(ctx)


def _half_known(ctx: RuleContext) -> Stolen | None:
    connection = conntrack.connection_of(ctx.passage)
    if connection is None or ctx.passage.ct_state not in (conntrack.NEW, conntrack.RELATED):
        return None
    if connection.confirmed:
        return None
    unknown = expectation.open_question(ctx.stack, connection.expected, connection.original)
    if unknown is None or not ctx.stack.choices.undecided(unknown):
        return None
    return Stolen(unknown, ctx.stack.step("conntrack", unknown.reason, "unknown", hook=ctx.hook.value))


def _no_room(ctx: RuleContext) -> Unserved | None:
    """What begins a connection is dropped where the table is full; an error or answer belongs to another."""
    connection = conntrack.connection_of(ctx.passage)
    if connection is None or connection.confirmed or ctx.passage.ct_state != conntrack.NEW:
        return None
    because = capacity.refusal(ctx.stack)
    if not because:
        return None
    trace = ctx.stack.step("conntrack", because, "drop", hook=ctx.hook.value)
    message = "the table of connections is full, and takes no new one"
    remedy = f"raise it: sysctl -w {capacity.MAXIMUM}=…, or find out who makes so many connections"
    return Unserved(message, None, trace, ctx.packet, "conntrack.full", remedy)


def _run_route_chain(walk: _Walk, base: BaseChain) -> Dropped | Rejected | Stolen | None:
    """ipt_mangle_out, nf_route_table_hook4: what the route depends on is compared afterwards."""
    ctx = walk.ctx
    before = _route_key(ctx)
    end = _end(ctx, run_base_chain(ctx, base))
    if end is None and _route_key(ctx) != before:
        walk.reroute, walk.route_mark = True, ctx.passage.mark
    return end


def _route_key(ctx: RuleContext) -> tuple[object, ...]:
    packet = ctx.packet
    extra = packet.tos if packet.family == 4 else packet.ttl
    return packet.src, packet.dst, ctx.passage.mark, extra


def _run_nat(walk: _Walk, chains: Sequence[BaseChain]) -> Dropped | Rejected | Stolen | None:
    """nf_nat_ipv4_fn, nf_nat_inet_fn, nf_nat_ipv4_local_fn."""
    ctx = walk.ctx
    connection = conntrack.connection_of(ctx.passage)
    if connection is None:
        return None
    before = ctx.packet
    if ctx.passage.ct_state == conntrack.RELATED and is_icmp_error(before):
        redirect = before.icmp_type == ICMP_REDIRECTS.get(before.protocol)
        if redirect and connection.status & conntrack.IPS_NAT_MASK:
            return _refuse(ctx, "an ICMP redirect about a translated connection")
        ctx.packet = translate_error(before, ctx.passage, connection, ctx.hook)
    else:
        end = _bind(walk, connection, chains)
        if end is not None:
            return end
        if outgoing_device_changed(connection, ctx.passage, ctx.hook, ctx.outdev):
            connection.status |= conntrack.IPS_DYING
            return _refuse(ctx, "the masqueraded connection now leaves by another device")
        ctx.packet = translate(before, ctx.passage, connection, ctx.hook)
    if ctx.packet is not before and ctx.packet != before:
        ctx.stack.step("nat", _flow(before), f"→ {_flow(ctx.packet)}", hook=ctx.hook.value)
    if ctx.hook is Hook.OUTPUT:
        reply = ctx.passage.ct_reply
        if connection.tuple(reply=reply).dst != connection.tuple(reply=not reply).src:
            walk.reroute, walk.route_mark = True, ctx.passage.mark
    return None


def _bind(
    walk: _Walk, connection: conntrack.Connection, chains: Sequence[BaseChain]
) -> Dropped | Rejected | Stolen | None:
    """The nat chains see the first packet only, and the first binding ends them (K-3, K-4)."""
    ctx = walk.ctx
    if ctx.passage.ct_state not in (conntrack.NEW, conntrack.RELATED) or is_bound(connection, ctx.hook):
        return None
    for base in chains:
        decision = run_base_chain(ctx, base)
        if isinstance(decision.verdict, Nat):
            refusal = bind(ctx, connection, decision.verdict, walk.nexthop)
            if refusal:
                return _refuse(ctx, refusal)
        else:
            end = _end(ctx, decision)
            if end is not None:
                return end
        if is_bound(connection, ctx.hook):
            return None
    bind_null(ctx.stack, connection, ctx.hook)
    return None


def _run_ipvs_answers(walk: _Walk) -> Unserved | None:
    from kubectl_skoop.netstack.ipvs import hook as ipvs

    answered = ipvs.answers(walk.ctx)
    if not isinstance(answered, bool):
        return _unserved(walk.ctx, answered.because, answered.icmp)
    if answered:
        walk.reroute, walk.route_mark = True, walk.ctx.passage.mark
    return None


def _unserved(ctx: RuleContext, because: str, icmp: tuple[int, int] | None) -> Unserved:
    trace = ctx.stack.step("nat", because, "drop", hook=ctx.hook.value)
    return Unserved(because, icmp, trace, ctx.packet)


def _run_ipvs(ctx: RuleContext) -> Stolen | Scheduled | Unserved | None:
    from kubectl_skoop.netstack.ipvs import hook as ipvs
    from kubectl_skoop.netstack.ipvs.forward import Away, Undeliverable

    match ipvs.requests(ctx):
        case Away(packet=packet, route=route):
            return Scheduled(packet, route)
        case Undeliverable(because=because, icmp=icmp):
            return _unserved(ctx, because, icmp)
        case Unknown() as unknown:
            return Stolen(unknown, ctx.stack.step("nat", unknown.reason, "unknown", hook=ctx.hook.value))
        case None:
            return None


def _refuse(ctx: RuleContext, reason: str) -> Dropped:
    return Dropped(ctx.stack.step("nat", reason, "drop", hook=ctx.hook.value), ctx.packet)


def _flow(packet: Packet) -> str:
    if packet.sport or packet.dport:
        return f"{packet.src}:{packet.sport} to {packet.dst}:{packet.dport}"
    return f"{packet.src} to {packet.dst}"


def _actions(stack: Stack, netfilter: Netfilter, packet: Packet, hook: Hook) -> Sequence[_Action]:
    """In their order, which is kept where no packet changes it."""
    key = packet.family, hook, bool(stack.ns.ipvs)
    settled = netfilter.settled.get(key)
    if settled is not None:
        return cast("Sequence[_Action]", settled)
    family, known = packet.family, netfilter.order_known
    chains = [
        (base.priority, base)
        for base in netfilter.base_chains
        if base.hook is hook and family in base.families and not _idle(base)
    ]
    entries: list[tuple[int, _Action]] = [each for each in chains if each[1].type != "nat"]
    nat_chains = [each for each in chains if each[1].type == "nat"]
    if family in netfilter.conntrack_families and hook in TRACKING_HOOKS:
        entries.append((PRIORITY_CONNTRACK, _Tracker()))
    if stack.ns.ipvs:
        entries += _ipvs_actions(hook)
    if family in netfilter.nat_families and hook in PRIORITY_NAT:
        ordered = tuple(in_order(stack, packet, hook, nat_chains, known=known))
        entries.append((PRIORITY_NAT[hook], _NatHook(ordered)))
    actions = in_order(stack, packet, hook, entries, known=known)
    if _distinct(entries) and _distinct(nat_chains):
        netfilter.settled[key] = actions
    return actions


def _idle(base: BaseChain) -> bool:
    """Without rules it accepts whatever comes."""
    chain = base.table.chain(base.chain)
    return base.policy == "accept" and not isinstance(chain, Unknown) and chain.empty


def _distinct(entries: Sequence[tuple[int, _Action]]) -> bool:
    """No two have the same priority."""
    return len({priority for priority, _ in entries}) == len(entries)


def _ipvs_actions(hook: Hook) -> list[tuple[int, _Action]]:
    """IPVS is loaded where there are services of it: here and where they run."""
    from kubectl_skoop.netstack.ipvs import hook as ipvs

    if hook not in ipvs.ANSWERS:
        return []
    return [(ipvs.ANSWERS[hook], _IpvsAnswers()), (ipvs.REQUESTS[hook], _IpvsRequests())]

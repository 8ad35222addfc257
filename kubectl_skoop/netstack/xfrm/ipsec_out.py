"""What IPsec makes of packets that leave: the policy, and the state that it names.

net/xfrm/xfrm_policy.c (xfrm_lookup, xfrm_bundle_create), xfrm_state.c (xfrm_state_find), xfrm_output.c. What
a device does for the kernel (offload) is not modelled.
"""

from collections.abc import Sequence

from kubectl_skoop.model.packet import Address, Packet, Passage, Protocol
from kubectl_skoop.netstack import gap
from kubectl_skoop.netstack.routing.lookup import FlowKey
from kubectl_skoop.netstack.routing.output import OutputRoute, RouteError, route_output
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.netstack.xfrm import ipsec
from kubectl_skoop.netstack.xfrm.ipsec_gate import Bundle, Ended
from kubectl_skoop.netstack.xfrm.ipsec_types import TRANSPORT, Mark, Policy, State, Template


def lookup(stack: Stack, packet: Packet, passage: Passage, route: OutputRoute) -> Bundle | Ended | None:
    """xfrm_lookup for a packet that `route` was found for; None: it leaves as it is."""
    known = stack.ns.ipsec
    policy = ipsec.selected(stack, packet, passage.mark, "out")
    if policy is None:
        refused = "out" in known.blocks
        return Ended("ipsec.policy", ipsec.BLOCKS_ALL.format("out"), errno="EPERM") if refused else None
    if policy.block:
        return Ended("ipsec.policy", *ipsec.blocked_text(packet, policy), errno="EPERM")
    return _by_templates(stack, packet, passage, route, policy) if policy.templates else None


def _by_templates(
    stack: Stack, packet: Packet, passage: Passage, route: OutputRoute, policy: Policy
) -> Bundle | Ended | None:
    """xfrm_tmpl_resolve: a state for each template, but for those that may be left out."""
    found: list[State] = []
    for template in policy.templates:
        state = _state(stack, packet, policy, template)
        if isinstance(state, Ended):
            return state
        if state is not None:
            found.append(state)
        elif not template.optional:
            return _without_state(stack, packet, policy, template)
    if not found:
        return None
    if len(found) > 1:
        return _unknown(f"IPsec transforms packets to {packet.dst} more than once, which is not modelled")
    (state,) = found
    if state.unmodelled or state.overhead is None or state.incoming:
        reason = (
            state.unmodelled
            or ("its direction" if state.incoming else "")
            or f"how much longer {state.algorithm} makes a packet"
        )
        return _unknown(f"IPsec state {state}: {reason} is not modelled")
    return Bundle(state, route) if state.mode == TRANSPORT else _through(stack, packet, passage, state)


def _state(stack: Stack, packet: Packet, policy: Policy, template: Template) -> State | Ended | None:
    """xfrm_state_find: of several the one that was added last."""
    if template.unmodelled:
        return _unknown(f"IPsec policy {policy}: {template.unmodelled} is not modelled")
    states = stack.ns.ipsec.states
    if states is None:
        return _unknown("which IPsec states there are was not collected")
    ends = packet.src, packet.dst
    if template.mode != TRANSPORT:
        source = template.source or _own_address(stack, template.destination)
        if source is None or template.destination is None:
            return None
        ends = source, template.destination
    fitting = [
        state
        for state in states
        if state.destination == ends[1]
        and state.source in (ends[0], None)
        and (state.protocol, state.mode, state.reqid) == (template.protocol, template.mode, template.reqid)
        and template.spi in (0, state.spi)
        and state.mark.of(policy.mark.value & policy.mark.mask)
        and (state.selector is None or ipsec.selects(state.selector, packet))
    ]
    return max(fitting, key=lambda state: state.created, default=None)


def _own_address(stack: Stack, remote: Address | None) -> Address | None:
    """xfrm_get_saddr."""
    if remote is None:
        return None
    with stack.aside():
        route = route_output(stack, FlowKey(dst=remote))
    return None if isinstance(route, RouteError) else route.source


def _without_state(stack: Stack, packet: Packet, policy: Policy, template: Template) -> Ended:
    """The kernel asks a key daemon, if one listens, and drops the packet (XfrmOutNoStates, larval_drop)."""
    reason = gap.table(stack, "sockets")
    if reason or any(
        (socket.protocol, socket.port in ipsec.IKE_PORTS) == (Protocol.UDP, True)
        for socket in stack.ns.sockets
    ):
        daemon = reason or "the daemon that listens for IKE may negotiate one"
        return _unknown(f"IPsec has no state yet for packets to {packet.dst}: {daemon}")
    states = stack.ns.ipsec.states or ()
    return Ended(
        "ipsec.state",
        f"IPsec has no state for packets from {packet.src} to {packet.dst}, which a policy wants transformed",
        [str(policy), *texts(states)],
        f"look why the key daemon has set none up for {template}: ip xfrm state",
    )


def texts(states: Sequence[State]) -> list[str]:
    """As evidence."""
    more = [f"and {len(states) - 10} more states"] if len(states) > 10 else []
    return [*map(str, states[:10]), *more] or ["there is no IPsec state"]


def _through(stack: Stack, packet: Packet, passage: Passage, state: State) -> Bundle | Ended:
    """A tunnel: its own route, from its own address, by the mark that the state sets if it sets one."""
    mark = marked(passage.mark, state.set_mark) if state.set_mark.mask else 0
    key = FlowKey(dst=state.destination, mark=mark, tos=packet.tos)
    route = route_output(stack, key, bound_source=state.source)
    if isinstance(route, RouteError):
        message = f"the IPsec tunnel's end {state.destination} cannot be reached from {state.source}"
        remedy = f"give {stack.ns.place} the address {state.source} and a route to {state.destination}"
        return Ended("route.none", message, [str(state)], remedy, errno=route.errno)
    return Bundle(state, route)


def marked(mark: int, change: Mark) -> int:
    """xfrm_smark_get."""
    return mark & ~change.mask | change.value & change.mask


def _unknown(reason: str) -> Ended:
    return Ended("unknown", reason, unknown=True)

"""IPsec policies: which packets may pass as they are, and which are transformed (net/xfrm/xfrm_policy.c)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from kubectl_skoop.model.packet import Packet, Passage, Protocol
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.conntrack import IPS_NAT_MASK, connection_of
from kubectl_skoop.netstack.netfilter.tuples import PORT_PROTOCOLS
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.netstack.xfrm.ipsec_types import TRANSPORT, Policy, Selector, State, Template

Direction = Literal["in", "out", "fwd"]
IKE_PORTS = frozenset({500, 4500})
"""Of a daemon that negotiates states when the kernel asks for them."""
SOCKET_IN = "socket-in"
"""Direction of a socket's own policy for what it receives (XFRM_POLICY_MAX + XFRM_POLICY_IN)."""
BLOCKS_ALL = "IPsec drops what no policy selects ({})"


def refused(stack: Stack, packet: Packet, passage: Passage, direction: Direction, device: str) -> bool:
    """Whether a packet that came in ends here (__xfrm_policy_check), transformed or not. A policy of the
    socket's own is asked first, and which socket has one is in no dump: IKE daemons give theirs one."""
    if direction != "in" or not _some_socket_takes(stack, packet):
        return _refused(stack, packet, passage, direction, device)
    if not _for_daemon(packet):
        ends = _refused(stack, packet, passage, direction, device)
        if ends:
            stack.assumptions.append("no socket but the key daemon's has IPsec policies of its own")
        return ends
    with stack.aside():
        ends = _refused(stack, packet, passage, direction, device)
    if ends:
        what = f"the socket of UDP port {packet.dport} has an IPsec policy of its own that lets all in"
        stack.assumptions.append(f"{what}, as key daemons set it")
    return False


def _for_daemon(packet: Packet) -> bool:
    return packet.protocol == Protocol.UDP and (packet.dport in IKE_PORTS or packet.ipsec is not None)


def _some_socket_takes(stack: Stack, packet: Packet) -> bool:
    """xfrm_sk_policy_lookup"""
    return any(
        policy.direction == SOCKET_IN
        and not (policy.block or policy.templates)
        and selects(policy.selector, packet)
        for policy in stack.ns.ipsec.policies
    )


def _refused(stack: Stack, packet: Packet, passage: Passage, direction: Direction, device: str) -> bool:
    opened = passage.opened if isinstance(passage.opened, State) else None
    ipsec = stack.ns.ipsec
    if opened is None and not ipsec.policies and not ipsec.blocks:
        return False
    came = _as_it_came(packet, passage)
    if opened is not None and opened.selector is not None and not selects(opened.selector, came):
        message = f"an IPsec state may not carry packets from {packet.src} to {packet.dst}"
        stack.lose("ipsec.policy", packet, message, where=stack.where(device=device), evidence=[str(opened)])
        return True
    policy = selected(stack, came, passage.mark, direction)
    if policy is None:
        return _unselected(stack, packet, direction, device, opened)
    if policy.block:
        message, texts, remedy = blocked_text(packet, policy)
        where = stack.where(device=device)
        stack.lose("ipsec.policy", packet, message, where=where, evidence=texts, remedy=remedy)
        return True
    if opened is not None and (unmodelled := _unmodelled(policy)):
        reason = f"IPsec policy {policy}: {unmodelled} is not modelled"
        stack.give_up("unknown", packet, reason, where=stack.where(device=device))
        return True
    if _satisfied(policy, opened):
        return False
    what = "otherwise transformed" if opened is not None else "transformed"
    message = f"an IPsec policy takes packets from {packet.src} to {packet.dst} {what} only"
    remedy = "look why the sender has no such policy for them: ip xfrm policy"
    evidence = [str(policy), *([f"came by state {opened}"] if opened is not None else [])]
    stack.lose(
        "ipsec.policy", packet, message, where=stack.where(device=device), evidence=evidence, remedy=remedy
    )
    return True


def _as_it_came(packet: Packet, passage: Passage) -> Packet:
    """With the addresses that it had before it was translated (nf_nat_decode_session)."""
    connection = connection_of(passage)
    if connection is None or not connection.status & IPS_NAT_MASK:
        return packet
    came = connection.tuple(reply=passage.ct_reply)
    ports = (came.sport, came.dport) if packet.protocol in PORT_PROTOCOLS else (packet.sport, packet.dport)
    return replace(packet, src=came.src, dst=came.dst, sport=ports[0], dport=ports[1])


def blocked_text(packet: Packet, policy: Policy) -> tuple[str, list[str], str]:
    """Message, evidence and remedy."""
    message = f"an IPsec policy blocks packets from {packet.src} to {packet.dst}"
    return message, [str(policy)], "delete the policy, or let the key daemon write it anew"


def _unselected(
    stack: Stack, packet: Packet, direction: Direction, device: str, opened: State | None
) -> bool:
    """What came through a tunnel needs a policy that lets it in (secpath_has_nontransport)."""
    where = stack.where(device=device)
    if direction in stack.ns.ipsec.blocks:
        message = BLOCKS_ALL.format(direction)
        stack.lose("ipsec.policy", packet, message, where=where, remedy="ip xfrm policy setdefault")
        return True
    if opened is None or opened.mode == TRANSPORT:
        return False
    message = f"no IPsec policy ({direction}) takes packets from {packet.src} to {packet.dst} out of a tunnel"
    stack.lose(
        "ipsec.policy",
        packet,
        message,
        where=where,
        evidence=[f"came by state {opened}"],
        remedy=f"ip xfrm policy add src {packet.src} dst {packet.dst} dir {direction} tmpl … mode tunnel",
    )
    return True


def _unmodelled(policy: Policy) -> str:
    return next((one.unmodelled for one in policy.templates if one.unmodelled), "")


def _satisfied(policy: Policy, opened: State | None) -> bool:
    """xfrm_policy_ok for each template, with one state at most; then none in a tunnel may be left over."""
    path = (opened,) if opened is not None else ()
    at = 0
    for template in reversed(policy.templates):
        at = _after(template, path, at)
        if at < 0:
            return False
    return all(state.mode == TRANSPORT for state in path[at:])


def _after(template: Template, path: tuple[State, ...], start: int) -> int:
    """Where the next template goes on; negative: the packet was not transformed as this one wants."""
    if template.optional and template.mode == TRANSPORT:
        return start
    for index in range(start, len(path)):
        if _made_by(template, path[index]):
            return index + 1
        if path[index].mode != TRANSPORT:
            break
    return start if template.optional else -1


def _made_by(template: Template, state: State) -> bool:
    """xfrm_state_ok; of a tunnel's ends the source counts, unless it was left open (xfrm_state_addr_cmp)."""
    return (
        state.protocol == template.protocol
        and template.spi in (0, state.spi)
        and template.reqid in (0, state.reqid)
        and state.mode == template.mode
        and (state.mode == TRANSPORT or template.source in (None, state.source))
    )


def selected(stack: Stack, packet: Packet, mark: int, direction: Direction) -> Policy | None:
    """xfrm_policy_lookup: by priority, then what was added first."""
    for policy in sorted(stack.ns.ipsec.policies, key=lambda one: one.priority):
        if policy.direction != direction or not policy.mark.of(mark) or not selects(policy.selector, packet):
            continue
        if not policy.unmodelled:
            return policy
        question = Unknown(f"IPsec policy {policy}: {policy.unmodelled} is not modelled")
        if stack.choices.undecided(question):
            return policy
    return None


def selects(selector: Selector, packet: Packet) -> bool:
    """xfrm_selector_match."""
    return (
        packet.src in selector.source
        and packet.dst in selector.destination
        and selector.protocol in (0, packet.protocol)
        and all(not (value ^ number) & mask for number, (value, mask) in _ports(selector, packet))
    )


def _ports(selector: Selector, packet: Packet) -> Iterator[tuple[int, tuple[int, int]]]:
    """ICMP's type and code stand for ports (xfrm_flowi_sport, xfrm_flowi_dport)."""
    if packet.icmp_type or packet.icmp_code:
        yield packet.icmp_type, selector.sport
        yield packet.icmp_code, selector.dport
    else:
        yield packet.sport, selector.sport
        yield packet.dport, selector.dport

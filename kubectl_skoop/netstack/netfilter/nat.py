"""NAT bindings: what a nat rule makes of a connection's first packet.

Kernel: nf_nat_core.c (nf_nat_setup_info, get_unique_tuple), nf_nat_redirect.c, nf_nat_masquerade.c.
"""

from fractions import Fraction
from ipaddress import ip_address

from kubectl_skoop.model.packet import Address, Passage
from kubectl_skoop.netstack.conntrack_types import Tuple
from kubectl_skoop.netstack.device import IFA_F_DADFAILED, IFA_F_TENTATIVE
from kubectl_skoop.netstack.netfilter.conntrack import (
    IPS_DST_NAT,
    IPS_DST_NAT_DONE,
    IPS_SRC_NAT,
    IPS_SRC_NAT_DONE,
    Connection,
    taken,
)
from kubectl_skoop.netstack.netfilter.tuples import ICMP_PROTOCOLS, PORT_PROTOCOLS, invert
from kubectl_skoop.netstack.netfilter.types import Hook, Nat, RuleContext
from kubectl_skoop.netstack.routing.select import select_address
from kubectl_skoop.netstack.stack import Stack

SCOPE_UNIVERSE = 0
_MAX_ADDRESSES = 16
"""Of a range that are told apart; a larger one is represented by its first addresses."""


def changes_source(hook: Hook) -> bool:
    """HOOK2MANIP."""
    return hook in (Hook.POSTROUTING, Hook.INPUT)


def is_bound(connection: Connection, hook: Hook) -> bool:
    """nf_nat_initialized."""
    done = IPS_SRC_NAT_DONE if changes_source(hook) else IPS_DST_NAT_DONE
    return bool(connection.status & done)


def bind(ctx: RuleContext, connection: Connection, nat: Nat, nexthop: Address) -> str:
    """Make the binding; an empty string, or why the kernel drops the packet instead."""
    wish = _resolve(ctx, connection, nat, nexthop)
    if isinstance(wish, str):
        return wish
    if nat.kind == "masquerade":
        connection.masquerade_device = ctx.outdev
    _setup(ctx.stack, connection, wish, source=changes_source(ctx.hook))
    return ""


def bind_null(stack: Stack, connection: Connection, hook: Hook) -> None:
    """nf_nat_alloc_null_binding: the address stays, a port that would clash does not (K-7)."""
    source = changes_source(hook)
    address = connection.reply.dst if source else connection.reply.src
    _setup(
        stack, connection, Nat(kind="snat" if source else "dnat", low=address, high=address), source=source
    )


def outgoing_device_changed(connection: Connection, passage: Passage, hook: Hook, outdev: int) -> bool:
    """A masqueraded connection that now leaves by another device is killed (nf_nat_oif_changed)."""
    return (
        hook is Hook.POSTROUTING and not passage.ct_reply and connection.masquerade_device not in (0, outdev)
    )


def _resolve(ctx: RuleContext, connection: Connection, nat: Nat, nexthop: Address) -> Nat | str:
    """Put a concrete address in the place of `masquerade`, `redirect` and `netmap`."""
    match nat.kind:
        case "masquerade":
            address = select_address(ctx.stack.ns, ctx.outdev, nexthop, SCOPE_UNIVERSE)
            if address is None:
                return f"no address to masquerade with on {ctx.stack.ns.device_name(ctx.outdev)}"
        case "redirect":
            address = _redirect_address(ctx)
            if address is None:
                return f"{ctx.stack.ns.device_name(ctx.indev)} has no address to redirect to"
        case "netmap":
            if nat.low is None:
                return "no network to map to"
            current = connection.reply.dst if changes_source(ctx.hook) else connection.reply.src
            address = _map_prefix(current, nat.low, nat.netmap_prefix)
        case "snat" | "dnat":
            return nat
    return nat._replace(low=address, high=address)


def _redirect_address(ctx: RuleContext) -> Address | None:
    """nf_nat_redirect_ipv4, nf_nat_redirect_ipv6 (K-10)."""
    family = ctx.packet.family
    if ctx.hook is Hook.OUTPUT:
        return ip_address("127.0.0.1" if family == 4 else "::1")
    for entry in ctx.stack.ns.addresses:
        if entry.device != ctx.indev or entry.address.version != family:
            continue
        if family == 4 and entry.secondary:
            continue
        if family == 6 and entry.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED):
            continue
        if family == 6 and entry.address.is_link_local != ctx.packet.dst.is_link_local:
            continue
        return entry.address
    return None


def _map_prefix(address: Address, network: Address, prefix: int) -> Address:
    """NETMAP: the host part stays."""
    host = (1 << (address.max_prefixlen - prefix)) - 1
    return type(address)((int(network) & ~host) | (int(address) & host))


def _setup(stack: Stack, connection: Connection, nat: Nat, *, source: bool) -> None:
    """nf_nat_setup_info; a connection that is confirmed keeps what it has."""
    if connection.confirmed:
        return
    current = invert(connection.reply)
    wanted = _unique_tuple(stack, connection, current, nat, source=source)
    if wanted != current:
        connection.reply = invert(wanted)
        connection.status |= IPS_SRC_NAT if source else IPS_DST_NAT
    connection.status |= IPS_SRC_NAT_DONE if source else IPS_DST_NAT_DONE


def _unique_tuple(stack: Stack, connection: Connection, current: Tuple, nat: Nat, *, source: bool) -> Tuple:
    """get_unique_tuple: keep what is in range and free, else another port of the range (K-8)."""
    address = _pick_address(stack, current.src if source else current.dst, nat)
    result = current._replace(src=address) if source else current._replace(dst=address)
    if current.protocol not in PORT_PROTOCOLS | ICMP_PROTOCOLS:
        return result
    is_id = current.protocol in ICMP_PROTOCOLS
    port = result.sport if source or is_id else result.dport
    if not nat.random:
        if nat.port_low:
            in_range = nat.port_low <= port <= nat.port_high
            if in_range and (
                nat.port_low == nat.port_high
                or not taken(stack, invert(result), connection, connection.reply_zone)
            ):
                return result
        elif not taken(stack, invert(result), connection, connection.reply_zone):
            return result
    if nat.port_low:
        low, high = nat.port_low, nat.port_high
    elif is_id:
        low, high = 0, 65535
    elif not source:
        return result
    else:
        low, high = _port_class(port)
    if low != high:
        connection.symbolic_port = True
    return _free_port(stack, connection, result, low, high, source=source or is_id)


def _port_class(port: int) -> tuple[int, int]:
    """nf_nat_l4proto_unique_tuple."""
    if port < 512:
        return 1, 511
    return (600, 1023) if port < 1024 else (1024, 65535)


def _free_port(
    stack: Stack, connection: Connection, wanted: Tuple, low: int, high: int, *, source: bool
) -> Tuple:
    """One of the range that is free. The kernel draws at random; here it is the same one in each run."""
    size = high - low + 1
    start = (wanted.sport if source else wanted.dport) + 1 - low
    candidate = wanted
    for attempt in range(min(size, 128)):
        port = low + (start + attempt) % size
        candidate = wanted._replace(sport=port) if source else wanted._replace(dport=port)
        if not taken(stack, invert(candidate), connection, connection.reply_zone):
            return candidate
    return candidate


def _pick_address(stack: Stack, current: Address, nat: Nat) -> Address:
    """find_best_ips_proto: a hash of the addresses chooses within the range; all are walked."""
    if nat.low is None:
        return current
    high = nat.high or nat.low
    count = min(int(high) - int(nat.low) + 1, _MAX_ADDRESSES)
    if count <= 1:
        return nat.low
    options = [nat.low + offset for offset in range(count)]
    return stack.choices.pick(
        f"{nat.kind} to {nat.low}-{high}", [(Fraction(1, count), each) for each in options]
    )

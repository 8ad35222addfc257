"""The transparent proxy that a rule gives packets to (net/ipv4/netfilter/nf_tproxy_ipv4.c)."""

from dataclasses import replace

from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.l4 import socket_lookup
from kubectl_skoop.netstack.l4.socket_types import Socket
from kubectl_skoop.netstack.netfilter.types import RuleContext


def proxy_of(ctx: RuleContext, address: Address | None, port: int) -> Socket | Unknown | None:
    """A transparent socket: that of a connection that the packet belongs to, else the listener.

    `address` None: the first of the device that the packet came in by; `port` 0: the packet's.
    """
    packet = ctx.packet
    if unread := socket_lookup.unread(ctx.stack):
        return Unknown(unread)
    found = socket_lookup.connected(ctx.stack, packet)
    if found is None:
        asked = replace(packet, dst=address or _own_address(ctx), dport=port or packet.dport)
        found = socket_lookup.waiting(ctx.stack, asked, ctx.indev)
    return found if found is not None and found.transparent else None


def taken_by(proxy: Socket) -> Unknown:
    """What a proxy does with the packets that it gets is not known."""
    return Unknown(f"the transparent proxy on port {proxy.port} takes the packet")


def _own_address(ctx: RuleContext) -> Address:
    """nf_tproxy_laddr4, nf_tproxy_laddr6."""
    packet = ctx.packet
    own = (one.address for one in ctx.stack.ns.addresses_of(packet.family, ctx.indev) if not one.secondary)
    return next(own, packet.dst)

"""The socket that rules find for a packet (nf_socket_ipv4.c, nf_sk_lookup_slow_v4)."""

from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.l4 import socket_lookup
from kubectl_skoop.netstack.l4.endpoint import Client, Server
from kubectl_skoop.netstack.l4.socket_types import Socket
from kubectl_skoop.netstack.netfilter import conntrack
from kubectl_skoop.netstack.netfilter.tuples import invert, with_destination
from kubectl_skoop.netstack.netfilter.types import RuleContext


def socket_of(ctx: RuleContext) -> Socket | Client | Server | Unknown | None:
    """Of a packet that came in; an end of this branch's conversation goes before those of the dump."""
    packet = ctx.packet
    if packet.protocol not in (Protocol.TCP, Protocol.UDP):
        return Unknown("the socket that an ICMP error is about") if packet.quoted is not None else None
    packet = _before_translation(ctx)
    if (own := _of_this_branch(ctx, packet)) is not None:
        return own
    if unread := socket_lookup.unread(ctx.stack):
        return Unknown(unread)
    return socket_lookup.connected(ctx.stack, packet) or socket_lookup.waiting(ctx.stack, packet, ctx.indev)


def is_transparent(found: Socket | Client | Server) -> bool:
    """A connection has it of its listener (inet_sk_transparent)."""
    if isinstance(found, Server):
        return found.socket.transparent
    return isinstance(found, Socket) and found.transparent


def _before_translation(ctx: RuleContext) -> Packet:
    """The reply of a connection with SNAT is looked up by the address that the socket has."""
    connection = conntrack.connection_of(ctx.passage)
    if connection is None or not ctx.passage.ct_reply or not connection.status & conntrack.IPS_SRC_NAT_DONE:
        return ctx.packet
    return with_destination(ctx.packet, invert(connection.original))


def _of_this_branch(ctx: RuleContext, packet: Packet) -> Client | Server | None:
    wanted = (packet.protocol, packet.dst, packet.dport, packet.src, packet.sport)
    ends: list[Client | Server] = [*ctx.stack.clients]
    if packet.protocol == Protocol.TCP:
        ends += ctx.stack.servers
    for end in ends:
        if (end.protocol, end.local, end.port, end.remote, end.remote_port) == wanted:
            return end
    return None

"""-m socket: a local socket would take the packet."""

from dataclasses import dataclass

from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.l4 import socket_lookup
from kubectl_skoop.netstack.l4.endpoint import Client, Server
from kubectl_skoop.netstack.netfilter import conntrack
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options
from kubectl_skoop.netstack.netfilter.tuples import invert, with_destination
from kubectl_skoop.netstack.netfilter.types import RuleContext


@dataclass(frozen=True, slots=True)
class LocalSocket:
    """Kernel: xt_socket.c, socket_match; nf_socket_ipv4.c, nf_sk_lookup_slow_v4."""

    transparent: bool
    """Only sockets with IP_TRANSPARENT."""
    any_address: bool
    """--nowildcard: sockets bound to no address count, too."""
    restores_mark: bool

    def matches(self, ctx: RuleContext) -> Ternary:
        packet = ctx.packet
        if packet.protocol not in (Protocol.TCP, Protocol.UDP):
            if packet.quoted is not None:
                return Unknown("the socket that an ICMP error is about")
            return False
        packet = _before_translation(ctx)
        if _is_of_this_branch(ctx, packet):
            return not self.transparent if not self.restores_mark else Unknown("the mark of a new socket")
        if unread := socket_lookup.unread(ctx.stack):
            return Unknown(unread)
        found = socket_lookup.connected(ctx.stack, packet) or socket_lookup.waiting(
            ctx.stack, packet, ctx.indev
        )
        if found is None or (self.transparent and not found.transparent):
            return False
        if int(found.local) == 0 and not self.any_address:
            return False
        if self.restores_mark:
            ctx.passage.mark = found.mark
        return True


def _before_translation(ctx: RuleContext) -> Packet:
    """The reply of a connection with SNAT is looked up by the address that the socket has."""
    connection = conntrack.connection_of(ctx.passage)
    if connection is None or not ctx.passage.ct_reply or not connection.status & conntrack.IPS_SRC_NAT_DONE:
        return ctx.packet
    return with_destination(ctx.packet, invert(connection.original))


def _is_of_this_branch(ctx: RuleContext, packet: Packet) -> bool:
    wanted = (packet.protocol, packet.dst, packet.dport, packet.src, packet.sport)
    ends: list[Client | Server] = [*ctx.stack.clients]
    if packet.protocol == Protocol.TCP:
        ends += ctx.stack.servers
    return any((end.protocol, end.local, end.port, end.remote, end.remote_port) == wanted for end in ends)


def _parse(options: Options) -> LocalSocket:
    return LocalSocket(
        options.has("--transparent"), options.has("--nowildcard"), options.has("--restore-skmark")
    )


KINDS = {
    "socket": MatchKind({"--transparent": 0, "--nowildcard": 0, "--restore-skmark": 0}, _parse),
}

"""IPVS sends a packet to a real server, or its answer back to the client (ip_vs_xmit.c, ip_vs_core.c)."""

from dataclasses import dataclass, replace

from kubectl_skoop.model.packet import Packet
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.ipvs.connection import VirtualConnection
from kubectl_skoop.netstack.netfilter import conntrack
from kubectl_skoop.netstack.netfilter.types import RuleContext
from kubectl_skoop.netstack.routing.flow import FlowKey
from kubectl_skoop.netstack.routing.output import OutputRoute, RouteError, route_output

HOST_UNREACHABLE, TTL_EXCEEDED = (3, 1), (11, 0)


@dataclass(frozen=True, slots=True)
class Away:
    """It leaves for another host by this route, through OUTPUT and POSTROUTING."""

    packet: Packet
    route: OutputRoute


@dataclass(frozen=True, slots=True)
class Undeliverable:
    because: str
    icmp: tuple[int, int] | None
    """What its sender is told: type and code."""


Sent = Away | Undeliverable | Unknown
"""None in its place: the packet goes on in this hook, perhaps with another destination (in the context)."""


def send_on(ctx: RuleContext, connection: VirtualConnection) -> Sent | None:
    """ip_vs_nat_xmit, ip_vs_dr_xmit, ip_vs_null_xmit; a tunnel's packets are not followed."""
    if connection.method == "local":
        return None
    if connection.method == "bypass":
        return Unknown("IPVS cache bypass is not modelled")
    packet = ctx.packet
    route = route_output(ctx.stack, FlowKey(dst=connection.server))
    if isinstance(route, RouteError):
        return Undeliverable(f"IPVS: no route to the server {connection.server}", HOST_UNREACHABLE)
    local = route.type == "local"
    if connection.method == "tunnel" and not local:
        return Unknown(f"IPVS tunnels to {connection.server} are not modelled")
    if local and connection.server.is_loopback and ctx.indev:
        return Undeliverable("IPVS: a packet from outside is not sent to a loopback address", None)
    if not local and packet.src.is_loopback:
        return Undeliverable(f"IPVS: {packet.src} cannot send to another host", None)
    if not local:
        if packet.ttl <= 1:
            return Undeliverable("the packet's TTL ends here", TTL_EXCEEDED)
        packet = replace(packet, ttl=packet.ttl - 1)
    if connection.method == "masquerade":
        packet = replace(packet, dst=connection.server, dport=connection.server_port)
    _leave_conntrack(ctx, connection)
    ctx.packet, ctx.passage.ipvs = packet, True
    if local:
        return None
    # FLOWI_FLAG_KNOWN_NH: the neighbour is the server, not who the packet is for.
    return Away(packet, route._replace(nexthop=route.nexthop or connection.server))


def answer(ctx: RuleContext, connection: VirtualConnection) -> None:
    """handle_response: from the virtual address again."""
    ctx.packet = replace(ctx.packet, src=connection.virtual, sport=connection.virtual_port)
    if not connection.tracked:
        conntrack.forget(ctx.passage)
    ctx.passage.ipvs = True


def answer_error(ctx: RuleContext, connection: VirtualConnection, quoted: Packet) -> None:
    """handle_response_icmp, ip_vs_nat_icmp: an error about a packet that was sent on to the server."""
    asked = replace(quoted, dst=connection.virtual, dport=connection.virtual_port)
    ctx.packet = replace(ctx.packet, src=connection.virtual, quoted=asked)
    if not connection.tracked:
        conntrack.forget(ctx.passage)
    ctx.passage.ipvs = True


def send_error_on(ctx: RuleContext, connection: VirtualConnection, quoted: Packet) -> Sent | None:
    """ip_vs_icmp_xmit: an error about an answer, for the server that gave it."""
    if connection.method != "masquerade":
        return send_on(ctx, connection)
    told = replace(quoted, src=connection.server, sport=connection.server_port)
    ctx.packet = replace(ctx.packet, quoted=told)
    port = ctx.packet.dport
    sent = send_on(ctx, connection)
    ctx.packet = replace(ctx.packet, dport=port)
    return Away(ctx.packet, sent.route) if isinstance(sent, Away) else sent


def _leave_conntrack(ctx: RuleContext, connection: VirtualConnection) -> None:
    """ip_vs_notrack, or ip_vs_update_conntrack: answers will come from the server."""
    tracked = conntrack.connection_of(ctx.passage)
    if not connection.tracked:
        conntrack.forget(ctx.passage)
    elif tracked and connection.method == "masquerade" and not ctx.passage.ct_reply and not tracked.confirmed:
        tracked.reply = tracked.reply._replace(src=connection.server, sport=connection.server_port)

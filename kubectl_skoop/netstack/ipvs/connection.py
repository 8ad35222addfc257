"""IPVS connections that this branch made: what ties a flow to one real server (ip_vs_conn.c)."""

from dataclasses import dataclass

from kubectl_skoop.model.packet import Address, Packet
from kubectl_skoop.netstack.ipvs.service import Method
from kubectl_skoop.netstack.stack import Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualConnection:
    protocol: int
    client: Address
    client_port: int
    virtual: Address
    virtual_port: int
    server: Address
    server_port: int
    method: Method
    tracked: bool
    """Conntrack keeps its packets (IP_VS_CONN_F_NFCT): net.ipv4.vs.conntrack was on when it was made."""


def towards_server(stack: Stack, packet: Packet) -> VirtualConnection | None:
    """Of a packet from the client to the virtual address (ip_vs_conn_in_get)."""
    for one in stack.virtual_connections:
        ends = (one.protocol, one.client, one.client_port, one.virtual, one.virtual_port)
        if ends == (packet.protocol, packet.src, packet.sport, packet.dst, packet.dport):
            return one
    return None


def towards_client(stack: Stack, packet: Packet) -> VirtualConnection | None:
    """Of a packet from the real server to the client (ip_vs_conn_out_get)."""
    for one in stack.virtual_connections:
        ends = (one.protocol, one.server, one.server_port, one.client, one.client_port)
        if ends == (packet.protocol, packet.src, packet.sport, packet.dst, packet.dport):
            return one
    return None


def already_sent(stack: Stack, packet: Packet) -> VirtualConnection | None:
    """Of a packet that is on its way from the client to the real server (ip_vs_fill_iph_skb, inverse)."""
    for one in stack.virtual_connections:
        ends = (one.protocol, one.client, one.client_port, one.server, one.server_port)
        if ends == (packet.protocol, packet.src, packet.sport, packet.dst, packet.dport):
            return one
    return None

"""A packet for a socket of this namespace that routing leads elsewhere (tcp_v4_early_demux, K-90).

The socket is looked for before the route; ip_forward and ip6_forward drop a packet that has one.
"""

from kubectl_skoop.model.packet import Owner, Packet, PacketType, Passage, Protocol
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack import gap
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.l4 import socket_lookup
from kubectl_skoop.netstack.l4.endpoint import Client, Server
from kubectl_skoop.netstack.stack import Stack

SETTINGS: dict[int, str] = {
    Protocol.TCP: "net.ipv4.tcp_early_demux",
    Protocol.UDP: "net.ipv4.udp_early_demux",
}
"""Of both families."""
BOTH = "net.ipv4.ip_early_demux"


def dropped(stack: Stack, device: Device, packet: Packet, passage: Passage) -> bool:
    """Whether the packet, which is to be forwarded, ends here."""
    setting = SETTINGS.get(packet.protocol)
    whole = not (packet.more_fragments or packet.datagram)
    if setting is None or passage.packet_type is not PacketType.HOST or not whole:
        return False
    if not _has_socket(stack, packet):
        return False
    where = stack.where(device=device.name)
    if unread := gap.sysctl(stack, setting) or gap.sysctl(stack, BOTH):
        stack.give_up("forwarding.own-socket", packet, unread, where=where)
        return True
    if not _looked_for(stack, packet):
        return False
    stack.lose(
        "forwarding.own-socket",
        packet,
        f"the packet belongs to a socket of {stack.ns.place}, and the routes lead it on: the kernel drops it",
        where=where,
        evidence=[f"{setting} = 1", f"a socket has {packet.dst}:{packet.dport} and its peer"],
        remedy=f"sysctl -w {setting}=0, or a rule that leads it to the table local first",
    )
    return True


def owner(stack: Stack, packet: Packet) -> Owner | Unknown | None:
    """Of the socket that a packet has at INPUT; None: it has none (skb_to_full_sk)."""
    if packet.protocol not in SETTINGS or packet.more_fragments or packet.datagram:
        return None
    for one in stack.clients:
        if _is_for(one, packet):
            unread = gap.sysctl(stack, SETTINGS[packet.protocol]) or gap.sysctl(stack, BOTH)
            return Unknown(unread) if unread else one.owner if _looked_for(stack, packet) else None
    return Unknown("whose socket the packet is for") if _has_socket(stack, packet) else None


def _looked_for(stack: Stack, packet: Packet) -> bool:
    return all(stack.ns.sysctls.number(name, 1) for name in (SETTINGS[packet.protocol], BOTH))


def _has_socket(stack: Stack, packet: Packet) -> bool:
    """One that is connected (__inet_lookup_established, __udp4_lib_demux_lookup)."""
    connected = (one for one in stack.servers if one.protocol == Protocol.TCP)
    made: list[Client | Server] = [*stack.clients, *connected]
    return any(_is_for(one, packet) for one in made) or socket_lookup.connected(stack, packet) is not None


def _is_for(one: Client | Server, packet: Packet) -> bool:
    wanted = (packet.protocol, packet.dst, packet.dport, packet.src, packet.sport)
    return wanted == (one.protocol, one.local, one.port, one.remote, one.remote_port)

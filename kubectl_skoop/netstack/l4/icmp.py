"""ICMP: echo, and the errors that hosts and routers send (net/ipv4/icmp.c; K-15 to K-17)."""

from dataclasses import replace

from kubectl_skoop.model.packet import (
    ICMP_ECHO,
    ICMP_ECHO_REPLY,
    ICMP_TIME_EXCEEDED,
    ICMP_UNREACHABLE,
    Address,
    Packet,
    Passage,
    Protocol,
)
from kubectl_skoop.netstack import gap, ip
from kubectl_skoop.netstack import mark as marks
from kubectl_skoop.netstack.l4 import icmp6, tcp
from kubectl_skoop.netstack.l4.endpoint import SYMPTOMS, Client
from kubectl_skoop.netstack.netfilter.conntrack import IPS_NAT_MASK, attach, connection_of
from kubectl_skoop.netstack.routing.flow import LOOPBACK_INDEX
from kubectl_skoop.netstack.routing.local import address_type, is_local, owning_device
from kubectl_skoop.netstack.routing.lookup import FlowKey
from kubectl_skoop.netstack.routing.output import RouteError, route_output
from kubectl_skoop.netstack.routing.select import select_address
from kubectl_skoop.netstack.routing.types import SCOPE_LINK
from kubectl_skoop.netstack.stack import Stack

NET_UNREACHABLE, HOST_UNREACHABLE = (3, 0), (3, 1)
PORT_UNREACHABLE, FRAGMENTATION_NEEDED, ADMIN_PROHIBITED = (3, 3), (3, 4), (3, 13)
TTL_EXCEEDED = (11, 0)

ERRNO = {
    0: "ENETUNREACH",
    1: "EHOSTUNREACH",
    2: "ENOPROTOOPT",
    3: "ECONNREFUSED",
    4: "EMSGSIZE",
    6: "ENETUNREACH",
    9: "ENETUNREACH",
    10: "EHOSTUNREACH",
    11: "ENETUNREACH",
    12: "EHOSTUNREACH",
    13: "EHOSTUNREACH",
}
"""icmp_err_convert: code of a destination unreachable → errno."""
SOFT = frozenset({0, 1, 5, 11, 12})
"""icmp_err_convert: codes that are not fatal, so a connected UDP socket does not report them."""

IGNORE_ECHO = {4: "net.ipv4.icmp_echo_ignore_all", 6: "net.ipv6.icmp.echo_ignore_all"}
IGNORE_ECHO_TO = {
    (4, "BROADCAST"): "net.ipv4.icmp_echo_ignore_broadcasts",
    (4, "MULTICAST"): "net.ipv4.icmp_echo_ignore_broadcasts",
    (6, "MULTICAST"): "net.ipv6.icmp.echo_ignore_multicast",
    (6, "ANYCAST"): "net.ipv6.icmp.echo_ignore_anycast",
}
"""By family and what the address is that was asked."""


def send_error(
    stack: Stack,
    packet: Packet,
    passage: Passage,
    type_and_code: tuple[int, int],
    *,
    mtu: int = 0,
    delayed: bool = False,
) -> None:
    """icmp_send: tell the packet's sender, unless the packet is one that must not be answered.

    What was made here is told to its socket by an ICMP packet, too, which goes by lo. `mtu` in bytes.
    """
    if is_error(packet) or packet.dst.is_multicast or packet.fragment_offset:
        return
    if packet.family == 4 and address_type(stack.ns, packet.dst) == "BROADCAST":
        return
    protocol = Protocol.ICMP
    if packet.family == 6:
        protocol, type_and_code = Protocol.ICMPV6, icmp6.OF_ICMP.get(type_and_code, type_and_code)
    source = packet.dst if _own(stack, packet) else _inbound(stack, packet, passage)
    mark = marks.reflected(stack, passage)
    link = ip.link_of(stack, packet.src, passage.iif)
    key = FlowKey(dst=packet.src, src=source, oif=link, mark=mark, protocol=protocol)
    route = route_output(stack, key, bound_source=source)
    if isinstance(route, RouteError):
        return
    kind, code = type_and_code
    error = Packet(
        src=route.source,
        dst=packet.src,
        protocol=protocol,
        icmp_type=kind,
        icmp_code=code,
        icmp_mtu=mtu,
        quoted=packet,
        length=min(576, 28 + packet.length) if packet.family == 4 else min(1280, 48 + packet.length),
    )
    answer = Passage(mark=mark)
    attach(answer, passage)
    text = f"{protocol.name} {kind}/{code}" + (f" mtu {mtu}" if mtu else "")
    stack.step("send", text, f"to {packet.src}" + (" after some seconds" if delayed else ""))
    ip.send(stack, error, answer, route)


def _own(stack: Stack, packet: Packet) -> bool:
    """The packet was for us: of IPv4 its route says so (RTCF_LOCAL), of IPv6 an address (ipv6_chk_addr)."""
    if packet.family == 6:
        return is_local(stack.ns, packet.dst)
    return address_type(stack.ns, packet.dst) == "LOCAL"


def send_from_device(
    stack: Stack, packet: Packet, passage: Passage, type_and_code: tuple[int, int], *, mtu: int = 0
) -> None:
    """icmp_ndo_send: a tunnel device tells who sent the packet before its source was translated."""
    connection = connection_of(passage)
    if connection is not None and connection.status & IPS_NAT_MASK:
        packet = replace(packet, src=connection.tuple(reply=passage.ct_reply).src)
    send_error(stack, packet, passage, type_and_code, mtu=mtu)


def _inbound(stack: Stack, packet: Packet, passage: Passage) -> Address | None:
    """net.ipv4.icmp_errors_use_inbound_ifaddr: an address of the device that the packet came in by."""
    if packet.family == 6 or not stack.ns.sysctls.number("net.ipv4.icmp_errors_use_inbound_ifaddr", 0):
        return None
    return select_address(stack.ns, passage.iif, packet.src, SCOPE_LINK) if passage.iif else None


def deliver(stack: Stack, packet: Packet, passage: Passage) -> None:
    """icmp_rcv, icmpv6_rcv; an echo reply is taken from whoever sends it (ping_lookup)."""
    if packet.icmp_type == echo_type(packet.family):
        _answer_echo(stack, packet, passage)
    elif packet.icmp_type == echo_reply_type(packet.family):
        _take_echo_reply(stack, packet)
    elif is_error(packet) and packet.quoted is not None:
        from kubectl_skoop.netstack.devices import ip6_tunnel_error

        _tell_clients(stack, packet, packet.quoted)
        if ip6_tunnel_error.concerns(packet):
            ip6_tunnel_error.relay(stack, packet)


def _take_echo_reply(stack: Stack, packet: Packet) -> None:
    for client in stack.clients:
        if (client.protocol, client.port, client.local) == (packet.protocol, packet.icmp_id, packet.dst):
            client.answered, client.symptom = True, "answer"
            stack.journey.served = True
            return
    message = f"{packet.src} answers to {packet.dst}, where nobody waits for an echo reply"
    stack.lose("reply.unexpected-source", packet, message)


def echo_type(family: int) -> int:
    """Type of an echo request: 8 (RFC 792), 128 (RFC 4443, 4.1)."""
    return ICMP_ECHO if family == 4 else icmp6.ECHO


def echo_reply_type(family: int) -> int:
    """Type of its answer: 0, 129."""
    return ICMP_ECHO_REPLY if family == 4 else icmp6.ECHO_REPLY


def _is_too_big(error: Packet) -> bool:
    if error.protocol == Protocol.ICMPV6:
        return error.icmp_type == icmp6.TOO_BIG
    return (error.icmp_type, error.icmp_code) == FRAGMENTATION_NEEDED


def is_error(packet: Packet) -> bool:
    """Never answered by another error (RFC 1122, 3.2.2; RFC 4443, 2.1)."""
    if packet.protocol == Protocol.ICMPV6:
        return packet.icmp_type < icmp6.FIRST_INFORMATION
    return packet.protocol == Protocol.ICMP and packet.icmp_type in (3, 4, 5, ICMP_TIME_EXCEEDED, 12)


def _answer_echo(stack: Stack, packet: Packet, passage: Passage) -> None:
    kind = "BROADCAST" if passage.to_all else address_type(stack.ns, packet.dst)
    if _ignored(stack, packet, IGNORE_ECHO[packet.family], "echo requests"):
        return
    setting = IGNORE_ECHO_TO.get((packet.family, kind))
    if setting and _ignored(stack, packet, setting, f"echo requests to the {kind.lower()} {packet.dst}"):
        return
    stack.journey.served = True
    mark = marks.reflected(stack, passage)
    source = None if _answered_by_another(packet.family, kind) else packet.dst
    route = route_output(stack, _reply_key(stack, packet, passage, source, mark), bound_source=source)
    if isinstance(route, RouteError):
        ip.lose_unroutable(stack, packet, packet.src, route)
        return
    reply = Packet(
        src=route.source,
        dst=packet.src,
        protocol=packet.protocol,
        icmp_type=echo_reply_type(packet.family),
        icmp_id=packet.icmp_id,
        length=packet.length,
        tos=packet.tos,
    )
    ip.send(stack, reply, Passage(mark=mark), route)


def _ignored(stack: Stack, packet: Packet, setting: str, what: str) -> bool:
    """icmp_echo, icmp_rcv, icmpv6_echo_reply."""
    if reason := gap.sysctl(stack, setting):
        stack.give_up("icmp.ignored", packet, reason)
        return True
    if not stack.ns.sysctls.number(setting, 0):
        return False
    stack.lose(
        "icmp.ignored",
        packet,
        f"{what} are ignored",
        evidence=[f"{setting} = 1"],
        remedy=f"sysctl -w {setting}=0",
    )
    return True


def _answered_by_another(family: int, kind: str) -> bool:
    """The address that was asked is no source of its answer (fib_compute_spec_dst; icmpv6_echo_reply)."""
    return kind != "LOCAL" if family == 6 else kind in ("BROADCAST", "MULTICAST")


def _reply_key(stack: Stack, packet: Packet, passage: Passage, source: Address | None, mark: int) -> FlowKey:
    """icmp_reply; icmpv6_echo_reply: IPv6 prefers to answer by the device that was asked at, and must where
    the address that was asked is no source (anycast, multicast) or the peer is on the link. For what came by
    lo that is the device of the address (icmp6_dev)."""
    key = FlowKey(dst=packet.src, src=source, mark=mark, protocol=packet.protocol)
    link = ip.link_of(stack, packet.src, passage.iif)
    if packet.family == 4:
        return key._replace(oif=link, tos=packet.tos)
    asked_at = passage.iif
    if asked_at == LOOPBACK_INDEX:
        asked_at = owning_device(stack.ns, packet.dst) or asked_at
    return key._replace(
        oif=link or asked_at,
        prefers_oif=source is not None and not packet.src.is_link_local,
    )


def _tell_clients(stack: Stack, error: Packet, quoted: Packet) -> None:
    if _is_too_big(error):
        known = stack.pmtu.get(quoted.dst, quoted.length)
        stack.pmtu[quoted.dst] = min(known, error.icmp_mtu or known)
        tcp.mtu_reduced(stack, quoted, error.icmp_mtu)
    for client in stack.clients:
        if _is_of(client, quoted):
            stack.journey.served = True
            _tell(stack, client, error)


def _is_of(client: Client, quoted: Packet) -> bool:
    if (client.protocol, client.local, client.remote) != (quoted.protocol, quoted.src, quoted.dst):
        return False
    if client.protocol in (Protocol.ICMP, Protocol.ICMPV6):
        return client.port == quoted.icmp_id
    return (client.port, client.remote_port) == (quoted.sport, quoted.dport)


def _tell(stack: Stack, client: Client, error: Packet) -> None:
    """tcp_v4_err, udp_err, ping_err; who sends echo requests asks for all errors, as ping(8) does. A socket
    that discovers no path MTU is not told that its packet was too big (IP_PMTUDISC_DONT)."""
    undiscovered = not client.df and bool(stack.ns.sysctls.number("net.ipv4.ip_no_pmtu_disc", 0))
    if _is_too_big(error) and error.family == 4 and undiscovered:
        return
    if client.protocol == Protocol.TCP and (_is_too_big(error) or client.established):
        return
    errno, fatal = _meaning(error)
    if fatal or client.protocol != Protocol.UDP:
        client.fail(SYMPTOMS[errno])


def _meaning(error: Packet) -> tuple[str, bool]:
    """icmp_err_convert, icmpv6_err_convert: the errno, and whether a connected UDP socket reports it."""
    if _is_too_big(error):
        return "EMSGSIZE", True
    if error.protocol == Protocol.ICMPV6:
        if error.icmp_type != icmp6.UNREACHABLE:
            return "EHOSTUNREACH", False
        return icmp6.ERRNO.get(error.icmp_code, "EHOSTUNREACH"), error.icmp_code not in icmp6.SOFT
    if error.icmp_type != ICMP_UNREACHABLE:
        return "EHOSTUNREACH", False
    return ERRNO.get(error.icmp_code, "EHOSTUNREACH"), error.icmp_code not in SOFT

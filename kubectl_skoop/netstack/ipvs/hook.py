"""Where IPVS stands in the hooks (ip_vs_core.c, ip_vs_ops4).

`answers` is ip_vs_out_hook, `requests` is ip_vs_in_hook.
"""

from kubectl_skoop.model.packet import Packet, Protocol, TcpFlags
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack import gap
from kubectl_skoop.netstack.ipvs import forward, setting
from kubectl_skoop.netstack.ipvs.connection import VirtualConnection, towards_client, towards_server
from kubectl_skoop.netstack.ipvs.forward import Sent, Undeliverable
from kubectl_skoop.netstack.ipvs.schedule import assume_no_affinity, schedule
from kubectl_skoop.netstack.ipvs.service import VirtualService, find_service
from kubectl_skoop.netstack.netfilter.tuples import is_icmp_error
from kubectl_skoop.netstack.netfilter.types import Hook, RuleContext
from kubectl_skoop.netstack.stack import Stack

ANSWERS = {Hook.INPUT: 98, Hook.OUTPUT: -99, Hook.FORWARD: 100}
REQUESTS = {Hook.INPUT: 99, Hook.OUTPUT: -98, Hook.FORWARD: 99}
"""Priorities. At FORWARD only ICMP errors are looked at (ip_vs_forward_icmp)."""
PORT_UNREACHABLE = (3, 3)
_PROTOCOLS = frozenset({Protocol.TCP, Protocol.UDP, Protocol.SCTP})


def answers(ctx: RuleContext) -> bool | Undeliverable:
    """Gives a real server's answer the virtual address. True: its route is to be looked up again."""
    packet = ctx.packet
    if ctx.passage.ipvs:
        return False
    if is_icmp_error(packet):
        if packet.quoted is None:
            return False
        connection = towards_client(ctx.stack, _turned(packet.quoted))
        if connection is None or connection.method != "masquerade":
            return False
        forward.answer_error(ctx, connection, packet.quoted)
    else:
        connection = towards_client(ctx.stack, packet)
        if connection is None:
            return _unexpected(ctx, packet) or False
        if connection.method != "masquerade":
            return False
        forward.answer(ctx, connection)
    effect = f"from {ctx.packet.src}:{connection.virtual_port}"
    ctx.stack.step("nat", f"IPVS answer of {packet.src}:{packet.sport}", effect, hook=ctx.hook.value)
    reroutes = setting.value(ctx.stack, "snat_reroute", 1)
    return bool(reroutes) and ctx.hook is not Hook.INPUT


def _unexpected(ctx: RuleContext, packet: Packet) -> Undeliverable | None:
    """ip_vs_out_hook with nat_icmp_send: what a real server sends outside of any connection is refused, so
    that nobody reaches it but by the service."""
    reset = packet.protocol == Protocol.TCP and packet.flags & TcpFlags.RST
    if reset or packet.protocol not in _PROTOCOLS or not setting.value(ctx.stack, "nat_icmp_send"):
        return None
    for service in ctx.stack.ns.ipvs:
        for server in service.servers if service.fwmark or service.protocol == packet.protocol else ():
            if (server.method, server.address, server.port) == ("masquerade", packet.src, packet.sport):
                because = f"net.ipv4.vs.nat_icmp_send = 1: {server} of IPVS {service} answers outside of it"
                return Undeliverable(because, PORT_UNREACHABLE)
    return None


def requests(ctx: RuleContext) -> Sent | None:
    """Sends a packet for a virtual service to a real server; None: the packet goes on here."""
    packet = ctx.packet
    if ctx.passage.ipvs:
        return None
    if is_icmp_error(packet):
        return _error(ctx, packet)
    if ctx.hook is Hook.FORWARD or packet.protocol not in _PROTOCOLS or packet.fragment_offset:
        return None
    connection = towards_server(ctx.stack, packet)
    if connection is not None:
        return forward.send_on(ctx, connection)
    service = _service_of(ctx)
    if service is None or not setting.works(ctx.stack):
        return None
    if because := setting.dropped(ctx.stack):
        return Undeliverable(f"IPVS drops the packet: {because}", None)
    made = _connect(ctx, service)
    return forward.send_on(ctx, made) if isinstance(made, VirtualConnection) else made


def _service_of(ctx: RuleContext) -> VirtualService | None:
    """tcp_conn_schedule, udp_conn_schedule: TCP begins with a SYN, unless sysctl sloppy_tcp is on."""
    packet, stack = ctx.packet, ctx.stack
    if packet.protocol == Protocol.TCP:
        begins = packet.flags & TcpFlags.SYN or setting.value(stack, "sloppy_tcp")
        if not begins or packet.flags & TcpFlags.RST:
            return None
    service = find_service(
        stack.ns.ipvs, packet.family, packet.protocol, packet.dst, packet.dport, ctx.passage.mark
    )
    device = stack.ns.devices.get(ctx.indev)
    if service is not None and (device is None or device.loopback):
        answering = towards_server(stack, _turned(packet))
        return None if answering is not None else service
    return service


def _connect(ctx: RuleContext, service: VirtualService) -> VirtualConnection | Undeliverable | Unknown:
    """ip_vs_schedule, ip_vs_sched_persist, ip_vs_leave."""
    packet, stack = ctx.packet, ctx.stack
    if service.persistent:
        assume_no_affinity(stack, service)
    server = schedule(stack, service, packet)
    if isinstance(server, Unknown):
        return server
    if server is None:
        return Undeliverable(f"IPVS service {service} has {_shortage(service)}", PORT_UNREACHABLE)
    fixed = server.port and (service.port or not service.persistent)
    connection = VirtualConnection(
        protocol=packet.protocol,
        client=packet.src,
        client_port=packet.sport,
        virtual=packet.dst,
        virtual_port=packet.dport,
        server=server.address,
        server_port=server.port if fixed else packet.dport,
        method=server.method,
        tracked=_tracks(stack),
    )
    if not service.one_packet:
        stack.virtual_connections.append(connection)
    effect = f"to {connection.server}:{connection.server_port}, {connection.method}"
    stack.step("nat", f"IPVS {service} {service.scheduler}", effect, hook=ctx.hook.value)
    return connection


def _tracks(stack: Stack) -> bool:
    unread = gap.sysctl(stack, "net.ipv4.vs.conntrack")
    if unread:
        return stack.choices.undecided(Unknown(unread))
    return bool(setting.value(stack, "conntrack"))


def _shortage(service: VirtualService) -> str:
    if any(server.usable for server in service.servers):
        return f"no usable server for this client ({service.scheduler})"
    return f"{len(service.servers)} servers, all of weight 0 or full" if service.servers else "no server"


def _error(ctx: RuleContext, packet: Packet) -> Sent | None:
    """ip_vs_in_icmp: an error that a client, or a router on the way to it, sends about an answer."""
    if packet.quoted is None:
        return None
    asked = _turned(packet.quoted)
    connection = towards_server(ctx.stack, asked)
    if connection is not None:
        return forward.send_error_on(ctx, connection, packet.quoted)
    if setting.value(ctx.stack, "schedule_icmp"):
        ends = asked.family, asked.protocol, asked.dst, asked.dport
        if find_service(ctx.stack.ns.ipvs, *ends, ctx.passage.mark):
            return Unknown("net.ipv4.vs.schedule_icmp = 1: an ICMP error begins a connection of IPVS")
    return None


def _turned(packet: Packet) -> Packet:
    """With its ends exchanged."""
    return Packet(
        src=packet.dst, dst=packet.src, protocol=packet.protocol, sport=packet.dport, dport=packet.sport
    )

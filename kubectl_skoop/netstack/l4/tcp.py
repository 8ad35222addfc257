"""TCP as far as it decides whether a connection comes about and carries data (K-18, K-36)."""

from kubectl_skoop.model.changed import changed
from kubectl_skoop.model.packet import Address, Owner, Packet, Passage, Protocol, TcpFlags
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.netstack import ip, xmit
from kubectl_skoop.netstack import mark as marks
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.l4 import open_socket, socket_lookup, syn_queue
from kubectl_skoop.netstack.l4.endpoint import Client, Refusal, Server
from kubectl_skoop.netstack.l4.socket_types import Socket
from kubectl_skoop.netstack.netfilter.conntrack import attach
from kubectl_skoop.netstack.routing.flow import FlowKey
from kubectl_skoop.netstack.routing.local import address_type, is_anycast
from kubectl_skoop.netstack.routing.output import OutputRoute, RouteError, route_output
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.netstack.xfrm import socket_mtu

IP_HEADER = {4: 20, 6: 40}
SYN, ACK, RST = 40, 32, 20
"""TCP headers in bytes, with the options that Linux sends."""
DEFAULT_MSS = {4: 536, 6: 1220}
"""Of a peer that names none (TCP_MSS_DEFAULT, IPV6_MIN_MTU)."""
MIN_ADVMSS = 256


def connect(stack: Stack, probe: Probe) -> Client | Refusal:
    """tcp_v4_connect: the route chooses the source; the SYN leaves."""
    opened = open_socket.open_socket(stack, probe)
    if isinstance(opened, Refusal):
        return opened
    client, route = opened
    stack.clients.append(client)
    _emit(stack, client, route, TcpFlags.SYN, SYN, mss=advertised_mss(stack, client.remote, route))
    return client


def send(stack: Stack, end: Client | Server, payload: int, *, full: bool = False) -> int:
    """Data of one end of an established connection; `payload` in bytes, cut to the MSS if `full`.

    Returns how many more a full segment has.
    """
    owner = end.owner if isinstance(end, Client) else Owner(uid=end.socket.uid)
    route = _route(stack, end, owner)
    if isinstance(route, RouteError):
        return 0
    device = stack.ns.devices[route.device]
    mtu = socket_mtu.local_mtu(stack, _segment(end, TcpFlags.ACK, ACK), route)
    limit = min(end.mss or DEFAULT_MSS[end.remote.version], mtu - headers(end.remote))
    size = limit if full else min(payload, limit)
    flags = TcpFlags.ACK | TcpFlags.PSH
    _emit(stack, end, route, flags, RST + size, gso=full and device.tso)
    return limit - size


def deliver(stack: Stack, device: Device, packet: Packet, passage: Passage) -> None:
    """tcp_v4_rcv, tcp_v6_rcv; to an anycast address nothing is answered (ipv6_unicast_destination)."""
    if packet.family == 6 and is_anycast(stack.ns, packet.dst, device.index):
        message = f"{packet.dst} is an anycast address of {stack.ns.place}, which takes no connections"
        stack.lose("socket.other-address", packet, message)
        return
    client = next((entry for entry in stack.clients if _matches(entry, packet)), None)
    if client is not None:
        _to_client(stack, client, packet, passage)
        return
    server = next((entry for entry in stack.servers if _matches(entry, packet)), None)
    if server is not None:
        _to_server(stack, server, packet)
        return
    if packet.flags & (TcpFlags.SYN | TcpFlags.ACK) == TcpFlags.SYN:
        if reason := socket_lookup.unread(stack):
            stack.give_up("socket.closed", packet, reason)
            return
        listener = socket_lookup.find(stack, packet, device.index, "listen")
        if listener is not None:
            _to_listener(stack, device, listener, packet, passage)
            return
    _closed(stack, packet, passage)


def send_reset(stack: Stack, packet: Packet, passage: Passage, *, forwarded: bool = False) -> None:
    """tcp_v4_send_reset, nf_send_reset: it has no socket (K-21) and no mark, unless reflected (K-29)."""
    if packet.flags & TcpFlags.RST:
        return
    mark = marks.reflected(stack, passage)
    flags = TcpFlags.RST if packet.flags & TcpFlags.ACK else TcpFlags.RST | TcpFlags.ACK
    reset = Packet(
        src=packet.dst,
        dst=packet.src,
        protocol=Protocol.TCP,
        sport=packet.dport,
        dport=packet.sport,
        flags=flags,
        length=headers(packet.dst),
        df=True,
    )
    if forwarded and passage.physin:
        _reset_bridged(stack, packet, reset, passage)
        return
    own = address_type(stack.ns, reset.src) == "LOCAL"
    key = ip.flow_key(reset, mark=mark)._replace(oif=ip.link_of(stack, reset.dst, passage.iif))
    route = route_output(stack, key if own else key._replace(src=None))
    if isinstance(route, RouteError):
        return
    stack.step("send", "RST", f"to {reset.dst}")
    answer = Passage(mark=mark)
    if forwarded:
        attach(answer, passage)
    ip.send(stack, reset, answer, route)


def _reset_bridged(stack: Stack, packet: Packet, reset: Packet, passage: Passage) -> None:
    """nf_send_reset for a bridged packet: straight back out of its port, past all hooks and translations."""
    port = stack.ns.devices[passage.physin]
    stack.step("send", "RST", f"to {reset.dst}, straight out of {port.name}", device=port.name)
    frame = changed(reset, src_mac=packet.dst_mac, dst_mac=packet.src_mac)
    xmit.transmit(stack, port, frame, Passage())


def mtu_reduced(stack: Stack, quoted: Packet, mtu: int) -> None:
    """tcp_v4_mtu_reduced: what was too large is sent again in smaller segments; `mtu` in bytes."""
    if not mtu or quoted.length <= mtu or quoted.protocol != Protocol.TCP:
        return
    ends: list[Client | Server] = [*stack.clients, *stack.servers]
    for end in ends:
        sent = (end.protocol, end.local, end.port, end.remote, end.remote_port)
        if end.established and sent == (quoted.protocol, quoted.src, quoted.sport, quoted.dst, quoted.dport):
            end.mss = min(end.mss, mtu - headers(end.remote))
            send(stack, end, end.mss, full=quoted.gso)


def advertised_mss(stack: Stack, destination: Address, route: OutputRoute) -> int:
    """ipv4_default_advmss, bytes."""
    if route.route is not None and route.route.advmss:
        return route.route.advmss
    device = stack.ns.devices[route.device]
    return max(ip.path_mtu(stack, destination, device, route.route) - headers(destination), MIN_ADVMSS)


def headers(address: Address) -> int:
    """IP and TCP header without options, bytes."""
    return IP_HEADER[address.version] + RST


def carries_data(packet: Packet) -> bool:
    """More than a bare ACK."""
    return packet.length > IP_HEADER[packet.family] + ACK


def _to_client(stack: Stack, client: Client, packet: Packet, passage: Passage) -> None:
    stack.journey.served = True
    if packet.flags & TcpFlags.RST:
        client.fail("connection refused" if not client.established else "connection reset by peer")
    elif packet.flags & TcpFlags.SYN:
        client.established = True
        client.mss = packet.mss or DEFAULT_MSS[packet.family]
        stack.step("socket", f"connected to {client.remote}:{client.remote_port}", "connect() succeeds")
        route = _route(stack, client, client.owner)
        if not isinstance(route, RouteError):
            client.mss = min(client.mss, advertised_mss(stack, client.remote, route))
            _emit(stack, client, route, TcpFlags.ACK, ACK)
    elif client.established and carries_data(packet):
        client.answered, client.symptom = True, "answer"


def _to_server(stack: Stack, server: Server, packet: Packet) -> None:
    stack.journey.served = True
    if packet.flags & TcpFlags.RST:
        stack.servers.remove(server)
        return
    if packet.flags & TcpFlags.ACK and not server.established:
        server.established = True
        stack.step("socket", f"accepted {packet.src}:{packet.sport}", "accept() succeeds")
    if carries_data(packet):
        server.received += packet.length - headers(packet.src)


def _to_listener(stack: Stack, device: Device, listener: Socket, packet: Packet, passage: Passage) -> None:
    """tcp_conn_request: a full queue drops the SYN."""
    if not syn_queue.takes(stack, listener, packet):
        return
    text = socket_lookup.socket_text(stack, listener)
    if listener.queue > listener.backlog:
        stack.lose(
            "socket.backlog",
            packet,
            f"the listener {text} has {listener.queue} connections waiting and takes {listener.backlog}",
            evidence=[f"LISTEN {listener.queue} {listener.backlog} {text}"],
            remedy="the program accepts too slowly; raise its backlog and net.core.somaxconn",
        )
        return
    server = Server(
        protocol=Protocol.TCP,
        local=packet.dst,
        port=packet.dport,
        remote=packet.src,
        remote_port=packet.sport,
        socket=listener,
        device=listener.device or ip.link_of(stack, packet.src, device.index),
    )
    stack.step("socket", f"LISTEN {text}", "takes the connection", device=device.name)
    stack.journey.served = True
    mark = passage.mark if marks.kept(stack, passage, "net.ipv4.tcp_fwmark_accept") else listener.mark
    route = _route(stack, server, Owner(uid=listener.uid), mark=mark)
    if isinstance(route, RouteError):
        ip.lose_unroutable(stack, changed(packet, src=packet.dst, dst=packet.src), packet.src, route)
        return
    server.mss = min(packet.mss or DEFAULT_MSS[packet.family], advertised_mss(stack, packet.src, route))
    stack.servers.append(server)
    mss = advertised_mss(stack, packet.src, route)
    _emit(stack, server, route, TcpFlags.SYN | TcpFlags.ACK, SYN, mss=mss, mark=mark)


def _closed(stack: Stack, packet: Packet, passage: Passage) -> None:
    if packet.flags & TcpFlags.RST:
        return
    if packet.flags & TcpFlags.ACK:
        asked = [
            f"asked: {client.remote}:{client.remote_port} from {client.local}:{client.port}"
            for client in stack.clients
        ]
        stack.lose(
            "reply.unexpected-source",
            packet,
            f"{packet.src}:{packet.sport} answers to {packet.dst}:{packet.dport}, "
            "where no connection waits for it",
            evidence=asked,
        )
        _refuse(stack, packet, passage)
        return
    misses = [socket_lookup.socket_text(stack, s) for s in socket_lookup.near_misses(stack, packet, "listen")]
    if misses:
        message = f"port {packet.dport} is listened on at {', '.join(misses)}, not at {packet.dst}"
        code, remedy = "socket.other-address", f"let the program listen on {packet.dst} or 0.0.0.0"
    else:
        code, remedy = (
            "socket.closed",
            f"start the program, or ask the port it listens on instead of {packet.dport}",
        )
        message = f"nothing listens on {packet.dst}:{packet.dport}/tcp"
    misses += socket_lookup.vrf_evidence(stack, packet, passage.iif)
    stack.lose(code, packet, message, evidence=misses, remedy=remedy)
    _refuse(stack, packet, passage)


def _refuse(stack: Stack, packet: Packet, passage: Passage) -> None:
    """Without a socket tcp_v4_send_reset asks for a local route."""
    if not passage.by_lo:
        send_reset(stack, packet, passage)


def _route(stack: Stack, end: Client | Server, owner: Owner, *, mark: int = 0) -> OutputRoute | RouteError:
    key = FlowKey(
        dst=end.remote,
        src=end.local,
        oif=end.device,
        mark=mark,
        uid=owner.uid,
        protocol=Protocol.TCP,
        sport=end.port,
        dport=end.remote_port,
    )
    return route_output(stack, key, bound_source=end.local)


def _emit(
    stack: Stack,
    end: Client | Server,
    route: OutputRoute,
    flags: TcpFlags,
    length: int,
    *,
    mss: int = 0,
    gso: bool = False,
    mark: int = 0,
) -> None:
    owner = end.owner if isinstance(end, Client) else Owner(uid=end.socket.uid)
    packet = _segment(end, flags, length, mss=mss, gso=gso)
    ip.send(stack, packet, Passage(owner=owner, mark=mark), route)


def _segment(
    end: Client | Server, flags: TcpFlags, length: int, *, mss: int = 0, gso: bool = False
) -> Packet:
    """`length`: TCP header and payload, bytes."""
    return Packet(
        src=end.local,
        dst=end.remote,
        protocol=Protocol.TCP,
        sport=end.port,
        dport=end.remote_port,
        flags=flags,
        mss=mss,
        length=IP_HEADER[end.remote.version] + length,
        gso=gso,
        df=True,
    )


def _matches(end: Client | Server, packet: Packet) -> bool:
    return (
        end.protocol == packet.protocol
        and end.local == packet.dst
        and end.port == packet.dport
        and end.remote == packet.src
        and end.remote_port == packet.sport
    )

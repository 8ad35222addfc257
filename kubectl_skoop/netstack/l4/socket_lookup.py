"""Which socket gets a packet (net/ipv4/inet_hashtables.c, udp.c: compute_score; K-63 to K-65)."""

from collections.abc import Sequence

from kubectl_skoop.model.packet import Address, Packet, Protocol
from kubectl_skoop.netstack import gap
from kubectl_skoop.netstack.devices import vrf
from kubectl_skoop.netstack.l4.socket_types import Socket, SocketState
from kubectl_skoop.netstack.routing.local import local_device
from kubectl_skoop.netstack.stack import Stack

_VRF_SETTING: dict[int, str] = {
    Protocol.TCP: "net.ipv4.tcp_l3mdev_accept",
    Protocol.UDP: "net.ipv4.udp_l3mdev_accept",
}


def find(stack: Stack, packet: Packet, device: int, state: SocketState) -> Socket | None:
    """The best socket for the packet's destination; `device`: index of the device it came in by.

    What came by lo counts as coming by the device of its local route (inet_iif, K-65).
    """
    arrival = stack.ns.devices.get(device)
    if arrival is not None and arrival.loopback:
        device = local_device(stack.ns, packet.dst) or device
    arrival_vrf = vrf.index_of(stack.ns, device)
    closed = bool(arrival_vrf) and not _accepts_vrf(stack, packet)
    scored = [
        (score, socket)
        for socket in _on_port(stack, packet)
        if socket.state == state
        if socket.device in (device, arrival_vrf) or (not socket.device and not closed)
        if (score := _score(socket, packet)) is not None
    ]
    return max(scored, key=lambda pair: pair[0])[1] if scored else None


def connected(stack: Stack, packet: Packet) -> Socket | None:
    """The socket of an established connection (__inet_lookup_established)."""
    wanted = (packet.protocol, packet.dst, packet.dport, packet.src, packet.sport)
    for socket in _on_port(stack, packet):
        ends = (socket.protocol, socket.local, socket.port, socket.remote, socket.remote_port)
        if socket.state == "established" and ends == wanted:
            return socket
    return None


def waiting(stack: Stack, packet: Packet, device: int) -> Socket | None:
    """The listener, or the datagram socket that is not connected."""
    return find(stack, packet, device, "listen" if packet.protocol == Protocol.TCP else "unconnected")


def _on_port(stack: Stack, packet: Packet) -> Sequence[Socket]:
    return stack.ns.sockets_by_port.get((packet.protocol, packet.dport), ())


def unread(stack: Stack) -> str:
    """Why the socket for a packet cannot be told; empty: it can."""
    return gap.table(stack, "sockets", "bpf", "ipvs")


def near_misses(stack: Stack, packet: Packet, state: SocketState) -> list[Socket]:
    """Sockets on the port that do not take this packet: another address, device or family."""
    return [socket for socket in _on_port(stack, packet) if socket.state == state]


def wildcard(address: Address) -> bool:
    """0.0.0.0 or ::, as a bound address (INADDR_ANY)."""
    return int(address) == 0


def socket_text(stack: Stack, socket: Socket) -> str:
    """In the manner of `ss -ln`."""
    address = (
        "*" if wildcard(socket.local) and socket.local.version == 6 and not socket.v6only else socket.local
    )
    shown = f"[{address}]" if socket.local.version == 6 and address != "*" else str(address)
    device = f"%{stack.ns.device_name(socket.device)}" if socket.device else ""
    return f"{shown}{device}:{socket.port}"


def _accepts_vrf(stack: Stack, packet: Packet) -> bool:
    """inet_sk_bound_dev_eq: whether a socket that is bound to no device takes what comes by a VRF."""
    return bool(stack.ns.sysctls.number(_VRF_SETTING[packet.protocol], 0))


def vrf_evidence(stack: Stack, packet: Packet, device: int) -> list[str]:
    """Why sockets that are bound to no device do not take what came by this one; empty: they do."""
    master = vrf.of(stack.ns, device)
    if master is None or _accepts_vrf(stack, packet):
        return []
    return [f"{master.name} is a VRF, and {_VRF_SETTING[packet.protocol]} = 0"]


def _score(socket: Socket, packet: Packet) -> int | None:
    score = 4 if socket.device else 0
    if socket.local.version != packet.family:
        if socket.local.version == 4 or socket.v6only:
            return None
        mapped = getattr(socket.local, "ipv4_mapped", None)
        if mapped is not None:
            return score + 2 if mapped == packet.dst else None
        return score if wildcard(socket.local) else None
    if wildcard(socket.local):
        return score + (1 if packet.family == socket.local.version else 0)
    return score + 2 if socket.local == packet.dst else None

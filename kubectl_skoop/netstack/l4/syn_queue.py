"""Half-open connections of a listener, which only count where SYN cookies are off (tcp_conn_request)."""

from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack import gap
from kubectl_skoop.netstack.l4.socket_types import Socket
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.stack import Stack

COOKIES, MOST = "net.ipv4.tcp_syncookies", "net.ipv4.tcp_max_syn_backlog"
DEFAULT_MOST = 128


def takes(stack: Stack, listener: Socket, packet: Packet) -> bool:
    """False: the SYN is dropped, or may be; that is told."""
    sysctls, reason = stack.ns.sysctls, gap.unread(stack, COOKIES)
    if sysctls.number(COOKIES, 1) and not reason:
        return True
    listeners, waiting = on_port(stack.ns, listener.port)
    if not waiting:
        return True
    where, most = f"port {listener.port} of {stack.ns.place}", sysctls.number(MOST, DEFAULT_MOST)
    evidence = [f"half-open: {waiting}, backlog {listener.backlog}", f"{COOKIES} = 0, {MOST} = {most}"]
    if waiting > listener.backlog and listeners == 1 and not reason:
        stack.lose(
            "socket.backlog",
            packet,
            f"{where} has {waiting} half-open connections and takes {listener.backlog}",
            evidence=evidence,
            remedy=f"sysctl -w {COOKIES}=1, or raise the program's backlog and net.core.somaxconn",
        )
        return False
    if waiting >= listener.backlog and not reason:
        reason = f"whether there is room for one more half-open connection at {where}"
    elif most - waiting < most >> 2 and not reason:
        reason = (
            f"whether {where} has met {packet.src} before: the last quarter of {MOST} is for those it has"
        )
    if not reason or stack.choices.undecided(Unknown(reason)):
        return True
    stack.give_up("socket.backlog", packet, reason)
    return False


def on_port(ns: NetworkNamespace, port: int) -> tuple[int, int]:
    """Listeners on the port, among which half-open connections are not told apart, and those connections."""
    sockets = ns.sockets_by_port.get((Protocol.TCP, port), ())
    states = [socket.state for socket in sockets]
    return states.count("listen"), states.count("half-open")

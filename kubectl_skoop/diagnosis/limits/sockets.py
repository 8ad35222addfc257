"""Queues of listeners: full now, of connections or of half-open ones, or found full before."""

from collections import defaultdict
from collections.abc import Iterator

from kubectl_skoop.diagnosis.limits import notable
from kubectl_skoop.diagnosis.limits.measured import Measured
from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.place import Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.l4.syn_queue import COOKIES, DEFAULT_MOST, MOST, on_port


def full(measured: Measured) -> Iterator[Suspicion]:
    """Listeners that take no more connections (sk_acceptq_is_full)."""
    for socket in measured.ns.sockets:
        if socket.state == "listen" and socket.queue > socket.backlog:
            local = f"[{socket.local}]" if socket.local.version == 6 else str(socket.local)
            yield Suspicion(
                code="socket.backlog",
                level=Level.WARNING,
                where=Where(measured.ns.place),
                message=f"the queue of the listener {local}:{socket.port} is full",
                evidence=(f"LISTEN {socket.queue} {socket.backlog} {local}:{socket.port}",),
                remedy="the program accepts too slowly; raise its backlog and net.core.somaxconn",
            )


def half_open(measured: Measured) -> Iterator[Suspicion]:
    """Without SYN cookies: listeners that take no more SYNs, or only of peers that they have met before
    (tcp_conn_request). Of several on one port it is not known which has the connections."""
    sysctls = measured.ns.sysctls
    if sysctls.number(COOKIES, 1):
        return
    most = sysctls.number(MOST, DEFAULT_MOST)
    room: dict[int, int] = defaultdict(int)
    for socket in measured.ns.sockets:
        if socket.protocol == Protocol.TCP and socket.state == "listen":
            room[socket.port] += socket.backlog
    for port, backlog in room.items():
        _, waiting = on_port(measured.ns, port)
        if waiting >= backlog:
            what = f"as many as its listener takes ({backlog})"
        elif most - waiting < most >> 2:
            what = f"more than three quarters of {MOST}"
        else:
            continue
        if waiting:
            yield Suspicion(
                code="socket.backlog",
                level=Level.WARNING,
                where=Where(measured.ns.place),
                message=f"port {port} has {waiting} half-open connections, {what}, and SYN cookies are off",
                evidence=(f"half-open: {waiting}, backlog {backlog}", f"{COOKIES} = 0, {MOST} = {most}"),
                remedy=f"sysctl -w {COOKIES}=1, or raise the program's backlog and net.core.somaxconn",
            )


def overflowed(measured: Measured) -> Iterator[Suspicion]:
    """Connections that found a listener's queue full (TcpExt ListenOverflows, ListenDrops)."""
    counters = measured.counters
    if notable(counters.listen_drops, counters.accepted):
        yield Suspicion(
            code="socket.overflowed",
            level=Level.INFO,
            where=Where(measured.ns.place),
            message="connections were dropped at a listener's queue",
            evidence=(
                f"ListenOverflows {counters.overflows} ListenDrops {counters.listen_drops} "
                f"PassiveOpens {counters.accepted}",
            ),
            remedy="look whether they still grow (nstat -az TcpExtListenDrops), and which is full (ss -ltn)",
        )

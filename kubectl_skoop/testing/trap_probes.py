"""The flows of a trap lab, sent for real."""

import errno
import os
import select
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Protocol

from kubectl_skoop.testing.looking import LOOKS
from kubectl_skoop.testing.netns import Namespace, entered
from kubectl_skoop.testing.trap_flow import NUMBERS, Flow, Told
from kubectl_skoop.testing.trap_lab import Listener
from kubectl_skoop.testing.unused import bind_unused

QUIET = 0.22
"""Seconds without any event after which the rest counts as lost; above the neighbours' timers of a trap lab,
below a SYN's first repetition."""
BULK = 120_000
FRAGMENT_HEADER = 8
"""Bytes of IPv6's."""
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_NOT_CUT: Mapping[int, Sequence[tuple[int, int, int]]] = {
    socket.AF_INET: ((socket.IPPROTO_IP, 10, 2),),
    socket.AF_INET6: ((socket.IPPROTO_IPV6, 23, 2), (socket.IPPROTO_IPV6, 62, 1)),
}
"""IP_MTU_DISCOVER, IPV6_MTU_DISCOVER: PMTUDISC_DO; IPV6_DONTFRAG."""
_ERRORS: Mapping[int, tuple[int, ...]] = {socket.AF_INET: (3, 11), socket.AF_INET6: (1, 2, 3)}
"""Types of ICMP and ICMPv6 errors, redirects apart."""


class Asked(Protocol):
    """A lab by the parts that are needed to ask it."""

    @property
    def namespaces(self) -> Mapping[str, Namespace]: ...

    @property
    def listeners(self) -> Sequence[Listener]: ...


def ask(lab: Asked, flows: Sequence[Flow], *, quiet: float = QUIET) -> list[str]:
    """What the kernel does with the flows, all sent at once; they end after `quiet` seconds without event."""
    clients = []
    servers = {listener.socket.fileno(): _Answerer(listener) for listener in lab.listeners}
    taps: dict[int, tuple[str, socket.socket]] = {}
    try:
        for host in {flow.host for flow in flows}:
            for family, protocol in (
                (socket.AF_INET, socket.IPPROTO_ICMP),
                (socket.AF_INET6, socket.IPPROTO_ICMPV6),
            ):
                with entered(lab.namespaces[host].path):
                    tap = socket.socket(family, socket.SOCK_RAW, protocol)
                tap.setblocking(False)
                taps[tap.fileno()] = host, tap
        for flow in flows:
            with entered(lab.namespaces[flow.host].path):
                clients.append(Client(flow))
        _pump(clients, servers, taps, quiet)
        return [str(client.told(servers.values(), alone=len(clients) == 1)) for client in clients]
    finally:
        for client in clients:
            client.socket.close()
        for _, tap in taps.values():
            tap.close()
        for server in servers.values():
            server.close()


def _pump(
    clients: "Sequence[Client]",
    servers: "Mapping[int, _Answerer]",
    taps: Mapping[int, tuple[str, socket.socket]],
    quiet: float,
) -> None:
    poll = select.epoll()
    by_number: dict[int, Client | _Answerer | _Connection] = dict(servers)
    for number in [*servers, *taps]:
        poll.register(number, select.EPOLLIN)
    for client in clients:
        if not client.done:
            by_number[client.socket.fileno()] = client
            poll.register(client.socket.fileno(), select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
    in_vain = 0
    while in_vain < LOOKS and not all(client.done for client in clients):
        events = poll.poll(quiet / LOOKS)
        in_vain = 0 if events else in_vain + 1
        for number, _ in events:
            if number in taps:
                host, tap = taps[number]
                _read_errors(host, tap, clients)
                continue
            for connection in by_number[number].step():
                by_number[connection.socket.fileno()] = connection
                poll.register(connection.socket.fileno(), select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
    for _, (host, tap) in taps.items():
        _read_errors(host, tap, clients)
    poll.close()


def _read_errors(host: str, tap: socket.socket, clients: "Sequence[Client]") -> None:
    for _ in range(100):
        try:
            data, (source, *_rest) = tap.recvfrom(2048)
        except BlockingIOError:
            return
        start = 20 if tap.family == socket.AF_INET else 0
        kind, code = data[start : start + 2]
        if kind in _ERRORS[tap.family]:
            quoted = data[start + 8 :]
            for client in clients:
                if client.flow.host == host and source != client.local and client.sent(quoted):
                    client.errors.add(f"icmp {kind}/{code} from {source}")


class _Answerer:
    """A listener: accepts, or answers datagrams."""

    def __init__(self, listener: Listener) -> None:
        self.socket, self.host, self.protocol = listener.socket, listener.host, listener.protocol
        self.connections: list[_Connection] = []
        self.peers: list[tuple[str, int]] = []

    def step(self) -> "Iterator[_Connection]":
        if self.protocol == "udp":
            try:
                _, peer = self.socket.recvfrom(70000)
                self.peers.append((_plain(peer[0]), peer[1]))
                self.socket.sendto(b"pong", peer)
            except OSError:
                return
            return
        try:
            accepted, peer = self.socket.accept()
        except OSError:
            return
        accepted.setblocking(False)
        self.peers.append((_plain(peer[0]), peer[1]))
        connection = _Connection(accepted)
        self.connections.append(connection)
        yield connection

    def close(self) -> None:
        for connection in self.connections:
            connection.socket.close()


def _plain(address: str) -> str:
    return address.removeprefix("::ffff:")


class _Connection:
    """The server's side: reads a length and as many bytes, sends as many back."""

    def __init__(self, accepted: socket.socket) -> None:
        self.socket = accepted
        self._head = b""
        self._count = 0
        self._to_send = 0
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def step(self) -> "Iterator[_Connection]":
        try:
            while not self._to_send and (data := self.socket.recv(1 << 17)):
                if len(self._head) < 4:
                    self._head += data[:4]
                self._count += len(data)
                if self._count == struct.unpack("!I", self._head)[0]:
                    self._to_send = self._count
            while self._to_send:
                self._to_send -= self.socket.send(bytes(self._to_send))
        except OSError:
            pass
        yield from ()


class Client:
    """One flow, from the socket that sends it."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.errors: set[str] = set()
        self._symptom = ""
        self._received = 0
        family = socket.AF_INET6 if ":" in flow.address else socket.AF_INET
        kind = socket.SOCK_STREAM if flow.protocol == "tcp" else socket.SOCK_DGRAM
        echo = socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6
        protocol = echo if flow.protocol == "icmp" else 0
        self.protocol = protocol or NUMBERS[flow.protocol]
        if flow.uid:
            os.setresuid(flow.uid, flow.uid, 0)
        try:
            self.socket = socket.socket(family, kind, protocol)
        finally:
            if flow.uid:
                os.setresuid(0, 0, 0)
        self.socket.setblocking(False)
        if flow.bound:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, flow.device.encode())
        if flow.df:
            for level, option, value in _NOT_CUT[family]:
                self.socket.setsockopt(level, option, value)
        if flow.protocol == "icmp":
            level, option = (
                (socket.IPPROTO_IP, _IP_RECVERR)
                if family == socket.AF_INET
                else (socket.IPPROTO_IPV6, _IPV6_RECVERR)
            )
            self.socket.setsockopt(level, option, 1)
        self._to_send = b""
        self._expected = 1
        try:
            self._open()
        except OSError as error:
            self._fail(error)
        self.local, self.port = self.socket.getsockname()[:2]

    @property
    def done(self) -> bool:
        return bool(self._symptom)

    def _open(self) -> None:
        flow = self.flow
        if flow.protocol == "udp" and not flow.sport:
            bind_unused(self.socket, flow.source)
        elif flow.source or flow.sport:
            self.socket.bind((flow.source or "0.0.0.0", flow.sport))
        if flow.protocol == "tcp":
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            count = BULK if flow.bulk else (flow.segment or flow.size or 140) - 40
            self._to_send = struct.pack("!I", count) + bytes(count - 4)
            self._expected = count
            error = self.socket.connect_ex(self._target())
            if error not in (0, errno.EINPROGRESS):
                raise OSError(error, os.strerror(error))
            return
        self.socket.connect(self._target())
        headers = 28 if self.socket.family == socket.AF_INET else 48
        payload = bytes(flow.size - headers if flow.size else 4 if flow.protocol == "udp" else 56)
        if flow.protocol == "icmp":
            payload = (
                struct.pack("!BBHHH", 8 if self.protocol == socket.IPPROTO_ICMP else 128, 0, 0, 0, 1)
                + payload
            )
        self.socket.send(payload)

    def _target(self) -> tuple[str, int] | tuple[str, int, int, int]:
        flow = self.flow
        if not flow.device or flow.bound:
            return flow.address, flow.port
        return flow.address, flow.port, 0, socket.if_nametoindex(flow.device)

    def _fail(self, error: OSError) -> None:
        self._symptom = os.strerror(error.errno or 0).lower()

    def step(self) -> "Iterator[_Connection]":
        """What ended stays as it ended: the kernel wakes twice for one error (tcp_done_with_error), and a
        socket that has told it is a broken pipe."""
        try:
            if not self.done:
                self._step()
        except BlockingIOError:
            pass
        except OSError as error:
            self._fail(error)
        yield from ()

    def _step(self) -> None:
        if error := self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(error, os.strerror(error))
        while self._to_send:
            try:
                self._to_send = self._to_send[self.socket.send(self._to_send) :]
            except BlockingIOError:
                break
        while data := self.socket.recv(1 << 17):
            self._received += len(data)
            if self._received >= self._expected:
                self._symptom = "answer"

    def sent(self, quoted: bytes) -> bool:
        """Whether an IP packet that an ICMP error quotes is of this flow."""
        flow = self.flow
        if quoted[0] >> 4 == 4:
            protocol, target, body = quoted[9], quoted[16:20], quoted[20:]
        else:
            protocol, target, body = quoted[6], quoted[24:40], quoted[40:]
        if protocol not in (self.protocol, socket.IPPROTO_FRAGMENT) or ip_address(target) != ip_address(
            flow.address
        ):
            return False
        if protocol == socket.IPPROTO_FRAGMENT:
            body = body[FRAGMENT_HEADER:]
        return self.protocol not in (6, 17) or struct.unpack("!H", body[:2])[0] == self.port

    def told(self, servers: Iterable[_Answerer], *, alone: bool) -> Told:
        """`alone`: everything that the servers saw is of this flow, whatever became of its source port."""
        told = Told(self._symptom or "timeout", errors=self.errors)
        for server in servers:
            if server.protocol == self.flow.protocol:
                told.seen |= {
                    f"{server.host} sees {address}"
                    for address, port in server.peers
                    if alone or port == self.port
                }
        return told

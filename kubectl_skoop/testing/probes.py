"""Real packets: all flows of a lab are sent at once, then collected; what the sender sees is the truth."""

import errno
import fcntl
import os
import selectors
import socket
import struct
import termios
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from kubectl_skoop.testing.capture import (
    TOKEN_LENGTH,
    Capture,
    Sighting,
    choose_sequence,
    token,
    token_number,
)
from kubectl_skoop.testing.flows import Flow
from kubectl_skoop.testing.listeners import Listener, Listeners
from kubectl_skoop.testing.looking import LOOKS
from kubectl_skoop.testing.netns import Namespace, entered
from kubectl_skoop.testing.unused import bind_unused, unused_echo_ids

QUIET = 0.3
"""Seconds without any event after which the rest counts as lost; below a SYN's first repetition at 1 s."""
BULK = 200_000
"""Bytes sent each way after the handshake of a bulk flow."""
ANSWER, TIMEOUT = "answer", "timeout"

_BANNER_LENGTH = 64
_TCP_ESTABLISHED = 1
_IP_MTU_DISCOVER, _PMTUDISC_DONT, _PMTUDISC_DO = 10, 0, 2
_ICMP_ECHO, _ICMP_ECHO_REPLY, _ICMP_UNREACHABLE, _ICMP_TIME_EXCEEDED = 8, 0, 3, 11
_UNREACHABLE_ERRORS = {
    0: errno.ENETUNREACH,
    2: errno.ENOPROTOOPT,
    3: errno.ECONNREFUSED,
    4: errno.EMSGSIZE,
    6: errno.ENETUNREACH,
    9: errno.ENETUNREACH,
    11: errno.ENETUNREACH,
}
"""net/ipv4/icmp.c, icmp_err_convert; the others are EHOSTUNREACH."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one flow."""

    symptom: str
    """`answer`, `timeout`, or the text of the error that the sender gets, in lower case."""
    served_by: str = ""
    """The listener's place."""
    seen_source: str = ""
    """The source address that the listener saw."""
    connected: bool = False
    """TCP: the handshake ended well."""
    large: str = ""
    """Bulk flows: `passes`, or which way it stops: `request stops`, `reply stops`."""
    detail: str = ""
    """The ICMP message that was the answer."""
    trail: tuple[Sighting, ...] = ()

    @property
    def last_seen(self) -> str:
        return str(self.trail[-1]) if self.trail else "never sent"

    @property
    def answered(self) -> bool:
        """The reply set out: the request was not lost."""
        return any(sighting.direction == "reply" for sighting in self.trail)


class Lab(Protocol):
    """Namespaces by the name of their place, and who listens in them."""

    @property
    def namespaces(self) -> Mapping[str, Namespace]: ...
    @property
    def listeners(self) -> Listeners: ...


def run_flows(lab: Lab, flows: Sequence[Flow], *, quiet: float = QUIET) -> dict[Flow, Outcome]:
    """Send all flows, answer them, wait until nothing happens any more."""
    with Capture(lab.namespaces) as capture, selectors.DefaultSelector() as loop:
        clients = [
            _client(lab.namespaces[flow.source_place], flow, number)
            for number, flow in enumerate(flows, start=1)
        ]
        servers: list[_Connection] = []
        for listener in lab.listeners:
            if listener.accepts:
                loop.register(listener.socket, selectors.EVENT_READ, listener)
        for client in clients:
            if not client.done:
                loop.register(client.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, client)
        in_vain = 0
        while in_vain < LOOKS and not all(client.done for client in clients):
            in_vain += 1
            for key, events in loop.select(quiet / LOOKS):
                if _handle(loop, key, events, servers):
                    in_vain = 0
        trails = capture.trails()
        for connection in servers:
            connection.socket.close()
        outcomes = {client.flow: client.outcome(trails.get(client.number, ())) for client in clients}
        for client in clients:
            client.socket.close()
    return outcomes


class _Client(Protocol):
    flow: Flow
    number: int
    socket: socket.socket
    done: bool

    def step(self, events: int) -> int: ...
    def outcome(self, trail: tuple[Sighting, ...]) -> Outcome: ...


def _handle(
    loop: selectors.BaseSelector, key: selectors.SelectorKey, events: int, servers: "list[_Connection]"
) -> bool:
    """True if something happened. A handler says which events it waits for next; 0: it is done."""
    match key.data:
        case Listener(protocol="tcp") as listener:
            try:
                accepted, (peer, _) = listener.socket.accept()
            except OSError:
                return False
            accepted.setblocking(False)
            connection = _Connection(accepted, listener.place, peer)
            servers.append(connection)
            loop.register(accepted, selectors.EVENT_READ, connection)
        case Listener() as listener:
            try:
                payload, peer = listener.socket.recvfrom(2048)
                listener.socket.sendto(payload[:TOKEN_LENGTH] + _banner(listener.place, peer[0]), peer)
            except OSError:
                return False
        case handler:
            wanted = handler.step(events)
            if not wanted:
                loop.unregister(key.fileobj)
            elif wanted != key.events:
                loop.modify(key.fileobj, wanted, handler)
    return True


def _banner(place: str, peer: str) -> bytes:
    return f"{place} {peer}".encode().ljust(_BANNER_LENGTH)


class _Connection:
    """The listener's side: read a header, name yourself, read what was announced, send as much back."""

    def __init__(self, accepted: socket.socket, place: str, peer: str) -> None:
        self.socket, self._place, self._peer = accepted, place, peer
        self._received = b""
        self._count = 0
        self._to_send = b""

    def step(self, events: int) -> int:
        try:
            return self._step(events)
        except BlockingIOError:
            return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._to_send else 0)
        except OSError:
            return 0

    def _step(self, events: int) -> int:
        if events & selectors.EVENT_READ:
            data = self.socket.recv(1 << 16)
            if not data:
                return 0
            before = self._count
            self._count += len(data)
            if before < 4:
                self._received += data
                if self._count >= 4:
                    self._to_send += _banner(self._place, self._peer)
            announced = struct.unpack_from("!I", self._received)[0] if self._count >= 4 else 0
            if announced and self._count == 4 + announced:
                self._to_send += bytes(announced)
        if self._to_send:
            self._to_send = self._to_send[self.socket.send(self._to_send) :]
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._to_send else 0)


def _client(namespace: Namespace, flow: Flow, number: int) -> _Client:
    with entered(namespace.path):
        match flow.protocol:
            case "tcp":
                return _Tcp(flow, number)
            case "udp":
                return _Udp(flow, number)
            case "icmp":
                return _Echo(flow, number)


def _error_text(number: int) -> str:
    return os.strerror(number).lower()


class _Tcp:
    def __init__(self, flow: Flow, number: int) -> None:
        self.flow, self.number, self.done = flow, number, False
        self._error = 0
        self._connected = False
        self._to_send = struct.pack("!I", BULK if flow.bulk else 0)
        self._banner = b""
        self._received = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        choose_sequence(self.socket, number)
        error = self.socket.connect_ex((flow.address, flow.port))
        if error not in (0, errno.EINPROGRESS):
            self._error, self.done = error, True

    def step(self, events: int) -> int:
        try:
            return self._step(events)
        except BlockingIOError:
            return selectors.EVENT_READ
        except OSError as error:
            return self._fail(error.errno or 0)

    def _fail(self, error: int) -> int:
        self._error, self.done = error, True
        return 0

    def _step(self, events: int) -> int:
        if not self._connected:
            error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error and not self._established():
                return self._fail(error)
            self._connected = True
        if events & selectors.EVENT_READ:
            data = self.socket.recv(1 << 16)
            if not data:
                return self._fail(errno.ECONNRESET)
            had_banner = len(self._banner) == _BANNER_LENGTH
            missing = _BANNER_LENGTH - len(self._banner)
            self._banner += data[:missing]
            self._received += len(data[missing:])
            if not had_banner and len(self._banner) == _BANNER_LENGTH and self.flow.bulk:
                self._to_send += bytes(BULK)
        if self._to_send:
            self._to_send = self._to_send[self.socket.send(self._to_send) :]
        self.done = len(self._banner) == _BANNER_LENGTH and (not self.flow.bulk or self._received == BULK)
        if self.done:
            return 0
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._to_send else 0)

    def _established(self) -> bool:
        """SO_ERROR tells soft errors, too: of ICMP messages that end no connection (tcp_v4_err)."""
        return self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_ESTABLISHED

    def outcome(self, trail: tuple[Sighting, ...]) -> Outcome:
        if len(self._banner) < _BANNER_LENGTH:
            symptom = _error_text(self._error) if self._error else TIMEOUT
            return Outcome(symptom, connected=self._connected, trail=trail)
        place, peer = self._banner.decode().split()
        return Outcome(ANSWER, place, peer, connected=True, large=self._large(), trail=trail)

    def _large(self) -> str:
        if not self.flow.bulk:
            return ""
        if self.done:
            return "passes"
        return "reply stops" if self._all_acknowledged() else "request stops"

    def _all_acknowledged(self) -> bool:
        """TIOCOUTQ: bytes that the peer has not acknowledged."""
        left = fcntl.ioctl(self.socket, termios.TIOCOUTQ, struct.pack("i", 0))
        return not self._to_send and struct.unpack("i", left)[0] == 0


class _Udp:
    def __init__(self, flow: Flow, number: int) -> None:
        self.flow, self.number, self.done = flow, number, False
        self._error = 0
        self._answer = b""
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        bind_unused(self.socket)
        try:
            self.socket.connect((flow.address, flow.port))
            self.socket.send(token(number))
        except OSError as error:
            self._error, self.done = error.errno or 0, True

    def step(self, events: int) -> int:
        if events & selectors.EVENT_READ:
            try:
                self._answer = self.socket.recv(2048)
            except OSError as error:
                self._error = error.errno or 0
            self.done = True
            return 0
        return selectors.EVENT_READ

    def outcome(self, trail: tuple[Sighting, ...]) -> Outcome:
        if self._error:
            return Outcome(_error_text(self._error), trail=trail)
        if not self._answer:
            return Outcome(TIMEOUT, trail=trail)
        place, peer = self._answer[TOKEN_LENGTH:].decode().split()
        return Outcome(ANSWER, place, peer, trail=trail)


class _Echo:
    def __init__(self, flow: Flow, number: int) -> None:
        self.flow, self.number, self.done = flow, number, False
        self._symptom = TIMEOUT
        self._detail = ""
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self.socket.setblocking(False)
        discovery = _PMTUDISC_DO if flow.df else _PMTUDISC_DONT
        self.socket.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, discovery)
        self._id = next(unused_echo_ids)
        try:
            self.socket.sendto(self._request(), (flow.address, 0))
        except OSError as error:
            self._symptom, self.done = _error_text(error.errno or 0), True

    def _request(self) -> bytes:
        payload = token(self.number)
        payload = payload.ljust((self.flow.size or 84) - 28, b"\0")
        header = struct.pack("!BBHHH", _ICMP_ECHO, 0, 0, self._id, 1)
        return struct.pack("!BBHHH", _ICMP_ECHO, 0, checksum(header + payload), self._id, 1) + payload

    def step(self, events: int) -> int:
        if events & selectors.EVENT_READ:
            self._read()
        return 0 if self.done else selectors.EVENT_READ

    def _read(self) -> None:
        packet, (source, _) = self.socket.recvfrom(2048)
        message = packet[(packet[0] & 15) * 4 :]
        kind, code = message[0], message[1]
        if kind == _ICMP_ECHO_REPLY and token_number(message[8:]) == self.number:
            self._symptom, self.done = ANSWER, True
        elif kind in (_ICMP_UNREACHABLE, _ICMP_TIME_EXCEEDED):
            quoted = message[8:]
            echo = quoted[(quoted[0] & 15) * 4 :]
            if len(echo) >= 8 and struct.unpack_from("!H", echo, 4)[0] == self._id:
                error = _UNREACHABLE_ERRORS.get(code, errno.EHOSTUNREACH)
                error = error if kind == _ICMP_UNREACHABLE else errno.EHOSTUNREACH
                self._symptom, self._detail, self.done = (
                    _error_text(error),
                    f"{kind}/{code} from {source}",
                    True,
                )

    def outcome(self, trail: tuple[Sighting, ...]) -> Outcome:
        return Outcome(self._symptom, detail=self._detail, trail=trail)


def checksum(data: bytes) -> int:
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return 0xFFFF - ((total + (total >> 16)) & 0xFFFF)

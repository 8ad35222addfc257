"""Where the first packets of a flow and of its answer were seen, by packet sockets in every namespace.

A TCP flow is known by the sequence number of its SYN, which the sender chooses (TCP_REPAIR, tcp(7)) and no
address translation changes; UDP and ICMP by a token in the payload.
"""

import socket
import struct
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from kubectl_skoop.testing.netns import Namespace, entered

_ETH_P_ALL, _ETH_P_IP = 3, 0x0800
_SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 33, 35
_PACKET_OUTGOING = 4
_SYN, _RST, _ACK = 0x02, 0x04, 0x10
_ECHO_REPLY, _ECHO = 0, 8
_TCP_REPAIR, _TCP_REPAIR_QUEUE, _TCP_QUEUE_SEQ = 19, 20, 21
_TCP_SEND_QUEUE, _TCP_REPAIR_OFF_SILENTLY = 2, -1
_BUFFER = 8 << 20
_MAX_FLOWS = 10_000

FIRST_SEQUENCE = 0x5B000000
"""Initial sequence number of flow 0."""
TOKEN_MAGIC = b"skooplab"
TOKEN_LENGTH = len(TOKEN_MAGIC) + 4

Direction = Literal["request", "reply"]


def token(number: int) -> bytes:
    return TOKEN_MAGIC + struct.pack("!I", number)


def token_number(payload: bytes) -> int | None:
    if len(payload) < TOKEN_LENGTH or not payload.startswith(TOKEN_MAGIC):
        return None
    return int(struct.unpack_from("!I", payload, len(TOKEN_MAGIC))[0])


@dataclass(frozen=True, slots=True)
class Sighting:
    """A packet of the flow on a device."""

    time: float
    place: str
    device: str
    outgoing: bool
    direction: Direction
    source: str
    target: str

    def __str__(self) -> str:
        way = "out" if self.outgoing else "in"
        return f"{self.place} {self.device} {way} {self.source} > {self.target}"


@dataclass(frozen=True, slots=True)
class _Seen:
    time: float
    place: str
    device: str
    outgoing: bool
    packet: bytes


class Capture:
    """Packet sockets in the namespaces, from entering to leaving."""

    def __init__(self, namespaces: Mapping[str, Namespace]) -> None:
        self._namespaces = namespaces
        self._sockets: dict[str, socket.socket] = {}

    def __enter__(self) -> Self:
        for place, namespace in self._namespaces.items():
            with entered(namespace.path):
                tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
            tap.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
            tap.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            tap.setblocking(False)
            self._sockets[place] = tap
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        close_packet_sockets(self._sockets.values())

    def trails(self) -> dict[int, tuple[Sighting, ...]]:
        """By flow number, in the order of time."""
        seen = sorted(
            (one for place, tap in self._sockets.items() for one in _drain(place, tap)), key=lambda s: s.time
        )
        trails: dict[int, list[Sighting]] = {}
        for one in seen:
            known = _identify(one.packet)
            if known is not None:
                number, direction = known
                source, target = (socket.inet_ntoa(one.packet[at : at + 4]) for at in (12, 16))
                sighting = Sighting(one.time, one.place, one.device, one.outgoing, direction, source, target)
                trails.setdefault(number, []).append(sighting)
        return {number: tuple(trail) for number, trail in trails.items()}


def _drain(place: str, tap: socket.socket) -> list[_Seen]:
    seen: list[_Seen] = []
    while True:
        try:
            packet, ancillary, _, address = tap.recvmsg(256, 64)
        except BlockingIOError:
            return seen
        device, protocol, kind = address[0], address[1], address[2]
        if protocol != _ETH_P_IP or len(packet) < 28 or packet[0] >> 4 != 4:
            continue
        seconds, nanoseconds = struct.unpack_from("=qq", ancillary[0][2])
        seen.append(_Seen(seconds + nanoseconds / 1e9, place, device, kind == _PACKET_OUTGOING, packet))


def close_packet_sockets(sockets: Collection[socket.socket]) -> None:
    """All at once: closing one waits until no processor can see it any more (packet_release)."""
    with ThreadPoolExecutor(max_workers=max(1, len(sockets))) as workers:
        list(workers.map(socket.socket.close, sockets))


def keep_timestamps() -> socket.socket:
    """While this socket is open the kernel notes when it received a packet.

    It turns that on a moment after the first socket asked (net/core/dev.c, net_enable_timestamp), so a
    capture alone would come too late for its first packets.
    """
    holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    holder.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    return holder


def choose_sequence(client: socket.socket, number: int) -> None:
    """Make an unconnected TCP socket begin with the sequence number of this flow."""
    client.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 1)
    client.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR_QUEUE, _TCP_SEND_QUEUE)
    client.setsockopt(socket.IPPROTO_TCP, _TCP_QUEUE_SEQ, FIRST_SEQUENCE + number)
    client.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, _TCP_REPAIR_OFF_SILENTLY)


def _identify(packet: bytes) -> tuple[int, Direction] | None:
    body = packet[(packet[0] & 15) * 4 :]
    match packet[9]:
        case socket.IPPROTO_TCP if len(body) >= 20:
            return _identify_tcp(body)
        case socket.IPPROTO_UDP:
            number = token_number(body[8:])
            # The listeners answer with the token and their own name behind it.
            return (
                None if number is None else (number, "reply" if len(body) > 8 + TOKEN_LENGTH else "request")
            )
        case socket.IPPROTO_ICMP if body[0] in (_ECHO_REPLY, _ECHO):
            number = token_number(body[8:])
            return None if number is None else (number, "request" if body[0] == _ECHO else "reply")
    return None


def _identify_tcp(body: bytes) -> tuple[int, Direction] | None:
    sequence, acknowledged = struct.unpack_from("!II", body, 4)
    flags = body[13]
    if flags & (_SYN | _ACK) == _SYN:
        number = sequence - FIRST_SEQUENCE
        return (number, "request") if 0 < number < _MAX_FLOWS else None
    if flags & (_SYN | _RST) and flags & _ACK:
        number = acknowledged - 1 - FIRST_SEQUENCE
        return (number, "reply") if 0 < number < _MAX_FLOWS else None
    return None

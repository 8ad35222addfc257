"""What a real client sees: one question from a namespace of the cluster to an address, and its answer."""

import errno
import fcntl
import os
import socket
import struct
import termios
import time
from dataclasses import dataclass

from kubectl_skoop.testing.netns import Namespace, entered

PATIENCE = 1.5
"""Seconds without a sign of the other end's kernel; a SYN is repeated after one."""
SERVED = 15
"""Seconds that a server may take, which starts two processes for each answer."""


def _text(number: int) -> str:
    return os.strerror(number).lower()


ANSWER, SILENCE = "answer", "timeout"
REFUSED, NO_ROUTE, NO_NETWORK = _text(errno.ECONNREFUSED), _text(errno.EHOSTUNREACH), _text(errno.ENETUNREACH)


@dataclass(frozen=True, slots=True)
class Seen:
    """`symptom` has the words of `kubectl_skoop.testing.probes.Outcome`."""

    symptom: str
    served_by: str = ""
    """The host name of who answered."""
    source: str = ""
    """The client's address, as the server saw it."""


def ask(client: Namespace, address: str, port: int, *, size: int = 0, patience: float = PATIENCE) -> Seen:
    """A question by TCP to a server of `workloads.yaml`; `size`: at least so many bytes long.

    What a busy server has not answered yet is not lost: only a question that its kernel does not
    acknowledge in time is.
    """
    with entered(client.path):
        asking = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with asking:
        asking.settimeout(patience)
        try:
            asking.connect((address, port))
            asking.sendall(b"GET /cgi-bin/who HTTP/1.0\r\nPadding: " + b"x" * size + b"\r\n\r\n")
            if not _acknowledged(asking, patience):
                return Seen(SILENCE)
            asking.settimeout(SERVED)
            return _read(_everything(asking))
        except TimeoutError:
            return Seen(SILENCE)
        except OSError as error:
            return Seen(_text(error.errno or 0))


def ask_udp(
    client: Namespace,
    address: str,
    port: int,
    *,
    source_port: int = 0,
    size: int = 0,
    patience: float = PATIENCE,
) -> Seen:
    """A datagram to an `echo` server."""
    with entered(client.path):
        asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with asking:
        asking.settimeout(patience)
        try:
            asking.bind(("0.0.0.0", source_port))
            asking.connect((address, port))
            asking.send(b"?".ljust(size, b"x"))
            return _read(asking.recv(4096))
        except TimeoutError:
            return Seen(SILENCE)
        except OSError as error:
            return Seen(_text(error.errno or 0))


def handshake(client: Namespace, address: str, port: int, *, patience: float = PATIENCE) -> Seen:
    """A connection alone, to whatever listens there."""
    with entered(client.path):
        asking = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with asking:
        asking.settimeout(patience)
        try:
            asking.connect((address, port))
        except TimeoutError:
            return Seen(SILENCE)
        except OSError as error:
            return Seen(_text(error.errno or 0))
    return Seen(ANSWER)


def _acknowledged(asking: socket.socket, patience: float) -> bool:
    """The other end's kernel has all that was sent, or has reset the connection (tcp(7), SIOCOUTQ)."""
    end = time.monotonic() + patience
    while struct.unpack("i", fcntl.ioctl(asking, termios.TIOCOUTQ, bytes(4)))[0]:
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def _everything(asking: socket.socket) -> bytes:
    parts = []
    while part := asking.recv(4096):
        parts.append(part)
    return b"".join(parts)


def _read(answer: bytes) -> Seen:
    """A server names itself and the address that it saw, last."""
    words = answer.decode(errors="replace").split()
    return Seen(ANSWER, words[-2], words[-1]) if len(words) >= 2 else Seen(SILENCE)

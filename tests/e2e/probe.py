"""What a real client sees: a connection from a namespace of the cluster to an address."""

import errno
import os
import socket
from dataclasses import dataclass

from kubectl_skoop.testing.netns import Namespace, entered

TIMEOUT = 2.0
"""Seconds; a SYN is repeated after one."""
ANSWER, REFUSED, SILENCE = "answer", os.strerror(errno.ECONNREFUSED).lower(), "timeout"
NO_ROUTE, NO_NETWORK = os.strerror(errno.EHOSTUNREACH).lower(), os.strerror(errno.ENETUNREACH).lower()

_REQUEST = b"GET /cgi-bin/who HTTP/1.0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Seen:
    """`symptom` has the words of `kubectl_skoop.testing.probes.Outcome`."""

    symptom: str
    served_by: str = ""
    """The host name of who answered."""
    source: str = ""
    """The client's address, as the server saw it."""

    @property
    def answered(self) -> bool:
        return self.symptom == ANSWER


def connect(client: Namespace, address: str, port: int, *, timeout: float = TIMEOUT) -> Seen:
    """A TCP connection to a server of `workloads.yaml`, and its answer."""
    with entered(client.path):
        asking = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with asking:
        asking.settimeout(timeout)
        try:
            asking.connect((address, port))
            asking.sendall(_REQUEST)
            answer = _read(asking)
        except TimeoutError:
            return Seen(SILENCE)
        except OSError as error:
            return Seen(os.strerror(error.errno or 0).lower())
    words = answer.decode(errors="replace").split()
    return Seen(ANSWER, *words[-2:]) if len(words) > 2 else Seen(SILENCE)


def open_port(client: Namespace, address: str, port: int, *, timeout: float = TIMEOUT) -> str:
    """The symptom of a connection alone, to whatever listens there."""
    with entered(client.path):
        asking = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with asking:
        asking.settimeout(timeout)
        try:
            asking.connect((address, port))
        except TimeoutError:
            return SILENCE
        except OSError as error:
            return os.strerror(error.errno or 0).lower()
    return ANSWER


def _read(asking: socket.socket) -> bytes:
    parts = []
    while part := asking.recv(4096):
        parts.append(part)
    return b"".join(parts)

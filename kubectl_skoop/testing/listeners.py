"""The servers of a lab: sockets in its namespaces that say who they are."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kubectl_skoop.testing.netns import Namespace, entered

BACKLOG = 128


@dataclass(frozen=True, slots=True)
class Listener:
    place: str
    protocol: Literal["tcp", "udp"]
    port: int
    socket: socket.socket
    accepts: bool = True
    """False: connections stay in its queue."""


class Listeners:
    """Open sockets by place, protocol and port; `probes` answers on them."""

    def __init__(self) -> None:
        self._open: list[Listener] = []
        self._held: list[socket.socket] = []

    def __iter__(self) -> Iterator[Listener]:
        return iter(self._open)

    def open(
        self,
        namespace: Namespace,
        place: str,
        protocol: Literal["tcp", "udp"],
        port: int,
        *,
        address: str = "0.0.0.0",
        backlog: int = BACKLOG,
        accepts: bool = True,
    ) -> None:
        kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
        with entered(namespace.path):
            server = socket.socket(socket.AF_INET, kind)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, port))
        if protocol == "tcp":
            server.listen(backlog)
        server.setblocking(False)
        self._open.append(Listener(place, protocol, port, server, accepts))

    def shut(self, place: str, protocol: str, port: int) -> None:
        """Close what listens there."""
        for listener in [
            one for one in self._open if (one.place, one.protocol, one.port) == (place, protocol, port)
        ]:
            listener.socket.close()
            self._open.remove(listener)

    def hold(self, connection: socket.socket) -> None:
        """Keep a connection open as long as the lab."""
        self._held.append(connection)

    def close(self) -> None:
        for connection in self._held:
            connection.close()
        for listener in self._open:
            listener.socket.close()
        self._open.clear()

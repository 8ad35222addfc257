"""Sockets as INET_DIAG gives them."""

from typing import Literal, NamedTuple

from kubectl_skoop.model.packet import Address

SocketState = Literal["listen", "established", "half-open", "unconnected", "other"]
"""`half-open`: a SYN was answered, and the last ACK of the handshake has not come (SYN_RECV)."""


class Socket(NamedTuple):
    """A socket that may take packets."""

    protocol: int
    state: SocketState
    local: Address
    port: int
    remote: Address | None = None
    remote_port: int = 0
    device: int = 0
    """SO_BINDTODEVICE index; 0: any."""
    v6only: bool = False
    queue: int = 0
    """Listener: connections that wait to be accepted."""
    backlog: int = 0
    """Listener: how many may wait."""
    uid: int = 0
    mark: int = 0
    transparent: bool = False
    inode: int = 0

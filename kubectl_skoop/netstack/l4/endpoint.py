"""The two ends of a flow as sockets of this branch."""

from dataclasses import dataclass, field
from typing import NamedTuple

from kubectl_skoop.model.packet import Address, Owner
from kubectl_skoop.netstack.l4.socket_types import Socket

TIMEOUT = "timeout"


@dataclass(eq=False, slots=True, kw_only=True)
class Client:
    """The socket that asks. `symptom` is what its program sees in the end."""

    protocol: int
    local: Address
    port: int
    """Source port; for ICMP the echo's id."""
    remote: Address
    remote_port: int
    owner: Owner
    established: bool = False
    answered: bool = False
    """A datagram or an echo reply came back; for TCP: the server's data."""
    symptom: str = TIMEOUT
    failed: bool = False
    """An error ended it; nothing that comes later changes that."""
    mss: int = 0
    """Largest TCP payload that it may send, bytes."""
    device: int = 0
    """Index of the device that a link-local peer is behind; 0: the route decides."""
    df: bool = True

    def wait(self) -> None:
        """For an answer, whatever came before."""
        self.answered, self.symptom = False, TIMEOUT

    def fail(self, symptom: str) -> None:
        if not self.failed and not self.answered:
            self.symptom, self.failed = symptom, True


@dataclass(eq=False, slots=True, kw_only=True)
class Server:
    """A connection that a listener made of a SYN, or a socket that got a datagram."""

    protocol: int
    local: Address
    port: int
    remote: Address
    remote_port: int
    socket: Socket
    established: bool = False
    received: int = 0
    """TCP payload so far, bytes."""
    mss: int = 0
    device: int = 0
    """As of a Client."""


class Refusal(NamedTuple):
    """The local kernel refuses to send: errno name and what the program sees."""

    symptom: str


SYMPTOMS = {
    "EACCES": "permission denied",
    "EADDRNOTAVAIL": "cannot assign requested address",
    "ECONNREFUSED": "connection refused",
    "EHOSTUNREACH": "no route to host",
    "EINVAL": "invalid argument",
    "EMSGSIZE": "message too long",
    "ENODEV": "no such device",
    "ENETUNREACH": "network is unreachable",
    "ENOPROTOOPT": "protocol not available",
    "EPERM": "operation not permitted",
}
"""strerror of what connect and send return, in lower case."""


class Ports(NamedTuple):
    """Where ephemeral ports come from (net.ipv4.ip_local_port_range), inclusive."""

    low: int = 32768
    high: int = 60999
    taken: frozenset[int] = field(default_factory=frozenset)

    def first_free(self) -> int | None:
        return next((port for port in range(self.low, self.high + 1) if port not in self.taken), None)

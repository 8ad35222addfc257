"""The request as a packet and its sender."""

from typing import NamedTuple

from kubectl_skoop.model.packet import Address, Owner
from kubectl_skoop.model.place import Endpoint


class Probe(NamedTuple):
    """One flow to walk: who sends what to whom."""

    source: Endpoint
    destination: Endpoint
    protocol: int
    """IP protocol number."""
    dport: int = 0
    sport: int = 0
    """0: the kernel picks one."""
    size: int = 0
    """IP total length, bytes; 0: a SYN, an empty datagram, a default echo."""
    df: bool = False
    owner: Owner = Owner()
    bind_source: Address | None = None
    """The address that the sending socket is bound to."""
    device: str = ""
    """Which link a link-local destination is on (sin6_scope_id), else what the socket is bound to
    (SO_BINDTODEVICE); empty: not said."""
    connected: bool = True
    """A connected socket looks its route up again with the chosen source (K-42)."""

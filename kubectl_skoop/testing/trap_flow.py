"""Flows between the hosts of a trap lab, and what became of them, as text."""

from dataclasses import dataclass, field
from ipaddress import ip_address

from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.testing.trap_lab import TCP_PORT, UDP_PORT

NUMBERS = {"tcp": Protocol.TCP, "udp": Protocol.UDP, "icmp": Protocol.ICMP}
PORTS = {"tcp": TCP_PORT, "udp": UDP_PORT, "icmp": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """`a tcp 10.2.0.2` with options; see `parse_flow`."""

    host: str
    protocol: str
    address: str
    port: int
    device: str = ""
    """Of a link-local address, or that the socket is bound to, behind a `%`."""
    size: int = 0
    """IP total length of the request, bytes; 0: small."""
    df: bool = False
    bulk: bool = False
    segment: int = 0
    source: str = ""
    sport: int = 0
    uid: int = 0
    existing: bool = False
    """Walked only: the conntrack entries of the snapshot count, too."""

    @property
    def bound(self) -> bool:
        """The socket is bound to the device (SO_BINDTODEVICE)."""
        return bool(self.device) and not ip_address(self.address).is_link_local


def parse_flow(text: str) -> Flow:
    """`HOST tcp|udp|icmp ADDRESS[:PORT]`, an IPv6 address in brackets; behind it
    `size=N df bulk segment=N from=ADDRESS sport=N uid=N existing`.
    """
    host, protocol, target, *words = text.split()
    address, port = target, ""
    if target.count(":") == 1 or "]:" in target:
        address, _, port = target.rpartition(":")
    address, _, device = address.strip("[]").partition("%")
    options = dict(word.partition("=")[::2] for word in words)
    return Flow(
        host=host,
        protocol=protocol,
        address=address,
        device=device,
        port=int(port or PORTS[protocol]),
        size=int(options.get("size", 0)),
        df="df" in options,
        bulk="bulk" in options,
        segment=int(options.get("segment", 0)),
        source=options.get("from", ""),
        sport=int(options.get("sport", 0)),
        uid=int(options.get("uid", 0)),
        existing="existing" in options,
    )


@dataclass(slots=True)
class Told:
    """What became of a flow; as text `answer, b sees 10.1.0.2`, `timeout, icmp 3/1 from 10.1.0.1`."""

    symptom: str
    seen: set[str] = field(default_factory=set)
    """Each server that the request reached, with the source that it saw."""
    errors: set[str] = field(default_factory=set)
    """ICMP errors of others that reached the sender."""

    def __str__(self) -> str:
        return ", ".join([self.symptom, *sorted(self.seen), *sorted(self.errors)])

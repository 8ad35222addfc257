"""What becomes of a packet at a hook."""

from typing import NamedTuple

from kubectl_skoop.model.packet import Packet
from kubectl_skoop.model.trace import Trace
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.routing.way import OutputRoute


class Passed(NamedTuple):
    """The packet goes on, as the hook left it."""

    packet: Packet
    reroute: bool = False
    """At OUTPUT: the route must be looked up again (ip_route_me_harder, K-12)."""
    route_mark: int = 0
    """The mark that this lookup uses: later chains may have changed the packet's."""


class Dropped(NamedTuple):
    """A chain dropped it."""

    trace: Trace
    packet: Packet


class Rejected(NamedTuple):
    """A chain dropped it and has its sender told."""

    kind: str
    """`tcp-reset`, or the ICMP code as iptables names it."""
    trace: Trace
    packet: Packet


class Stolen(NamedTuple):
    """Its fate cannot be told from here on."""

    unknown: Unknown
    trace: Trace


class Scheduled(NamedTuple):
    """IPVS sends it to a real server on another host: it goes through OUTPUT and POSTROUTING."""

    packet: Packet
    route: OutputRoute


class Unserved(NamedTuple):
    """No rule drops it: IPVS cannot send it on, or there is no room for its connection."""

    because: str
    icmp: tuple[int, int] | None
    """Type and code of the answer; None: dropped silently."""
    trace: Trace
    packet: Packet
    code: str = "ipvs.unserved"
    remedy: str = ""


Outcome = Passed | Dropped | Rejected | Stolen | Scheduled | Unserved

"""Where a packet goes: the results of routing it."""

from typing import Literal, NamedTuple

from kubectl_skoop.model.packet import Address, Passage
from kubectl_skoop.netstack.routing.lookup import FailedKind, RouteErrno
from kubectl_skoop.netstack.routing.realm import Realm
from kubectl_skoop.netstack.routing.source import SourceProblem
from kubectl_skoop.netstack.routing.types import PolicyRule, Route, RouteType

RefusedKind = FailedKind | Literal["source", "martian-destination", "multicast", "forwarding-disabled"]
RouteErrorKind = FailedKind | Literal["source", "device", "destination"]


class Local(NamedTuple):
    """Delivered here."""

    route: Route | None
    rule: PolicyRule | None = None
    realm: Realm = 0


class Broadcast(NamedTuple):
    """Delivered here as a broadcast."""

    route: Route | None
    """None: the limited broadcast address, which no route is asked for."""
    rule: PolicyRule | None = None
    realm: Realm = 0


class Forward(NamedTuple):
    """On to another machine."""

    device: int
    nexthop: Address | None
    """The gateway; None: the destination itself is the neighbour."""
    route: Route
    rule: PolicyRule | None
    source: Address | None = None
    """What a packet of our own would have as source by this route."""
    redirect: bool = False
    """It leaves by the device it came in by, and its sender could have asked the nexthop itself."""
    realm: Realm = 0


class Refused(NamedTuple):
    """Neither delivered nor forwarded."""

    kind: RefusedKind
    route: Route | None = None
    rule: PolicyRule | None = None
    problem: SourceProblem | None = None
    """For the kind `source`."""
    icmp: tuple[int, int] | None = None
    """Type and code of the answer; None: dropped silently."""
    evidence: tuple[str, ...] = ()


InputRoute = Local | Broadcast | Forward | Refused


def way_of(passage: Passage) -> "Local | Broadcast | Forward | OutputRoute | None":
    """The route that the packet has (skb_dst); None: it has none yet."""
    way = passage.way
    return way if isinstance(way, Local | Broadcast | Forward | OutputRoute) else None


class OutputRoute(NamedTuple):
    """Where a packet that is made here leaves, and with which source."""

    device: int
    nexthop: Address | None
    """The gateway; None: the destination itself is the neighbour."""
    source: Address
    """0.0.0.0 if no device has an address."""
    route: Route | None
    """None: no route was asked or found, the destination is taken to be on the given device's link."""
    rule: PolicyRule | None = None
    type: RouteType = "unicast"
    loopback: bool = False
    """It never leaves this namespace."""
    realm: Realm = 0


class RouteError(NamedTuple):
    """What the system call of the sender fails with."""

    errno: RouteErrno
    kind: RouteErrorKind
    route: Route | None = None
    rule: PolicyRule | None = None

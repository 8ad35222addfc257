"""Routes and policy rules as netlink gives them (RTM_GETROUTE, RTM_GETRULE)."""

from ipaddress import IPv6Network
from typing import Literal, NamedTuple

from kubectl_skoop.model.packet import Address, Network, TunnelKey

RouteType = Literal[
    "unicast",
    "local",
    "broadcast",
    "anycast",
    "multicast",
    "blackhole",
    "unreachable",
    "prohibit",
    "throw",
    "nat",
]
SCOPE_UNIVERSE, SCOPE_SITE, SCOPE_LINK, SCOPE_HOST, SCOPE_NOWHERE = 0, 200, 253, 254, 255
TABLE_DEFAULT, TABLE_MAIN, TABLE_LOCAL = 253, 254, 255
PROTO_KERNEL, PROTO_BOOT, PROTO_STATIC, PROTO_BIRD = 2, 3, 4, 12


class Nexthop(NamedTuple):
    """One next hop of a route (RTA_MULTIPATH, or the only one)."""

    device: int = 0
    gateway: Address | None = None
    weight: int = 1
    onlink: bool = False
    dead: bool = False
    linkdown: bool = False
    realm: int = 0
    """RTA_FLOW: of the source in the upper 16 bits, of the destination in the lower ones."""


class Route(NamedTuple):
    """RTM_GETROUTE"""

    destination: Network
    table: int = TABLE_MAIN
    type: RouteType = "unicast"
    nexthops: tuple[Nexthop, ...] = ()
    """Empty for the error types."""
    prefsrc: Address | None = None
    metric: int = 0
    scope: int = SCOPE_UNIVERSE
    protocol: int = PROTO_BOOT
    tos: int = 0
    mtu: int = 0
    mtu_locked: bool = False
    advmss: int = 0
    nexthop_id: int = 0
    preference: int = 0
    """RTA_PREF of IPv6 (RFC 4191): 0 medium, 1 high, 3 low."""
    tunnel: TunnelKey | None = None
    """Of a route into a tunnel in external mode (`encap ip`)."""
    encap: str = ""
    """Lightweight tunnel (seg6, mpls, bpf …) that is not modelled: its name."""


class PolicyRule(NamedTuple):
    """RTM_GETRULE"""

    priority: int
    family: int
    action: Literal["lookup", "goto", "nop", "blackhole", "unreachable", "prohibit"] = "lookup"
    table: int = TABLE_MAIN
    goto: int = 0
    goto_unresolved: bool = False
    """No rule has the priority that `goto` names."""
    invert: bool = False
    source: Network | None = None
    destination: Network | None = None
    iif: str = ""
    iif_detached: bool = False
    oif: str = ""
    oif_detached: bool = False
    mark: int = 0
    mask: int = 0
    """0: the rule has no mark selector."""
    tos: int = 0
    protocol: int = 0
    sport: tuple[int, int] | None = None
    dport: tuple[int, int] | None = None
    uid: tuple[int, int] | None = None
    tunnel_id: int = 0
    """Of the packet that a tunnel in external mode took off; 0: the rule has no such selector."""
    suppress_prefix: int = -1
    suppress_group: int = -1
    l3mdev: bool = False
    realm: int = 0
    """FRA_FLOW, as `Nexthop.realm`."""
    unsupported: str = ""
    """A selector or action that is not modelled, as text: the rule is unknown."""


class AddressLabel(NamedTuple):
    """RTM_GETADDRLABEL: what the choice of an IPv6 source compares (RFC 6724, rule 6)."""

    prefix: IPv6Network
    label: int
    device: int = 0
    """Index; 0: of any."""


class RouteException(NamedTuple):
    """A cached route (RTM_F_CLONED): learned PMTU or redirect."""

    destination: Address
    mtu: int = 0
    gateway: Address | None = None
    """By a redirect another one than the route's."""
    device: int = 0
    table: int = TABLE_MAIN

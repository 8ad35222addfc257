"""What a route is looked up by (struct flowi4, flowi6)."""

from typing import NamedTuple

from kubectl_skoop.model.packet import Address, Packet

LOOPBACK_INDEX = 1
"""Index of lo in every namespace."""
DSCP_LEGACY = 0x1C
"""INET_DSCP_LEGACY_TOS_MASK: what IPv4 routes and rules see of a packet's TOS (K-49)."""


class FlowKey(NamedTuple):
    """`src` None: not chosen yet; `iif` 0: made here (rules call that `iif lo`); `oif` 0: any."""

    dst: Address
    src: Address | None = None
    iif: int = 0
    oif: int = 0
    prefers_oif: bool = False
    """IPv6: routes by other devices will do where `oif` has none (without RT6_LOOKUP_F_IFACE)."""
    link: int = 0
    """IPv6: only routes by this device count; unlike `oif` rules are not told of it (RT6_LOOKUP_F_IFACE in
    ip6_route_input_lookup)."""
    vrf: int = 0
    """Index of the VRF whose table a rule `l3mdev` leads to (flowi_l3mdev); 0: none."""
    mark: int = 0
    tos: int = 0
    uid: int = 0
    protocol: int = 0
    sport: int = 0
    dport: int = 0

    @property
    def family(self) -> int:
        """4 or 6."""
        return self.dst.version


def ports(packet: Packet) -> tuple[int, int]:
    """Source and destination port as rules see them; no fragment has any (skb_flow_dissect_flow_keys)."""
    if packet.fragment_offset or packet.more_fragments:
        return 0, 0
    return packet.sport, packet.dport

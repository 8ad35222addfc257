"""What is on the wire, and what belongs to a packet only inside one namespace."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NamedTuple

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

BROADCAST_MAC = "ff:ff:ff:ff:ff:ff"
NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT = 135, 136
ICMP_ECHO_REPLY, ICMP_UNREACHABLE, ICMP_REDIRECT, ICMP_ECHO, ICMP_TIME_EXCEEDED = 0, 3, 5, 8, 11


ETHERTYPE_8021Q, ETHERTYPE_8021AD = 0x8100, 0x88A8


class Tag(NamedTuple):
    """Of a VLAN."""

    vlan: int
    protocol: int = ETHERTYPE_8021Q


class Protocol(IntEnum):
    """IP protocol numbers (IANA)."""

    ICMP = 1
    IPIP = 4
    TCP = 6
    UDP = 17
    IPV6 = 41
    GRE = 47
    ESP = 50
    AH = 51
    ICMPV6 = 58
    COMP = 108
    SCTP = 132
    MH = 135


class TcpFlags(IntFlag):
    FIN = 0x01
    SYN = 0x02
    RST = 0x04
    PSH = 0x08
    ACK = 0x10
    URG = 0x20


NO_FLAGS = TcpFlags(0)


class Discovery(NamedTuple):
    """What a neighbour solicitation or advertisement says (RFC 4861, 4.3 and 4.4)."""

    target: IPv6Address
    mac: str = ""
    """Link-layer address option: of who asks, or of who answers; empty: absent."""
    override: bool = False
    """An advertisement that replaces what was known."""


class SealedFor(NamedTuple):
    """The ends of a WireGuard session, each by the digest of its public key; empty: not collected."""

    sender: str
    receiver: str
    preshared: bool = False
    """With a preshared key, too."""


class TunnelKey(NamedTuple):
    """What a route says of the tunnel that its packets take (struct ip_tunnel_key)."""

    id: int
    destination: Address
    source: Address | None = None
    ttl: int = 0
    tos: int = 0
    df: bool = False
    keyed: bool = False
    """GRE's header has the id; `checksum` and `sequence` likewise."""
    checksum: bool = False
    sequence: bool = False


class InUdp(NamedTuple):
    """What a tunnel put into a UDP packet (fou, gue)."""

    gue: bool
    protocol: int
    """IP protocol of what is inside."""


class IpsecHeader(NamedTuple):
    """What a state of IPsec made of a packet: the receiver's must agree."""

    protocol: int
    """ESP or AH."""
    spi: int
    mode: str
    """`transport` or `tunnel`."""
    algorithm: str
    """Names of cipher and digest."""
    source: Address
    """Of the packet as it was sealed, like `destination`: what NAT made of them since, the receiver sees."""
    destination: Address
    in_udp: bool = False
    """ESP behind a UDP header."""
    ah_length: int = 0
    """Of AH with its check value, bytes; 0: ESP."""


@dataclass(frozen=True, kw_only=True)
class Packet:
    """An IP packet in its frame. Without slots: `model.changed` makes the copies."""

    src: Address
    dst: Address
    protocol: int
    sport: int = 0
    dport: int = 0
    flags: TcpFlags = NO_FLAGS
    mss: int = 0
    """MSS option of a SYN, bytes; 0: absent."""
    icmp_type: int = 0
    icmp_code: int = 0
    icmp_id: int = 0
    icmp_mtu: int = 0
    """Next-hop MTU of ICMP 3/4, bytes."""
    discovery: Discovery | None = None
    """Of ICMPv6 135 and 136."""
    quoted: "Packet | None" = None
    """The packet that an ICMP error is about."""
    length: int = 60
    """IP total length of one segment, bytes."""
    gso: bool = False
    """A larger buffer that is cut into segments of `length` when a device cannot do it (K-35)."""
    df: bool = False
    fragment_offset: int = 0
    more_fragments: bool = False
    datagram: int = 0
    """Length of the whole datagram that this is the largest fragment of; 0: not a fragment."""
    ttl: int = 64
    tos: int = 0
    src_mac: str = ""
    dst_mac: str = ""
    vlan: int | None = None
    """Of the outer tag; None: without a tag."""
    vlan_protocol: int = ETHERTYPE_8021Q
    inner_tags: tuple[Tag, ...] = ()
    """Below the outer one."""
    vni: int | None = None
    """Network id of vxlan, key of GRE."""
    gre_checksum: bool = False
    gre_sequence: bool = False
    """GRE's header has a checksum, a sequence number."""
    in_udp: InUdp | None = None
    """Of the outer packets of tunnels by fou and gue, instead of an IP protocol of their own."""
    sealed: SealedFor | None = None
    """Of the outer packets of WireGuard."""
    ipsec: IpsecHeader | None = None
    """Of the outer packets of IPsec."""
    inner: "Packet | Arp | None" = None
    """The frame that this packet carries, if it is a tunnel's outer packet."""

    @property
    def family(self) -> int:
        """4 or 6."""
        return self.src.version

    @property
    def neighbour(self) -> IPv6Address | None:
        """Whose MAC a solicitation asks for or an advertisement tells; None: it is neither."""
        return self.discovery.target if self.discovery is not None else None

    @property
    def asks(self) -> bool:
        """It asks for a neighbour's MAC."""
        return self.discovery is not None and self.icmp_type == NEIGHBOUR_SOLICITATION

    @property
    def innermost(self) -> "Packet":
        packet = self
        while isinstance(packet.inner, Packet):
            packet = packet.inner
        return packet


@dataclass(frozen=True, slots=True, kw_only=True)
class Arp:
    """An ARP message in its frame (RFC 826)."""

    request: bool
    sender_mac: str
    sender: IPv4Address
    target_mac: str = ""
    target: IPv4Address
    src_mac: str = ""
    dst_mac: str = BROADCAST_MAC
    vlan: int | None = None
    """Of the outer tag; None: without a tag."""
    vlan_protocol: int = ETHERTYPE_8021Q
    inner_tags: tuple[Tag, ...] = ()
    """Below the outer one."""

    @property
    def neighbour(self) -> IPv4Address:
        """Whose MAC it asks for or tells."""
        return self.target if self.request else self.sender

    @property
    def asks(self) -> bool:
        """It asks for a neighbour's MAC."""
        return self.request


Frame = Packet | Arp


def is_group(mac: str) -> bool:
    """Broadcast or multicast: not one station's address (is_multicast_ether_addr)."""
    return bool(mac) and bool(int(mac[:2], 16) & 1)


class PacketType(IntEnum):
    """PACKET_* (linux/if_packet.h): whom a frame that came in is for."""

    HOST = 0
    BROADCAST = 1
    MULTICAST = 2
    OTHER_HOST = 3


def packet_type(frame: Frame, own_mac: str) -> PacketType:
    """Whom a frame is for at the device with this MAC (eth_type_trans)."""
    if not frame.dst_mac or frame.dst_mac == own_mac:
        return PacketType.HOST
    if not is_group(frame.dst_mac):
        return PacketType.OTHER_HOST
    return PacketType.BROADCAST if frame.dst_mac == BROADCAST_MAC else PacketType.MULTICAST


class Owner(NamedTuple):
    """The process behind a socket."""

    uid: int = 0
    gid: int = 0
    cgroup: str = ""


@dataclass(slots=True, kw_only=True)
class Passage:
    """What the kernel keeps beside a packet inside one namespace (struct sk_buff).

    Cleared where a veth leads to another namespace (skb_scrub_packet), kept through a tunnel (K-38).
    """

    mark: int = 0
    iif: int = 0
    """Index of the device it came in by; 0: made here."""
    physin: int = 0
    """Bridge port it came in by, when br_netfilter calls the hooks."""
    physout: int = 0
    owner: Owner | None = None
    """The local socket that sent it; None for forwarded packets, RST and the outer packets of tunnels."""
    connection: object | None = None
    """The entry of this branch's conntrack table (netstack.conntrack), if tracked."""
    ct_state: str = ""
    """NEW, ESTABLISHED, RELATED, INVALID, UNTRACKED; empty before conntrack ran or where it does not run."""
    ct_reply: bool = False
    """Travels against the direction of the connection's first packet."""
    ipvs: bool = False
    """IPVS has handled it, and does not look again (ipvs_property)."""
    packet_type: PacketType | None = None
    """As the device saw the frame that came in; None: made here."""
    to_all: bool = False
    """The route by which it came in is one for a broadcast (RTCF_BROADCAST)."""
    by_lo: bool = False
    """It was made here, and comes in by lo by a route that is not local, which it keeps (skb_valid_dst)."""
    redirected: int = 0
    """How often a rule had another device send it (`fwd`)."""
    way: object | None = None
    """Its route (netstack.routing.way); None: it was not routed yet (skb_dst)."""
    nexthop: Address | None = None
    """Where its route leads; tunnels without a remote of their own send there (rt_nexthop)."""
    tunnel: TunnelKey | None = None
    """What its route says for a tunnel in external mode (lwtunnel_state)."""
    opened: object | None = None
    """The IPsec state that it came in by (netstack.ipsec_types), opened here (sec_path)."""
    bridged: bool = False
    """PREROUTING already ran at the bridge (ip_sabotage_in): not again."""

    def copy(self) -> "Passage":
        """Of one more packet (skb_copy); a bridge makes many."""
        copy = object.__new__(Passage)
        for name in Passage.__slots__:
            setattr(copy, name, getattr(self, name))
        return copy

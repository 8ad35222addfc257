"""Network devices as netlink gives them (RTM_GETLINK)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, NamedTuple

from kubectl_skoop.model.packet import ETHERTYPE_8021Q, Address

if TYPE_CHECKING:
    from kubectl_skoop.netstack.devices.ip6_tunnel_types import Ip6Tunnel
    from kubectl_skoop.netstack.devices.stacked_types import Bond, BondPort, Ipvlan, Macvlan, Netkit
    from kubectl_skoop.netstack.devices.team_types import Team
    from kubectl_skoop.netstack.devices.tunnel_types import Geneve, IpTunnel
    from kubectl_skoop.netstack.devices.wireguard_types import Wireguard

IFF_UP, IFF_BROADCAST, IFF_LOOPBACK, IFF_POINTOPOINT = 0x1, 0x2, 0x8, 0x10
IFF_RUNNING, IFF_NOARP, IFF_PROMISC, IFF_LOWER_UP = 0x40, 0x80, 0x100, 0x10000

IFA_F_TEMPORARY, IFA_F_OPTIMISTIC, IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_TENTATIVE = 1, 4, 8, 0x20, 0x40

SAME_NAMESPACE = ""
"""`Device.link_netns`: the linked device is in the same namespace."""
BR_STATE_LEARNING, BR_STATE_FORWARDING = 2, 3
IPVLAN_L2, IPVLAN_L3, IPVLAN_L3S = 0, 1, 2


class Bridge(NamedTuple):
    """IFLA_BR_*"""

    vlan_filtering: bool = False
    vlan_protocol: int = ETHERTYPE_8021Q
    nf_call_iptables: bool = False
    nf_call_ip6tables: bool = False
    nf_call_arptables: bool = False
    stp: bool = False
    snooping: bool = True
    """It learns which ports have joined a multicast group."""
    querier6: bool = False
    """Somebody asks for the members of IPv6 groups, it or a router: only then snooping decides."""
    group_fwd_mask: int = 0
    mst: bool = False
    """A port's own state does not count, only those that it has in its VLANs (BR_BOOLOPT_MST_ENABLE)."""


class BridgePort(NamedTuple):
    """IFLA_BRPORT_*"""

    state: int = BR_STATE_FORWARDING
    hairpin: bool = False
    isolated: bool = False
    learning: bool = True
    unicast_flood: bool = True
    multicast_flood: bool = True
    broadcast_flood: bool = True
    proxy_arp: bool = False
    proxy_arp_wifi: bool = False
    neigh_suppress: bool = False
    locked: bool = False
    vlan_tunnel: bool = False

    @property
    def silent(self) -> bool:
        """It is not asked what the bridge has answered (br_flood)."""
        return self.neigh_suppress or self.proxy_arp_wifi


class PortVlan(NamedTuple):
    """BRIDGE_VLAN_INFO_*: one VLAN of a port, or of the bridge itself."""

    vid: int
    pvid: bool = False
    """Of frames that come in without a tag."""
    untagged: bool = False
    """Frames go out without the tag."""
    state: int | None = None
    """BR_STATE_* in this VLAN (BRIDGE_VLANDB_ENTRY_STATE); None: not collected."""


class Vlan(NamedTuple):
    """IFLA_VLAN_*"""

    id: int
    protocol: int = ETHERTYPE_8021Q


class Vxlan(NamedTuple):
    """IFLA_VXLAN_*"""

    vni: int
    port: int = 8472
    """UDP, host order."""
    local: Address | None = None
    link: int = 0
    """Index of the underlying device, 0: by the route."""
    group: Address | None = None
    learning: bool = True
    ttl: int = 0
    """0: the default, 64."""
    tos: int = 0
    df: int = 0
    """0 unset, 1 set, 2 inherit."""
    external: bool = False
    filtered: bool = False
    """In external mode: only some VNIs (IFLA_VXLAN_VNIFILTER)."""
    proxy: bool = False
    short_circuit: bool = False
    l2miss: bool = False
    l3miss: bool = False

    def hears(self, version: int) -> bool:
        """Its socket is for one IP version: that of its addresses, IPv4 if it has none (vxlan_sock_add)."""
        address = self.local or self.group
        return self.external or version == (4 if address is None else address.version)


class LedIn(NamedTuple):
    """What goes out for a network comes in by another device (tc mirred, ingress redirect)."""

    network: IPv4Network
    device: int
    """Its index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """RTM_GETLINK"""

    index: int
    name: str
    kind: str = ""
    """IFLA_INFO_KIND; empty for a physical device and for lo."""
    mac: str = ""
    mtu: int = 1500
    flags: int = IFF_UP | IFF_LOWER_UP | IFF_RUNNING
    master: int = 0
    link: int = 0
    """IFLA_LINK: the veth's peer, the lower device; 0: none."""
    link_netns: str = SAME_NAMESPACE
    """`NetworkNamespace.id` of the namespace that `link` counts in; `unmapped:N` if not collected."""
    bridge: Bridge | None = None
    port: BridgePort | None = None
    vlans: tuple[PortVlan, ...] = ()
    """As a port of a bridge, or as the bridge itself."""
    vlan: Vlan | None = None
    vxlan: Vxlan | None = None
    tunnel: "IpTunnel | None" = None
    tunnel6: "Ip6Tunnel | None" = None
    geneve: "Geneve | None" = None
    wireguard: "Wireguard | None" = None
    bond: "Bond | None" = None
    bond_port: "BondPort | None" = None
    team: "Team | None" = None
    macvlan: "Macvlan | None" = None
    ipvlan: "Ipvlan | None" = None
    netkit: "Netkit | None" = None
    promiscuous: bool = False
    """Something on it takes frames for every MAC (IFLA_PROMISCUITY)."""
    vrf_table: int = 0
    """Of a VRF: its routing table (IFLA_VRF_TABLE)."""
    redirect: int = 0
    """Index of the device that tc sends all to that comes in (mirred, egress redirect); 0: none."""
    led_in: tuple[LedIn, ...] = ()
    """What tc takes of what goes out."""
    programs: tuple[str, ...] = ()
    """XDP, tc and BPF programs that may take a packet here, each as text."""
    tso: bool = True
    """TCP segmentation offload: the device takes GSO packets whole (ethtool tx-tcp-segmentation)."""
    details: Mapping[str, object] = field(default_factory=dict)
    """All else that netlink told, under netlink's names."""

    @property
    def up(self) -> bool:
        return bool(self.flags & IFF_UP)

    @property
    def carrier(self) -> bool:
        return bool(self.flags & IFF_LOWER_UP)

    @property
    def arp(self) -> bool:
        return not self.flags & (IFF_NOARP | IFF_LOOPBACK)

    @property
    def loopback(self) -> bool:
        return bool(self.flags & IFF_LOOPBACK)


class InterfaceAddress(NamedTuple):
    """RTM_GETADDR, in kernel order within a device."""

    device: int
    address: Address
    prefix: int
    scope: int = 0
    """RT_SCOPE_*: 0 universe, 253 link, 254 host."""
    peer: Address | None = None
    broadcast: Address | None = None
    secondary: bool = False
    flags: int = 0
    """IFA_F_*"""

    @property
    def tentative(self) -> bool:
        """Not in use before duplicate address detection is done; optimistic ones are."""
        return bool(self.flags & IFA_F_TENTATIVE and not self.flags & IFA_F_OPTIMISTIC)

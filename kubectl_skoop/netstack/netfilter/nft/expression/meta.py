"""What belongs to the packet beside its headers: `meta mark`, `iifname`, `meta skuid` … (nft_meta.c)."""

from collections.abc import Callable
from dataclasses import dataclass

from kubectl_skoop.model.packet import Owner, Packet, PacketType, packet_type
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.netfilter.nft import datatype as types
from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype, Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import text
from kubectl_skoop.netstack.netfilter.nft.expression.link_header import ether_type
from kubectl_skoop.netstack.netfilter.nft.expression.route import RouteRealm
from kubectl_skoop.netstack.netfilter.nft.expression.value import ABSENT, Reading
from kubectl_skoop.netstack.netfilter.owner import owner_of_socket
from kubectl_skoop.netstack.netfilter.types import Hook, LinkFamily, RuleContext

ETHERNET_HEADER = 14
_HOOK_PROTOCOLS: dict[LinkFamily, int] = {"arp": 3, "netdev": 5, "bridge": 7}


def _name(ctx: RuleContext, index: int) -> Reading:
    """Of no device it is empty, and compared as such (nft_meta_store_ifname, K-22)."""
    return ctx.stack.ns.device_name(index) if index else ""


def _of_device(ctx: RuleContext, index: int, read: Callable[[Device], Reading]) -> Reading:
    device = ctx.stack.ns.devices.get(index)
    return ABSENT if device is None else read(device)


def _group(device: Device) -> Reading:
    group = device.details.get("group", 0)
    return group if isinstance(group, int) else Unknown(f"the group of {device.name}")


def _kind(device: Device) -> Reading:
    """Hardware and the loopback device have none (rtnl_link_ops)."""
    return device.kind or ABSENT


def _link_type(ctx: RuleContext, index: int) -> Reading:
    """ARPHRD_*, as RTM_GETLINK has it."""
    return _of_device(ctx, index, _type)


def _type(device: Device) -> Reading:
    number = device.details.get("type")
    return number if isinstance(number, int) else Unknown(f"the link type of {device.name}")


def _opened(ctx: RuleContext) -> Reading:
    """nft_meta.c, NFT_META_SECPATH: IPsec opened the packet here."""
    gap = ctx.stack.ns.gaps.get("xfrm")
    return Unknown(f"whether IPsec opened the packet: {gap}") if gap else int(ctx.passage.opened is not None)


def _present_device(ctx: RuleContext) -> int:
    """skb->dev, which `iiftype` asks (NFT_META_IFTYPE; seen on 6.18)."""
    return ctx.outdev if ctx.hook in (Hook.POSTROUTING, Hook.EGRESS) else ctx.indev


def _of_owner(ctx: RuleContext, read: Callable[[Owner], Reading]) -> Reading:
    """Forwarded packets, and answers that the kernel makes, have no socket (K-21)."""
    owner = owner_of_socket(ctx)
    return ABSENT if owner is None else owner if isinstance(owner, Unknown) else read(owner)


def _packet_type(ctx: RuleContext) -> Reading:
    """As the device saw it that the frame came in by; of what goes to a group, the group."""
    if ctx.family is None and ctx.packet.dst.is_multicast:
        return PacketType.MULTICAST
    if ctx.passage.packet_type is not None:
        return ctx.passage.packet_type
    device = ctx.stack.ns.devices.get(ctx.indev)
    return PacketType.HOST if device is None or device.loopback else packet_type(ctx.frame, device.mac)


def frame_length(ctx: RuleContext) -> int | Unknown:
    """Behind the Ethernet header, but where a device sends it (skb->data at nf_hook_egress)."""
    if not isinstance(ctx.frame, Packet):
        return Unknown("how an ARP message was padded")
    ctx.stack.reliance.by_length()
    return ctx.frame.length + (ETHERNET_HEADER if ctx.hook is Hook.EGRESS else 0)


def _nfproto(ctx: RuleContext) -> Reading:
    """NFPROTO_*: of the hook, not of the frame (nft_pf)."""
    if ctx.family is not None:
        return _HOOK_PROTOCOLS[ctx.family]
    return 2 if ctx.packet.family == 4 else 10


def _bridge(ctx: RuleContext, index: int) -> Device | None:
    """nft_meta_get_bridge"""
    port = ctx.stack.ns.devices.get(index)
    return None if port is None or port.port is None else ctx.stack.ns.devices.get(port.master)


def _bridge_name(ctx: RuleContext, index: int) -> Reading:
    bridge = _bridge(ctx, index)
    return bridge.name if bridge else ""


_KEYS: dict[str, tuple[Datatype, Callable[[RuleContext], Reading]]] = {
    "length": (types.INTEGER, frame_length),
    "protocol": (types.ETHER_TYPE, lambda ctx: ether_type(ctx.frame)),
    "nfproto": (types.NFPROTO, _nfproto),
    "l4proto": (
        types.PROTOCOL,
        lambda ctx: ctx.frame.protocol if isinstance(ctx.frame, Packet) else ABSENT,
    ),
    "mark": (types.MARK, lambda ctx: ctx.passage.mark),
    "iif": (types.INDEX, lambda ctx: _name(ctx, ctx.indev)),
    "oif": (types.INDEX, lambda ctx: _name(ctx, ctx.outdev)),
    "iifname": (types.NAME, lambda ctx: _name(ctx, ctx.indev)),
    "oifname": (types.NAME, lambda ctx: _name(ctx, ctx.outdev)),
    "iifgroup": (types.INTEGER, lambda ctx: _of_device(ctx, ctx.indev, _group)),
    "oifgroup": (types.INTEGER, lambda ctx: _of_device(ctx, ctx.outdev, _group)),
    "iiftype": (types.INTEGER, lambda ctx: _link_type(ctx, _present_device(ctx))),
    "oiftype": (types.INTEGER, lambda ctx: _link_type(ctx, ctx.outdev)),
    "iifkind": (types.NAME, lambda ctx: _of_device(ctx, ctx.indev, _kind)),
    "oifkind": (types.NAME, lambda ctx: _of_device(ctx, ctx.outdev, _kind)),
    "ibrname": (types.NAME, lambda ctx: _bridge_name(ctx, ctx.indev)),
    "obrname": (types.NAME, lambda ctx: _bridge_name(ctx, ctx.outdev)),
    "skuid": (types.UID, lambda ctx: _of_owner(ctx, lambda owner: owner.uid)),
    "skgid": (types.GID, lambda ctx: _of_owner(ctx, lambda owner: owner.gid)),
    "cgroup": (
        types.INTEGER,
        lambda ctx: _of_owner(ctx, lambda owner: Unknown("the net_cls class of the socket")),
    ),
    "pkttype": (types.PACKET_TYPE, _packet_type),
    "priority": (types.INTEGER, lambda ctx: Unknown("the priority of the packet")),
    "nftrace": (types.BOOLEAN, lambda ctx: 0),
    "secpath": (types.BOOLEAN, _opened),
    "ipsec": (types.BOOLEAN, _opened),
}


@dataclass(frozen=True, slots=True)
class Meta:
    key: str

    @property
    def types(self) -> tuple[Datatype, ...]:
        return (_KEYS[self.key][0],)

    def read(self, ctx: RuleContext) -> Reading:
        return _KEYS[self.key][1](ctx)


def parse_meta(body: object) -> Meta | RouteRealm:
    """Raises Unmodelled."""
    key = text(body, "key")
    if key == "rtclassid":
        return RouteRealm()
    if key not in _KEYS:
        raise Unmodelled(f"meta {key}")
    return Meta(key)

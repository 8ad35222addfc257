"""What belongs to the packet beside its headers: `meta mark`, `iifname`, `meta skuid` … (nft_meta.c)."""

from collections.abc import Callable
from dataclasses import dataclass

from kubectl_skoop.model.packet import Owner
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.netfilter.nft import datatype as types
from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype, Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import text
from kubectl_skoop.netstack.netfilter.nft.expression.value import ABSENT, Reading
from kubectl_skoop.netstack.netfilter.types import RuleContext

_IS_MULTICAST = 0x01


def _name(ctx: RuleContext, index: int) -> Reading:
    """Of no device it is empty, and compared as such (nft_meta_store_ifname, K-22)."""
    return ctx.stack.ns.device_name(index) if index else ""


def _of_device(ctx: RuleContext, index: int, read: Callable[[Device], Reading]) -> Reading:
    device = ctx.stack.ns.devices.get(index)
    return ABSENT if device is None else read(device)


def _group(device: Device) -> Reading:
    group = device.details.get("group", 0)
    return group if isinstance(group, int) else Unknown(f"the group of {device.name}")


def _of_owner(ctx: RuleContext, read: Callable[[Owner], Reading]) -> Reading:
    """Forwarded packets, and answers that the kernel makes, have no socket (K-21)."""
    return ABSENT if ctx.passage.owner is None else read(ctx.passage.owner)


def _packet_type(ctx: RuleContext) -> Reading:
    mac = ctx.packet.dst_mac
    if ctx.packet.dst.is_multicast:
        return 2
    if not ctx.indev or len(mac) < 2 or not int(mac[:2], 16) & _IS_MULTICAST:
        return 0
    return 1 if mac.lower() == "ff:ff:ff:ff:ff:ff" else 2


_KEYS: dict[str, tuple[Datatype, Callable[[RuleContext], Reading]]] = {
    "length": (types.INTEGER, lambda ctx: ctx.packet.length),
    "protocol": (types.ETHER_TYPE, lambda ctx: 0x0800 if ctx.packet.family == 4 else 0x86DD),
    "nfproto": (types.NFPROTO, lambda ctx: 2 if ctx.packet.family == 4 else 10),
    "l4proto": (types.PROTOCOL, lambda ctx: ctx.packet.protocol),
    "mark": (types.MARK, lambda ctx: ctx.passage.mark),
    "iif": (types.INDEX, lambda ctx: _name(ctx, ctx.indev)),
    "oif": (types.INDEX, lambda ctx: _name(ctx, ctx.outdev)),
    "iifname": (types.NAME, lambda ctx: _name(ctx, ctx.indev)),
    "oifname": (types.NAME, lambda ctx: _name(ctx, ctx.outdev)),
    "iifgroup": (types.INTEGER, lambda ctx: _of_device(ctx, ctx.indev, _group)),
    "oifgroup": (types.INTEGER, lambda ctx: _of_device(ctx, ctx.outdev, _group)),
    "iifkind": (types.NAME, lambda ctx: _of_device(ctx, ctx.indev, lambda device: device.kind)),
    "oifkind": (types.NAME, lambda ctx: _of_device(ctx, ctx.outdev, lambda device: device.kind)),
    "skuid": (types.UID, lambda ctx: _of_owner(ctx, lambda owner: owner.uid)),
    "skgid": (types.GID, lambda ctx: _of_owner(ctx, lambda owner: owner.gid)),
    "cgroup": (
        types.INTEGER,
        lambda ctx: _of_owner(ctx, lambda owner: Unknown("the net_cls class of the socket")),
    ),
    "pkttype": (types.PACKET_TYPE, _packet_type),
    "priority": (types.INTEGER, lambda ctx: Unknown("the priority of the packet")),
    "nftrace": (types.BOOLEAN, lambda ctx: 0),
    "secpath": (types.BOOLEAN, lambda ctx: Unknown("whether IPsec decrypted the packet")),
    "ipsec": (types.BOOLEAN, lambda ctx: Unknown("whether IPsec decrypted the packet")),
}


@dataclass(frozen=True, slots=True)
class Meta:
    key: str

    @property
    def types(self) -> tuple[Datatype, ...]:
        return (_KEYS[self.key][0],)

    def read(self, ctx: RuleContext) -> Reading:
        return _KEYS[self.key][1](ctx)


def parse_meta(body: object) -> Meta:
    """Raises Unmodelled."""
    key = text(body, "key")
    if key not in _KEYS:
        raise Unmodelled(f"meta {key}")
    return Meta(key)

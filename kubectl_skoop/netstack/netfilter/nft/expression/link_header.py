"""Header fields of a frame: `ether saddr`, `vlan id`, `arp operation` (nft_payload.c, its copy of a tag)."""

from collections.abc import Callable

from kubectl_skoop.model.packet import Arp, Frame, Packet
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft import datatype as types
from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype
from kubectl_skoop.netstack.netfilter.nft.expression.value import ABSENT, Absent, Reading
from kubectl_skoop.netstack.netfilter.types import Hook, RuleContext

ETHERTYPE_VLAN = 0x8100
_ETHER_TYPES = {4: 0x0800, 6: 0x86DD}
_TAG_REST = "all of a VLAN tag but its number"


def ether_type(frame: Frame) -> int:
    """Of what the frame carries, whether a VLAN tag stands before it or not (skb->protocol)."""
    return 0x0806 if isinstance(frame, Arp) else _ETHER_TYPES[frame.family]


def _arp(read: Callable[[Arp], int]) -> Callable[[Frame], Reading]:
    return lambda frame: read(frame) if isinstance(frame, Arp) else ABSENT


def _tag(read: Callable[[Frame], int | Unknown]) -> Callable[[Frame], Reading]:
    return lambda frame: ABSENT if frame.vlan is None else read(frame)


def _mac(text: str) -> int:
    """Empty in a request for it."""
    return types.mac_number(text) if text else 0


FIELDS: dict[tuple[str, str], tuple[Datatype, Callable[[Frame], Reading]]] = {
    ("ether", "saddr"): (types.MAC, lambda frame: _mac(frame.src_mac)),
    ("ether", "daddr"): (types.MAC, lambda frame: _mac(frame.dst_mac)),
    ("ether", "type"): (
        types.ETHER_TYPE,
        lambda frame: ether_type(frame) if frame.vlan is None else ETHERTYPE_VLAN,
    ),
    ("vlan", "id"): (types.INTEGER, _tag(lambda frame: frame.vlan or 0)),
    ("vlan", "type"): (types.ETHER_TYPE, _tag(ether_type)),
    ("vlan", "pcp"): (types.INTEGER, _tag(lambda frame: Unknown(_TAG_REST))),
    ("vlan", "cfi"): (types.INTEGER, _tag(lambda frame: Unknown(_TAG_REST))),
    ("vlan", "dei"): (types.INTEGER, _tag(lambda frame: Unknown(_TAG_REST))),
    ("arp", "htype"): (types.INTEGER, _arp(lambda message: 1)),
    ("arp", "ptype"): (types.ETHER_TYPE, _arp(lambda message: 0x0800)),
    ("arp", "hlen"): (types.INTEGER, _arp(lambda message: 6)),
    ("arp", "plen"): (types.INTEGER, _arp(lambda message: 4)),
    ("arp", "operation"): (types.ARP_OPERATION, _arp(lambda message: 1 if message.request else 2)),
    ("arp", "saddr ip"): (types.IPV4, _arp(lambda message: int(message.sender))),
    ("arp", "daddr ip"): (types.IPV4, _arp(lambda message: int(message.target))),
    ("arp", "saddr ether"): (types.MAC, _arp(lambda message: _mac(message.sender_mac))),
    ("arp", "daddr ether"): (types.MAC, _arp(lambda message: _mac(message.target_mac))),
}


def behind_tag(ctx: RuleContext) -> Unknown | None:
    """nft asks for the protocol first, of the Ethernet header or of the packet, and does not list which: with
    a VLAN tag these differ."""
    if ctx.family is None or ctx.frame.vlan is None:
        return None
    return Unknown("whether the rule looks behind a VLAN tag")


def read(ctx: RuleContext, protocol: str, name: str, *, checked: bool) -> Reading:
    """What is made here has its Ethernet header only behind the hooks of IP and ARP."""
    if protocol != "arp" and not _has_header(ctx):
        return ABSENT
    reading = FIELDS[protocol, name][1](ctx.frame)
    if checked or protocol != "arp" or isinstance(reading, Absent):
        return reading
    unknown = behind_tag(ctx)
    return reading if unknown is None else unknown


def octets(ctx: RuleContext, packet: Packet) -> bytes | Absent:
    """The Ethernet header of a packet without a VLAN tag."""
    if not _has_header(ctx) or not packet.src_mac or not packet.dst_mac:
        return ABSENT
    macs = _mac(packet.dst_mac) << 48 | _mac(packet.src_mac)
    return macs.to_bytes(12) + ether_type(packet).to_bytes(2)


def _has_header(ctx: RuleContext) -> bool:
    if ctx.family == "arp":
        return ctx.hook is not Hook.OUTPUT
    return ctx.family is not None or (
        isinstance(ctx.frame, Packet) and bool(ctx.frame.src_mac and ctx.frame.dst_mac)
    )

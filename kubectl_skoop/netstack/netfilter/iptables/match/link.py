"""-m mac, -m pkttype, -m eui64: the frame's addresses."""

from dataclasses import dataclass

from kubectl_skoop.model.packet import BROADCAST_MAC
from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable
from kubectl_skoop.netstack.netfilter.types import RuleContext

_PACKET_TYPES = frozenset({"unicast", "broadcast", "multicast"})


@dataclass(frozen=True, slots=True)
class SourceMac:
    """Kernel: xt_mac.c, mac_mt: never where the frame came in by no Ethernet device, negated or not."""

    mac: str
    negated: bool

    def matches(self, ctx: RuleContext) -> Ternary:
        device = ctx.stack.ns.devices.get(ctx.indev)
        if device is None or device.loopback or not device.mac:
            return False
        if not ctx.packet.src_mac:
            return Unknown("the frame's source MAC is not known")
        return (ctx.packet.src_mac == self.mac) != self.negated


@dataclass(frozen=True, slots=True)
class PacketType:
    """Kernel: xt_pkttype.c, pkttype_mt."""

    name: str
    negated: bool

    def matches(self, ctx: RuleContext) -> bool:
        return (_type_of(ctx.packet.dst_mac if ctx.indev else "") == self.name) != self.negated


class FromMac:
    """Kernel: ip6t_eui64.c, eui64_mt6: the lower half of the source address was made of the source MAC."""

    def matches(self, ctx: RuleContext) -> Ternary:
        packet = ctx.packet
        device = ctx.stack.ns.devices.get(ctx.indev)
        if device is None or device.loopback or not device.mac or not packet.src_mac:
            return Unknown("the frame's source MAC is not known")
        mac = bytes.fromhex(packet.src_mac.replace(":", ""))
        made = bytes([mac[0] ^ 2, *mac[1:3], 0xFF, 0xFE, *mac[3:]])
        return packet.src.packed[8:] == made


def _type_of(mac: str) -> str:
    if mac == BROADCAST_MAC:
        return "broadcast"
    if mac and int(mac[:2], 16) & 1:
        return "multicast"
    return "unicast"


def _parse_mac(options: Options) -> SourceMac:
    option = options.require("--mac-source")
    return SourceMac(option.values[0].lower(), option.negated)


def _parse_type(options: Options) -> PacketType:
    option = options.require("--pkt-type")
    if option.values[0] not in _PACKET_TYPES:
        raise Unreadable(f"--pkt-type {option.values[0]}")
    return PacketType(option.values[0], option.negated)


KINDS = {
    "eui64": MatchKind({}, lambda options: FromMac()),
    "mac": MatchKind({"--mac-source": 1}, _parse_mac),
    "pkttype": MatchKind({"--pkt-type": 1}, _parse_type),
}

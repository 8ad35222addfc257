"""`reject` where there is no route: the answer goes back by the port that the frame came in by.

Kernel: net/netfilter/nft_reject_netdev.c, net/bridge/netfilter/nft_reject_bridge.c, nf_reject_ipv4.c
(nf_reject_skb_v4_unreach, nf_reject_skb_v4_tcp_reset) and their like for IPv6.
"""

from kubectl_skoop.model.packet import Frame, Packet, Passage, Protocol, TcpFlags, is_group
from kubectl_skoop.netstack import hook_end, xmit
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices import bridge
from kubectl_skoop.netstack.l4 import icmp
from kubectl_skoop.netstack.netfilter.types import LinkFamily
from kubectl_skoop.netstack.stack import Stack

QUOTED = 536
"""Bytes of the packet that an IPv4 error holds."""
SMALLEST_MTU = 1280


def answer(stack: Stack, family: LinkFamily, kind: str, frame: Frame, device: Device | None) -> None:
    """Nothing but unicast IP is answered, and no error."""
    if not isinstance(frame, Packet) or is_group(frame.dst_mac) or frame.fragment_offset:
        return
    master = stack.ns.devices.get(device.master) if device is not None else None
    made = _reset(frame) if kind == "tcp-reset" else _error(frame, kind)
    if made is None or device is None:
        return
    stack.step(
        "send", made.flags.name or "ICMP error", f"to {made.dst}, out of {device.name}", device=device.name
    )
    if family == "bridge" and master is not None:
        bridge.send(stack, master, device, made, Passage())
    else:
        xmit.transmit(stack, device, made, Passage())


def _reset(packet: Packet) -> Packet | None:
    if packet.protocol != Protocol.TCP or packet.flags & TcpFlags.RST:
        return None
    return Packet(
        src=packet.dst,
        dst=packet.src,
        protocol=Protocol.TCP,
        sport=packet.dport,
        dport=packet.sport,
        flags=TcpFlags.RST if packet.flags & TcpFlags.ACK else TcpFlags.RST | TcpFlags.ACK,
        length=40 if packet.family == 4 else 60,
        df=packet.family == 4,
        src_mac=packet.dst_mac,
        dst_mac=packet.src_mac,
        vlan=packet.vlan,
    )


def _error(packet: Packet, kind: str) -> Packet | None:
    codes = hook_end.REJECT_CODES.get(kind)
    if codes is None or icmp.is_error(packet):
        return None
    longest = 28 + QUOTED if packet.family == 4 else SMALLEST_MTU
    return Packet(
        src=packet.dst,
        dst=packet.src,
        protocol=Protocol.ICMP if packet.family == 4 else Protocol.ICMPV6,
        icmp_type=codes[0],
        icmp_code=codes[1],
        quoted=packet,
        length=min(longest, packet.length + (28 if packet.family == 4 else 48)),
        df=packet.family == 4,
        src_mac=packet.dst_mac,
        dst_mac=packet.src_mac,
        vlan=packet.vlan,
    )

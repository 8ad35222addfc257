"""Ends of tunnels in IP packets, whichever family the outer packets have."""

from typing import TYPE_CHECKING

from kubectl_skoop.model.packet import Packet, Passage
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.l4 import icmp
from kubectl_skoop.netstack.stack import Stack

if TYPE_CHECKING:
    from kubectl_skoop.netstack.devices.ip6_tunnel_types import Ip6Tunnel
    from kubectl_skoop.netstack.devices.tunnel_types import IpTunnel

OUTSIDE = "what it does with a packet is decided outside of it (external mode), and its route says nothing"
"""Why a tunnel in external mode cannot be followed: a program may say where to."""
GRE_HEADER, GRE_FIELD = 4, 4
"""Bytes: the header, and each field that may follow: checksum, key, sequence number."""


def gre_header(config: "IpTunnel | Ip6Tunnel") -> int:
    """gre_calc_hlen, bytes."""
    fields = (config.output_key is not None) + config.checksum[1] + config.sequence[1]
    return GRE_HEADER + GRE_FIELD * fields


def dropped(stack: Stack, device: Device, packet: Packet) -> bool:
    """ip_tunnel_rcv, __ip6_tnl_rcv: the ends must agree on checksums, and a wanted sequence number must be
    there. That the numbers go up is taken for granted."""
    config = device.tunnel or device.tunnel6
    if config is None:
        return False
    if config.checksum[0] != packet.gre_checksum:
        what, word = "checksums", "csum"
    elif config.sequence[0] and not packet.gre_sequence:
        what, word = "sequence numbers", "seq"
    else:
        if config.sequence[0]:
            stack.assumptions.append(f"sequence numbers that come to {device.name} go up")
        return False
    wants = "wants" if (config.checksum[0] if word == "csum" else True) else "takes no"
    stack.lose(
        "tunnel.closed",
        packet,
        f"{device.name} {wants} {what}, and {packet.src} sends otherwise",
        where=stack.where(device=device.name),
        evidence=[tunnel_text(device)],
        remedy=f"give both ends of the tunnel the option {word}, or none",
    )
    return True


def closed(stack: Stack, kind: str, packet: Packet, passage: Passage) -> None:
    """No device of the kind has these ends; if there are others the sender is told."""
    there = [tunnel_text(device) for device in stack.ns.devices.values() if device.kind == kind]
    stack.lose(
        "tunnel.closed",
        packet,
        f"no {kind} device here takes packets from {packet.src} to {packet.dst}",
        evidence=there or [f"no {kind} device"],
        remedy="give both ends of the tunnel each other's addresses, and set them up",
    )
    if there:
        icmp.send_error(stack, packet, passage, icmp.PORT_UNREACHABLE)


def tunnel_text(device: Device) -> str:
    """As `ip tunnel` and `ip -6 tunnel` print it."""
    config = device.tunnel or device.tunnel6
    if config is None:
        return device.name
    ends = f"remote {config.remote or 'any'} local {config.local or 'any'}"
    key = "" if config.input_key is None else f" key {config.input_key}"
    options = ((config.checksum, "csum"), (config.sequence, "seq"))
    key += "".join(f" {'i' * way[0] + 'o' * way[1]}{name}" for way, name in options if any(way))
    return f"{device.name}: {device.kind} {ends}{key}" + ("" if device.up else ", not UP")

"""Ends of tunnels in IP packets, whichever family the outer packets have."""

from kubectl_skoop.model.packet import Packet, Passage
from kubectl_skoop.netstack import icmp
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.stack import Stack


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
    return f"{device.name}: {device.kind} {ends}{key}" + ("" if device.up else ", not UP")

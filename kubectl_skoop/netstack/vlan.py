"""VLAN devices: the tag put on and taken off (net/8021q/vlan_dev.c, vlan_core.c)."""

from dataclasses import replace

from kubectl_skoop.model.packet import Frame, PacketType, Passage
from kubectl_skoop.netstack import layered, receive
from kubectl_skoop.netstack.device import ETHERTYPE_8021Q, Device
from kubectl_skoop.netstack.stack import Stack


def transmit(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """vlan_dev_hard_start_xmit: by the device below, with the tag, whatever that one's MTU is."""
    if device.vlan is None or device.vlan.protocol != ETHERTYPE_8021Q or frame.vlan:
        reason = f"{device.name} sends frames with two VLAN tags or a service tag, which are not modelled"
        stack.give_up("device.unmodelled", frame, reason, where=stack.where(device=device.name))
        return
    stack.step("device", f"out by {device.name}", f"tag {device.vlan.id}", device=device.name)
    layered.down(stack, device, replace(frame, vlan=device.vlan.id), passage)


def taken(stack: Stack, device: Device, frame: Frame, passage: Passage) -> bool:
    """vlan_do_receive: whether a VLAN device takes the frame, which it does before a bridge. It may have
    another MAC than the device below."""
    wanted = (frame.vlan, ETHERTYPE_8021Q)
    for upper in layered.above(stack, device):
        vlan = upper.device.vlan
        if vlan is None or (vlan.id, vlan.protocol) != wanted:
            continue
        if upper.ns.id != stack.ns.id:
            layered.up(stack, upper.ns.id, upper.device.index, replace(frame, vlan=None), by=device)
            return True
        if passage.packet_type is PacketType.OTHER_HOST and frame.dst_mac == upper.device.mac:
            passage.packet_type = PacketType.HOST
        receive.take(stack, upper.device, replace(frame, vlan=None), passage)
        return True
    return False


def refuse(stack: Stack, device: Device, frame: Frame) -> None:
    """No device has the frame's VLAN: it is for somebody else (PACKET_OTHERHOST)."""
    others = [
        f"{upper.device.name}: VLAN {upper.device.vlan.id}"
        for upper in layered.above(stack, device)
        if upper.device.vlan is not None
    ]
    stack.assumptions.append(f"no namespace that was not collected has VLAN {frame.vlan} of {device.name}")
    stack.lose(
        "device.no-vlan",
        frame,
        f"no device has VLAN {frame.vlan} of {device.name}",
        where=stack.where(device=device.name),
        evidence=others or [f"{device.name} has no VLAN device"],
        remedy=f"ip link add link {device.name} name {device.name}.{frame.vlan} type vlan id {frame.vlan}",
    )

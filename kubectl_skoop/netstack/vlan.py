"""VLAN devices: the tag put on and taken off (net/8021q/vlan_core.c, vlan_dev.c)."""

from dataclasses import replace

from kubectl_skoop.model.packet import Frame, PacketType, Passage
from kubectl_skoop.netstack import receive, xmit
from kubectl_skoop.netstack.device import ETHERTYPE_8021Q, SAME_NAMESPACE, Device
from kubectl_skoop.netstack.stack import Stack


def transmit(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """vlan_dev_hard_start_xmit: by the device below, with the tag."""
    where = stack.where(device=device.name)
    below = stack.ns.devices.get(device.link)
    if device.vlan is None or device.vlan.protocol != ETHERTYPE_8021Q or frame.vlan:
        reason = f"{device.name} sends frames with two VLAN tags or a service tag, which are not modelled"
        stack.give_up("device.unmodelled", frame, reason, where=where)
    elif device.link_netns != SAME_NAMESPACE or below is None:
        reason = f"the device below {device.name} is in another namespace, which is not modelled"
        stack.give_up("device.unmodelled", frame, reason, where=where)
    else:
        stack.step("device", f"VLAN {device.vlan.id} by {below.name}", "tagged", device=device.name)
        xmit.transmit(stack, below, replace(frame, vlan=device.vlan.id), passage)


def above(stack: Stack, device: Device, frame: Frame) -> Device | None:
    """vlan_find_dev: the VLAN device on this one that takes the frame's tag."""
    return next(
        (
            upper
            for upper in stack.ns.devices.values()
            if upper.vlan is not None
            and (upper.link, upper.link_netns) == (device.index, SAME_NAMESPACE)
            and (upper.vlan.id, upper.vlan.protocol) == (frame.vlan, ETHERTYPE_8021Q)
        ),
        None,
    )


def take(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """vlan_do_receive: the VLAN device may have another MAC than the device below."""
    if passage.packet_type is PacketType.OTHER_HOST and frame.dst_mac == device.mac:
        passage.packet_type = PacketType.HOST
    receive.take(stack, device, replace(frame, vlan=None), passage)

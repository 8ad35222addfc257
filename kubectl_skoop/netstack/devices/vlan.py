"""VLAN devices: the tag put on and taken off (net/8021q/vlan_dev.c, vlan_core.c)."""

from kubectl_skoop.model.packet import ETHERTYPE_8021AD, Frame, PacketType, Passage
from kubectl_skoop.netstack import receive
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices import layered, vlan_tag
from kubectl_skoop.netstack.stack import Stack


def transmit(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """vlan_dev_hard_start_xmit: by the device below, with the tag, whatever that one's MTU is."""
    if device.vlan is None:
        reason = f"the VLAN of {device.name} is not known"
        stack.give_up("device.unmodelled", frame, reason, where=stack.where(device=device.name))
        return
    stack.step("device", f"out by {device.name}", f"tag {device.vlan.id}", device=device.name)
    tagged = vlan_tag.pushed(frame, device.vlan.id, device.vlan.protocol)
    layered.down(stack, device, tagged, passage)


def taken(stack: Stack, device: Device, frame: Frame, passage: Passage) -> bool:
    """vlan_do_receive: whether a VLAN device takes the frame, which it does before a bridge. It may have
    another MAC than the device below."""
    wanted = (frame.vlan, frame.vlan_protocol)
    for upper in layered.above(stack, device):
        vlan = upper.device.vlan
        if vlan is None or (vlan.id, vlan.protocol) != wanted:
            continue
        if upper.ns.id != stack.ns.id:
            layered.up(stack, upper.ns.id, upper.device.index, vlan_tag.popped(frame), by=device)
            return True
        if passage.packet_type is PacketType.OTHER_HOST and frame.dst_mac == upper.device.mac:
            passage.packet_type = PacketType.HOST
        receive.take(stack, upper.device, vlan_tag.popped(frame), passage)
        return True
    return False


def refuse(stack: Stack, device: Device, frame: Frame) -> None:
    """No device has the frame's VLAN: it is for somebody else (PACKET_OTHERHOST)."""
    others = [
        f"{upper.device.name}: VLAN {upper.device.vlan.id}{_kind(upper.device.vlan.protocol)}"
        for upper in layered.above(stack, device)
        if upper.device.vlan is not None
    ]
    stack.assumptions.append(f"no namespace that was not collected has VLAN {frame.vlan} of {device.name}")
    kind = _kind(frame.vlan_protocol)
    options = f"{' proto 802.1ad' if kind else ''} id {frame.vlan}"
    stack.lose(
        "device.no-vlan",
        frame,
        f"no device has VLAN {frame.vlan}{kind} of {device.name}",
        where=stack.where(device=device.name),
        evidence=others or [f"{device.name} has no VLAN device"],
        remedy=f"ip link add link {device.name} name {device.name}.{frame.vlan} type vlan{options}",
    )


def _kind(protocol: int) -> str:
    return " (802.1ad)" if protocol == ETHERTYPE_8021AD else ""

"""ipvlan in mode l2: several devices with one MAC, told apart by address (drivers/net/ipvlan/ipvlan_core.c).

The modes l3 and l3s, in which the host routes for the pods, are not modelled.
"""

from collections.abc import Sequence

from kubectl_skoop.model.packet import Frame, Passage, is_group
from kubectl_skoop.netstack import layered
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.stack import Stack, Upper

L2 = 0


def transmit(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """ipvlan_xmit_mode_l2: to the own MAC it is for another of these devices, or for the host that has the
    one below; all else goes out by that one."""
    config, where = device.ipvlan, stack.where(device=device.name)
    if config is None or config.mode != L2:
        reason = f"{device.name} is an ipvlan in mode l3 or l3s, which is not modelled"
        stack.give_up("device.unmodelled", frame, reason, where=where)
        return
    netns = layered.lower_netns(stack, device)
    stack.step("device", f"out by {device.name}", device=device.name)
    if is_group(frame.dst_mac):
        for upper in stack.above(netns, device.link, None):
            other = (upper.ns.id, upper.device.index) != (stack.ns.id, device.index)
            if upper.device.ipvlan is not None and upper.device.up and other:
                layered.up(stack, upper.ns.id, upper.device.index, frame, by=device)
    elif frame.dst_mac == device.mac and not config.vepa:
        if config.private:
            stack.lose(
                "device.private",
                frame,
                f"{device.name} is private: it sends nothing to others on the same device",
                where=where,
                evidence=[f"{device.name}: ipvlan mode l2 private"],
                remedy="use the flag bridge for the devices, or another way between the pods",
            )
            return
        for upper in stack.above(netns, device.link, None):
            if upper.device.ipvlan is not None and upper.device.up and upper.has(layered.destination(frame)):
                layered.up(stack, upper.ns.id, upper.device.index, frame, by=device)
                return
        layered.up(stack, netns, device.link, frame, by=device)
        return
    layered.down(stack, device, frame, passage)


def receive(stack: Stack, device: Device, frame: Frame, uppers: Sequence[Upper]) -> bool:
    """ipvlan_handle_mode_l3, which mode l2 uses, too: by address, among the devices that are up."""
    address = layered.destination(frame)
    for upper in uppers:
        if upper.device.ipvlan is not None and upper.device.up and upper.has(address):
            layered.up(stack, upper.ns.id, upper.device.index, frame, by=device)
            return True
    return False


def flood(stack: Stack, device: Device, frame: Frame, uppers: Sequence[Upper]) -> None:
    """ipvlan_handle_mode_l2: of a frame for a group from outside each device gets a copy."""
    for upper in uppers:
        if upper.device.ipvlan is not None and upper.device.up:
            layered.up(stack, upper.ns.id, upper.device.index, frame, by=device)

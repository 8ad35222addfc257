"""macvlan and macvtap: several MACs on one device (drivers/net/macvlan.c).

Modes private, vepa and bridge; passthru and source are not modelled. What a macvtap receives goes to the
program that holds it, which is not seen.
"""

from collections.abc import Sequence

from kubectl_skoop.model.packet import Frame, Passage, is_group
from kubectl_skoop.netstack import layered
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.stack import Stack, Upper

PRIVATE, VEPA, BRIDGE = 1, 2, 4
MODELLED = frozenset({PRIVATE, VEPA, BRIDGE})


def transmit(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """macvlan_queue_xmit: in mode bridge straight to the others of that mode, all else to the device below,
    never to the host that has that one."""
    if device.macvlan is None or device.macvlan.mode not in MODELLED:
        reason = f"{device.name} is a macvlan in mode passthru or source, which is not modelled"
        stack.give_up("device.unmodelled", frame, reason, where=stack.where(device=device.name))
        return
    if device.macvlan.mode == BRIDGE:
        netns = layered.lower_netns(stack, device)
        for upper in stack.above(netns, device.link, None):
            if (upper.ns.id, upper.device.index) == (stack.ns.id, device.index) or _mode(upper) != BRIDGE:
                continue
            if is_group(frame.dst_mac):
                layered.up(stack, upper.ns.id, upper.device.index, frame, by=device)
            elif upper.device.mac == frame.dst_mac:
                stack.step("device", f"out by {device.name}", f"to {upper.device.name}", device=device.name)
                layered.up(stack, upper.ns.id, upper.device.index, frame, by=device)
                return
    stack.step("device", f"out by {device.name}", device=device.name)
    layered.down(stack, device, frame, passage)


def receive(stack: Stack, device: Device, frame: Frame, uppers: Sequence[Upper]) -> bool:
    """macvlan_handle_frame: whether a device on top of this one takes a frame for one MAC."""
    for upper in uppers:
        if upper.device.macvlan is not None and upper.device.mac == frame.dst_mac:
            layered.up(stack, upper.ns.id, upper.device.index, frame, by=device)
            return True
    return False


def flood(stack: Stack, device: Device, frame: Frame, uppers: Sequence[Upper]) -> None:
    """A frame for a group: each device on top of this one that has not had it gets a copy."""
    known = stack.above(stack.ns.id, device.index, None) if uppers else ()
    sender = next((upper for upper in known if _mode(upper) and upper.device.mac == frame.src_mac), None)
    for upper in uppers:
        if _mode(upper) and _hears(sender, upper):
            layered.up(stack, upper.ns.id, upper.device.index, frame, by=device)


def _hears(sender: Upper | None, upper: Upper) -> bool:
    """macvlan_process_broadcast: what one of mode bridge sent the others have already."""
    if sender is None:
        return True
    if (sender.ns.id, sender.device.index) == (upper.ns.id, upper.device.index):
        return False
    return _mode(upper) in ({VEPA, BRIDGE} if _mode(sender) == VEPA else {VEPA}) and _mode(sender) != PRIVATE


def _mode(upper: Upper) -> int:
    return upper.device.macvlan.mode if upper.device.macvlan is not None else 0

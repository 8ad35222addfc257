"""macvlan and macvtap: several MACs on one device (drivers/net/macvlan.c).

What a macvtap receives goes to the program that holds it, which is not seen: only what is for an address of
its own namespace is known to stay in the kernel.
"""

from collections.abc import Sequence
from dataclasses import replace

from kubectl_skoop.model.packet import Arp, Frame, Passage, is_group
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices import layered
from kubectl_skoop.netstack.stack import Stack, Upper

PRIVATE, VEPA, BRIDGE, PASSTHRU, SOURCE = 1, 2, 4, 8, 16
MODES = frozenset({PRIVATE, VEPA, BRIDGE, PASSTHRU, SOURCE})


def transmit(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """macvlan_queue_xmit: in mode bridge straight to the others of that mode, all else to the device below,
    never to the host that has that one."""
    if device.macvlan is None or device.macvlan.mode not in MODES:
        reason = f"{device.name} is a macvlan in a mode that is not modelled"
        stack.give_up("device.unmodelled", frame, reason, where=stack.where(device=device.name))
        return
    if device.macvlan.mode == BRIDGE:
        netns = layered.lower_netns(stack, device)
        for upper in stack.above(netns, device.link, None):
            if (upper.ns.id, upper.device.index) == (stack.ns.id, device.index) or _mode(upper) != BRIDGE:
                continue
            if is_group(frame.dst_mac):
                _hand(stack, device, frame, upper)
            elif upper.device.mac == frame.dst_mac:
                stack.step("device", f"out by {device.name}", f"to {upper.device.name}", device=device.name)
                _hand(stack, device, frame, upper)
                return
    stack.step("device", f"out by {device.name}", device=device.name)
    layered.down(stack, device, frame, passage)


def receive(stack: Stack, device: Device, frame: Frame, uppers: Sequence[Upper]) -> bool:
    """macvlan_handle_frame: whether a device on top of this one takes a frame for one MAC. Mode passthru
    takes all of them, mode source what its MACs send."""
    if passthru := next((upper for upper in uppers if _mode(upper) == PASSTHRU), None):
        _hand(stack, device, replace(frame, dst_mac=passthru.device.mac), passthru)
        return True
    for upper in uppers:
        if upper.device.macvlan is None or upper.device.mac != frame.dst_mac:
            continue
        if _mode(upper) != SOURCE:
            _hand(stack, device, frame, upper)
            return True
        if _sends_to(stack, frame, upper):
            _hand(stack, device, frame, upper)
            return True
    return False


def flood(stack: Stack, device: Device, frame: Frame, uppers: Sequence[Upper]) -> None:
    """A frame for a group: each device on top of this one that has not had it gets a copy."""
    known = stack.above(stack.ns.id, device.index, None) if uppers else ()
    sender = next((upper for upper in known if _mode(upper) and upper.device.mac == frame.src_mac), None)
    for upper in uppers:
        hears = _sends_to(stack, frame, upper) if _mode(upper) == SOURCE else _hears(sender, upper)
        if _mode(upper) and hears:
            _hand(stack, device, frame, upper)


def takes_all(stack: Stack, device: Device) -> bool:
    """Whether a device in mode passthru is on top of this one, which makes it promiscuous: it has what is for
    the device itself, too."""
    return device.promiscuous and any(_mode(upper) == PASSTHRU for upper in layered.above(stack, device))


def _sends_to(stack: Stack, frame: Frame, upper: Upper) -> bool:
    """macvlan_forward_source: its list has the sender's MAC."""
    config = upper.device.macvlan
    if config is None or config.sources is not None:
        return config is not None and frame.src_mac in (config.sources or ())
    name = upper.device.name
    reason = f"{name} takes frames of some MACs, which were not collected: whether of {frame.src_mac}"
    return stack.choices.undecided(Unknown(reason))


def _hand(stack: Stack, device: Device, frame: Frame, upper: Upper) -> None:
    """To the device, or to the program behind it: of a macvtap in use the kernel sees no packet
    (tap_handle_frame)."""
    own = layered.destination(frame) in upper.ns.local_addresses
    if upper.device.kind != "macvtap" or own or isinstance(frame, Arp):
        layered.up(stack, upper.ns.id, upper.device.index, frame, by=device)
        return
    reason = f"the program that holds {upper.device.name} of {upper.ns.place} has the packet"
    stack.give_up("device.program", frame, reason, where=stack.where(device=device.name))


def _hears(sender: Upper | None, upper: Upper) -> bool:
    """macvlan_process_broadcast: what one of mode bridge sent the others have already."""
    if sender is None:
        return True
    if (sender.ns.id, sender.device.index) == (upper.ns.id, upper.device.index):
        return False
    return _mode(upper) in ({VEPA, BRIDGE} if _mode(sender) == VEPA else {VEPA}) and _mode(sender) != PRIVATE


def _mode(upper: Upper) -> int:
    return upper.device.macvlan.mode if upper.device.macvlan is not None else 0

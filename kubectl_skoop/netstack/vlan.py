"""vlan: frames with a tag (net/8021q/vlan_dev.c, vlan_dev_hard_start_xmit; vlan_core.c, vlan_do_receive)."""

from dataclasses import replace

from kubectl_skoop.model.packet import Frame, Passage
from kubectl_skoop.netstack import layered
from kubectl_skoop.netstack.device import SAME_NAMESPACE, Device
from kubectl_skoop.netstack.stack import Stack

ETH_P_8021Q = 0x8100


def transmit(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """The tag goes on, and the frame out by the device below, whatever that one's MTU is."""
    config, lower = device.vlan, stack.ns.devices.get(device.link)
    reason = ""
    if config is None or config.protocol != ETH_P_8021Q:
        reason = f"{device.name} is a VLAN device of another protocol than 802.1Q, which is not modelled"
    elif frame.vlan is not None:
        reason = f"{device.name} puts a tag in front of tag {frame.vlan}, which is not modelled"
    elif device.link_netns == SAME_NAMESPACE and lower is not None and lower.kind == "bridge":
        reason = f"{device.name} is on top of a bridge: tagged frames in a bridge are not modelled"
    if reason or config is None:
        stack.give_up("device.unmodelled", frame, reason, where=stack.where(device=device.name))
        return
    stack.step("device", f"out by {device.name}", f"tag {config.id}", device=device.name)
    layered.down(stack, device, replace(frame, vlan=config.id), passage)


def receive(stack: Stack, device: Device, frame: Frame) -> None:
    """By its tag to the device of that VLAN, before a bridge sees it; without one it is for somebody else."""
    others = []
    for upper in layered.above(stack, device):
        config = upper.device.vlan
        if config is None:
            continue
        if (config.id, config.protocol) == (frame.vlan, ETH_P_8021Q):
            layered.up(stack, upper.ns.id, upper.device.index, replace(frame, vlan=None), by=device)
            return
        others.append(f"{upper.device.name}: VLAN {config.id}")
    stack.assumptions.append(f"no namespace that was not collected has VLAN {frame.vlan} of {device.name}")
    stack.lose(
        "device.no-vlan",
        frame,
        f"no device has VLAN {frame.vlan} of {device.name}",
        where=stack.where(device=device.name),
        evidence=others or [f"{device.name} has no VLAN device"],
        remedy=f"ip link add link {device.name} name {device.name}.{frame.vlan} type vlan id {frame.vlan}",
    )

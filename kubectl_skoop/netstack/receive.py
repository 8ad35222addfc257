"""A frame arrives at a device: who takes it (net/core/dev.c, __netif_receive_skb_core)."""

from kubectl_skoop.model.packet import Arp, Frame, Packet, Passage, is_group
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack import arp, bridge, gap, icmp, ip, layered, link_hooks
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.stack import Stack

MAX_DEPTH = 32
"""Devices that one frame may pass inside one namespace before we call it a loop."""


def receive(stack: Stack, index: int, frame: Frame, passage: Passage | None = None) -> None:
    """Let the namespace handle a frame that comes in by the device with this index.

    What comes of it is in `stack.out` (frames that leave), `stack.journey` (trace, losses) and the sockets.
    """
    device = stack.ns.devices.get(index)
    if device is None:
        if reason := gap.table(stack, "links"):
            stack.give_up("device.no-peer", frame, reason)
        else:
            stack.lose("device.no-peer", frame, f"device {index} is not in the snapshot")
        return
    if stack.depth >= MAX_DEPTH:
        _end_loop(stack, device, frame)
        return
    stack.depth += 1
    try:
        _handle(stack, device, frame, passage or Passage())
    finally:
        stack.depth -= 1


def _end_loop(stack: Stack, device: Device, frame: Frame) -> None:
    """It would go round until its TTL ends; the answer then is the same."""
    message = f"the packet goes round in a loop by {device.name} until its TTL ends"
    round_trip = [step.text for step in stack.trace[-20:] if step.kind in ("route", "tunnel")]
    where = stack.where(device=device.name)
    stack.lose("forwarding.ttl", frame, message, where=where, evidence=tuple(dict.fromkeys(round_trip)))
    if isinstance(frame, Packet):
        depth, stack.depth = stack.depth, 0
        icmp.send_error(stack, frame, Passage(iif=device.index), icmp.TTL_EXCEEDED)
        stack.depth = depth


def _handle(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    if not device.up:
        stack.lose(
            "device.down",
            frame,
            f"{device.name} is down",
            where=stack.where(device=device.name),
            evidence=[f"{device.name}: not UP"],
            remedy=f"ip link set {device.name} up",
        )
        return
    if not programs_pass(stack, device, frame):
        return
    if device.redirect:
        from kubectl_skoop.netstack import ifb

        if not ifb.redirected(stack, device, frame, passage):
            return
    elif not link_hooks.passes(stack, "netdev", "ingress", device, frame):
        return
    master = stack.ns.devices.get(device.master)
    if frame.vlan is not None and device.kind != "bridge" and master and master.kind != "bond":
        reason = f"VLAN tag {frame.vlan} on {device.name}, a port of another device, is not modelled"
        stack.give_up("device.unmodelled", frame, reason, where=stack.where(device=device.name))
        return
    stack.step("device", f"in by {device.name}", device=device.name)
    if frame.vlan is not None and device.kind != "bridge" and not device.master:
        from kubectl_skoop.netstack import vlan

        vlan.receive(stack, device, frame)
    elif master is not None and master.kind == "bridge":
        bridge.handle_frame(stack, master, device, frame, passage)
    elif master is not None and master.kind == "bond":
        from kubectl_skoop.netstack import bond

        bond.receive(stack, master, device, frame, passage)
    elif device.master:
        kind = master.kind if master else "absent"
        reason = f"{device.name} belongs to a {kind} device, which is not modelled"
        stack.give_up("device.unmodelled", frame, reason, where=stack.where(device=device.name))
    elif not (_for_others(stack, device, frame) and layered.taken(stack, device, frame)):
        deliver(stack, device, frame, passage)


def _for_others(stack: Stack, device: Device, frame: Frame) -> bool:
    """Not for an address of this namespace: it may be for a device on top of this one."""
    if device.loopback:
        return False
    address = frame.dst if isinstance(frame, Packet) else frame.target
    return is_other_host(device, frame) or address not in stack.ns.local_addresses


def deliver(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """To the protocol handlers (arp_rcv, ip_rcv), which take only what is addressed to the device."""
    other_host = is_other_host(device, frame)
    if isinstance(frame, Arp):
        if not other_host:
            arp.receive(stack, device, frame)
        return
    if other_host:
        stack.lose(
            "neighbour.other-host",
            frame,
            f"the frame is for {frame.dst_mac}, but {device.name} is {device.mac}",
            where=stack.where(device=device.name),
            evidence=[f"{device.name} link/ether {device.mac}", f"frame to {frame.dst_mac}"],
            remedy="mend the neighbour entry of the sender",
        )
        return
    passage.iif = device.index
    ip.receive(stack, device, frame, passage)


def is_other_host(device: Device, frame: Frame) -> bool:
    """PACKET_OTHERHOST (eth_type_trans)."""
    if device.loopback or not frame.dst_mac:
        return False
    return not is_group(frame.dst_mac) and frame.dst_mac != device.mac


def programs_pass(stack: Stack, device: Device, frame: Frame) -> bool:
    """Whether XDP, tc and BPF programs let the frame by: not known, so both ways are followed."""
    reasons = [f"{program} on {device.name} may take the packet" for program in device.programs]
    if unread := gap.table(stack, "tc_filters", "bpf"):
        reasons.append(f"a program may take the packet: {unread}")
    for reason in reasons:
        if not stack.choices.undecided(Unknown(reason)):
            stack.lose("device.program", frame, reason, where=stack.where(device=device.name))
            return False
    return True

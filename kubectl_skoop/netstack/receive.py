"""A frame arrives at a device: who takes it (net/core/dev.c, __netif_receive_skb_core)."""

from collections.abc import Iterator
from contextlib import contextmanager

from kubectl_skoop.model.packet import Arp, Frame, Packet, PacketType, Passage, packet_type
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack import gap, ip
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices import bridge, layered, link_hooks
from kubectl_skoop.netstack.l4 import icmp
from kubectl_skoop.netstack.neighbours import arp
from kubectl_skoop.netstack.netfilter.types import Hook
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
    passage = passage or Passage()
    passage.packet_type = packet_type(frame, device.mac)
    take(stack, device, frame, passage)


def take(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """What the device's driver gave to the stack, or a bridge to its own device (netif_receive_skb)."""
    with deeper(stack, device, frame) as goes_on:
        if goes_on:
            _handle(stack, device, frame, passage)


@contextmanager
def deeper(stack: Stack, device: Device, frame: Frame) -> Iterator[bool]:
    """One device further inside this namespace; False: too far, the frame ends here."""
    if stack.depth >= MAX_DEPTH:
        _end_loop(stack, device, frame)
        yield False
        return
    stack.depth += 1
    try:
        yield True
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
        from kubectl_skoop.netstack.devices import ifb

        passed = frame if ifb.redirected(stack, device, frame, passage) else None
    else:
        passed = link_hooks.run(stack, "netdev", Hook.INGRESS, frame, passage, indev=device.index)
    if passed is None:
        return
    frame = passed
    if frame.vlan:
        from kubectl_skoop.netstack.devices import vlan

        if vlan.taken(stack, device, frame, passage):
            return
    stack.step("device", f"in by {device.name}", device=device.name)
    master = stack.ns.devices.get(device.master)
    if master is not None and master.kind == "bridge":
        bridge.handle_frame(stack, master, device, frame, passage)
    elif master is not None and master.kind == "bond":
        from kubectl_skoop.netstack.devices import bond

        bond.receive(stack, master, device, frame, passage)
    elif master is not None and master.kind == "team":
        from kubectl_skoop.netstack.devices import team

        team.receive(stack, master, device, frame, passage)
    elif device.master and (master is None or master.kind != "vrf"):
        kind = master.kind if master else "absent"
        reason = f"{device.name} belongs to a {kind} device, which is not modelled"
        stack.give_up("device.unmodelled", frame, reason, where=stack.where(device=device.name))
    elif frame.vlan:
        from kubectl_skoop.netstack.devices import vlan

        vlan.refuse(stack, device, frame)
    elif not (_for_others(stack, device, frame, passage) and layered.taken(stack, device, frame, passage)):
        deliver(stack, device, frame, passage)


def _for_others(stack: Stack, device: Device, frame: Frame, passage: Passage) -> bool:
    """Not for an address of this namespace: it may be for a device on top of this one."""
    if device.loopback:
        return False
    if device.promiscuous:
        from kubectl_skoop.netstack.devices import macvlan

        if macvlan.takes_all(stack, device):
            return True
    address = frame.dst if isinstance(frame, Packet) else frame.target
    return passage.packet_type is PacketType.OTHER_HOST or address not in stack.ns.local_addresses


def deliver(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """To the protocol handlers (arp_rcv, ip_rcv), which take only what is addressed to the device."""
    other_host = passage.packet_type is PacketType.OTHER_HOST
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


def programs_pass(stack: Stack, device: Device, frame: Frame) -> bool:
    """Whether XDP, tc and BPF programs let the frame by. One that does not may send it on where the kernel
    would not, so that what becomes of it is not known even if it would be lost here without the program."""
    unread = gap.table(stack, "tc_filters", "bpf")
    if not device.programs and not unread:
        return True
    reasons = [f"{program} on {device.name} may take the packet" for program in device.programs]
    if unread:
        reasons.append(f"a program may take the packet: {unread}")
    for reason in reasons:
        if not stack.choices.undecided(Unknown(reason)):
            stack.give_up("device.program", frame, reason, where=stack.where(device=device.name))
            return False
    return True

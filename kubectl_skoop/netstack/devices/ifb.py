"""What tc redirects as it comes in: into an ifb and back (the bandwidth plugin), or out by another device;
and as it goes out: in by another device (Terway's ipvlan).

net/sched/act_mirred.c (tcf_mirred_act), drivers/net/ifb.c (ifb_xmit, ifb_ri_tasklet).
"""

from kubectl_skoop.model.packet import Frame, Packet, PacketType, Passage
from kubectl_skoop.netstack import receive, xmit
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.stack import Stack


def redirected(stack: Stack, device: Device, frame: Frame, passage: Passage) -> bool:
    """Whether the frame comes back to the device that it came in by. Its queue may shape it, which costs time
    and not the packet."""
    target = _target(stack, device, frame, device.redirect, "comes in", "ingress, mirred egress")
    if target is None:
        return False
    stack.step("device", f"tc redirects from {device.name} to {target.name}", device=device.name)
    if target.kind != "ifb":
        xmit.transmit(stack, target, frame, passage)
        return False
    return receive.programs_pass(stack, target, frame)


def led_in(stack: Stack, device: Device, frame: Frame) -> bool:
    """Whether a filter takes what goes out by the device, for another one to receive as its own: the first
    that has the destination."""
    if not isinstance(frame, Packet) or frame.family != 4 or frame.vlan:
        return False
    index = next((one.device for one in device.led_in if frame.dst in one.network), 0)
    if not index:
        return False
    target = _target(stack, device, frame, index, "goes out", "egress, mirred ingress")
    if target is not None:
        text = f"tc leads {frame.dst} from {device.name} in by {target.name}"
        stack.step("device", text, device=device.name)
        receive.take(stack, target, frame, Passage(packet_type=PacketType.HOST))
    return True


def _target(stack: Stack, device: Device, frame: Frame, index: int, way: str, filtered: str) -> Device | None:
    """None: the frame is lost."""
    target = stack.ns.devices.get(index)
    if target is not None and target.up and target.carrier:
        return target
    name = stack.ns.device_name(index)
    stack.lose(
        "device.down",
        frame,
        f"tc sends what {way} by {device.name} to {name}, which is not up",
        where=stack.where(device=device.name),
        evidence=[f"{device.name}: tc filter {filtered} redirect dev {name}", f"{name}: not UP"],
        remedy=f"ip link set {name} up",
    )
    return None

"""What tc redirects as it comes in: into an ifb and back (the bandwidth plugin), or out by another device.

net/sched/act_mirred.c (tcf_mirred_act), drivers/net/ifb.c (ifb_xmit, ifb_ri_tasklet).
"""

from kubectl_skoop.model.packet import Frame, Passage
from kubectl_skoop.netstack import receive, xmit
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.stack import Stack


def redirected(stack: Stack, device: Device, frame: Frame, passage: Passage) -> bool:
    """Whether the frame comes back to the device that it came in by. Its queue may shape it, which costs time
    and not the packet."""
    target = stack.ns.devices.get(device.redirect)
    if target is None or not target.up or not target.carrier:
        name = stack.ns.device_name(device.redirect)
        stack.lose(
            "device.down",
            frame,
            f"tc sends what comes in by {device.name} to {name}, which is not up",
            where=stack.where(device=device.name),
            evidence=[
                f"{device.name}: tc filter ingress, mirred egress redirect dev {name}",
                f"{name}: not UP",
            ],
            remedy=f"ip link set {name} up",
        )
        return False
    stack.step("device", f"tc redirects from {device.name} to {target.name}", device=device.name)
    if target.kind != "ifb":
        xmit.transmit(stack, target, frame, passage)
        return False
    return receive.programs_pass(stack, target, frame)

"""netkit: a pair like a veth whose programs decide (drivers/net/netkit.c, netkit_xmit).

No kernel at hand has it: only what its policy drops where no program is attached is said to be known.
"""

from kubectl_skoop.model.packet import Frame
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices.stacked_types import NETKIT_DROP
from kubectl_skoop.netstack.stack import Stack


def transmit(stack: Stack, device: Device, frame: Frame) -> None:
    """Programs of both ends are attached to the primary one; that of the other is in another namespace."""
    where, config = stack.where(device=device.name), device.netkit
    known = config is not None and config.primary and not device.programs
    if known and config is not None and config.policy == NETKIT_DROP:
        message = f"{device.name} is a netkit device that drops what no program lets by"
        evidence = [f"{device.name}: netkit policy blackhole, no program"]
        stack.lose("device.program", frame, message, where=where, evidence=evidence)
        return
    reason = f"{device.name} is a netkit device: its programs, which decide, are not modelled"
    stack.give_up("device.unmodelled", frame, reason, where=where)

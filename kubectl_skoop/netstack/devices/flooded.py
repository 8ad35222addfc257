"""Copies of a flooded question that nothing comes of, so that nobody has to handle them one by one."""

from kubectl_skoop.model.packet import Arp
from kubectl_skoop.netstack import gap
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.neighbours import arp, neighbour
from kubectl_skoop.netstack.stack import Stack


def goes_unheard(stack: Stack, device: Device, question: Arp) -> bool:
    """Whether `receive` would do nothing but drop it; False also where that is not plain to see."""
    return (
        question.request
        and question.vlan is None
        and not (device.master or device.programs or device.redirect)
        and not (stack.ns.netfilter.link_chains or stack.ns.netfilter.link_unknowns)
        and not gap.table(stack, "tc_filters", "bpf")
        and neighbour.known(stack, device, question.sender) is None
        and arp.is_for_others(stack, device, question.target)
        and not stack.above(stack.ns.id, device.index, question.target)
        and device.index not in stack.ns.devices_on_top
    )

"""Copies of a flooded question that nothing comes of, so that nobody has to handle them one by one."""

from kubectl_skoop.model.packet import Arp
from kubectl_skoop.netstack import gap
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours import arp, neighbour
from kubectl_skoop.netstack.remembered import remembered
from kubectl_skoop.netstack.stack import Stack


def goes_unheard(stack: Stack, device: Device, question: Arp) -> bool:
    """Whether `receive` would do nothing but drop it; False also where that is not plain to see."""
    return (
        question.request
        and question.vlan is None
        and _is_plain(stack.ns, device.index)
        and neighbour.known(stack, device, question.sender) is None
        and arp.is_for_others(stack.ns, device, question.target)
        and not stack.above(stack.ns.id, device.index, question.target)
    )


@remembered
def _is_plain(ns: NetworkNamespace, index: int) -> bool:
    """Nothing but the protocol handlers sees what comes in by the device."""
    device = ns.devices[index]
    return (
        not (device.master or device.programs or device.redirect)
        and not (ns.netfilter.link_chains or ns.netfilter.link_unknowns)
        and not gap.table_of(ns, "tc_filters", "bpf")
        and index not in ns.devices_on_top
    )

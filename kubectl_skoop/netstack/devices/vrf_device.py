"""What a VRF device does with packets: hooks see them once more with it in the place of its port.

drivers/net/vrf.c: vrf_ip_rcv, vrf_ip_out_direct, vrf_xmit.
"""

from dataclasses import replace

from kubectl_skoop.model.packet import Frame, Packet, Passage
from kubectl_skoop.netstack import hook_end, ip, receive
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices import vrf
from kubectl_skoop.netstack.fragment import traverse
from kubectl_skoop.netstack.l4 import transport
from kubectl_skoop.netstack.netfilter import conntrack
from kubectl_skoop.netstack.netfilter.outcome import Passed
from kubectl_skoop.netstack.netfilter.types import Hook
from kubectl_skoop.netstack.routing.flow import FlowKey
from kubectl_skoop.netstack.routing.output import RouteError, route_output
from kubectl_skoop.netstack.stack import Stack


def entered(stack: Stack, device: Device, packet: Packet, passage: Passage) -> Packet | None:
    """vrf_ip_rcv: PREROUTING for the VRF of the device that the packet came in by; None: it ends there."""
    master = vrf.of(stack.ns, device.index)
    if master is None or master.index == device.index:
        return packet
    if packet.dst.is_multicast or (packet.family == 6 and packet.dst.is_link_local):
        return packet
    stack.step("device", f"{device.name} is in {master.name}", device=master.name)
    result = traverse(stack, Hook.PREROUTING, packet, passage, indev=master.index, outdev=0)
    if isinstance(result, Passed):
        return result.packet
    hook_end.end(stack, result, packet, passage, device)
    return None


def leaves(stack: Stack, packet: Packet, passage: Passage, outdev: int) -> bool:
    """vrf_ip_out_direct: OUTPUT and POSTROUTING for the VRF of the device that a packet leaves by, without
    conntrack (vrf_nf_set_untracked); whether it goes on."""
    master = vrf.of(stack.ns, outdev)
    if master is None or master.index == outdev or packet.dst.is_multicast:
        return True
    beside = passage
    if conntrack.connection_of(passage) is None:
        beside = replace(passage, connection=None, ct_state=conntrack.UNTRACKED)
    for hook in (Hook.OUTPUT, Hook.POSTROUTING):
        result = traverse(stack, hook, packet, beside, indev=0, outdev=master.index)
        if not isinstance(result, Passed):
            transport.refused_locally(stack, packet, passage, result)
            hook_end.end(stack, result, packet, passage, None)
            return False
    passage.mark = beside.mark
    return True


def transmit(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """vrf_xmit: what is for an address of the VRF comes back in by it (vrf_local_xmit), the rest goes on by
    the VRF's table. Nobody is told of what has no route there."""
    if not isinstance(frame, Packet):
        return
    packet = replace(frame, src_mac="", dst_mac="")
    route = route_output(stack, FlowKey(dst=packet.dst, oif=device.index, tos=packet.tos))
    if isinstance(route, RouteError):
        ip.lose_unroutable(stack, packet, packet.dst, route)
    elif route.type == "local":
        receive.receive(stack, device.index, packet, passage)
    elif route.device == device.index:
        message = f"the table of {device.name} routes {packet.dst} into {device.name} itself: a loop"
        stack.lose("forwarding.ttl", packet, message, where=stack.where(device=device.name))
    else:
        with receive.deeper(stack, device, packet) as goes_on:
            if goes_on:
                ip.put_out(stack, packet, passage, route, indev=0)

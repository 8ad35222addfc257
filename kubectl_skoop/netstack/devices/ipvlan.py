"""ipvlan: several devices with one MAC, told apart by address.

drivers/net/ipvlan: ipvlan_core.c, ipvlan_l3s.c. In mode l2 the pods resolve neighbours; in l3 the host routes
what they send; in l3s what they get passes the host's PREROUTING and INPUT, too.
"""

from collections.abc import Sequence
from dataclasses import replace

from kubectl_skoop.model.packet import Frame, Packet, Passage, is_group
from kubectl_skoop.netstack import fragment, hook_end, ip
from kubectl_skoop.netstack.device import IPVLAN_L2, IPVLAN_L3S, Device
from kubectl_skoop.netstack.devices import layered
from kubectl_skoop.netstack.netfilter.outcome import Passed
from kubectl_skoop.netstack.netfilter.types import Hook
from kubectl_skoop.netstack.routing.output import RouteError, route_output
from kubectl_skoop.netstack.stack import Stack, Upper


def transmit(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """ipvlan_queue_xmit."""
    if device.ipvlan is None:
        reason = f"the mode of {device.name} was not collected"
        stack.give_up("device.unmodelled", frame, reason, where=stack.where(device=device.name))
        return
    stack.step("device", f"out by {device.name}", device=device.name)
    if device.ipvlan.mode == IPVLAN_L2:
        _transmit_l2(stack, device, frame, passage)
    elif not _to_neighbour(stack, device, frame):
        layered.route(stack, device, frame)


def _transmit_l2(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """ipvlan_xmit_mode_l2: to the own MAC it is for another of these devices, or for the host that has the
    one below; all else goes out by that one."""
    netns = layered.lower_netns(stack, device)
    if is_group(frame.dst_mac):
        for upper in stack.above(netns, device.link, None):
            other = (upper.ns.id, upper.device.index) != (stack.ns.id, device.index)
            if upper.device.ipvlan is not None and upper.device.up and other:
                layered.up(stack, upper.ns.id, upper.device.index, frame, by=device)
    elif frame.dst_mac == device.mac and not (device.ipvlan and device.ipvlan.vepa):
        if not _to_neighbour(stack, device, frame):
            layered.up(stack, netns, device.link, frame, by=device)
        return
    layered.down(stack, device, frame, passage)


def _to_neighbour(stack: Stack, device: Device, frame: Frame) -> bool:
    """Whether another device on the same one has the address; a private one gives it nothing."""
    config = device.ipvlan
    if config is None or config.vepa:
        return False
    address = layered.destination(frame)
    uppers = stack.above(layered.lower_netns(stack, device), device.link, None)
    found = next((one for one in uppers if one.device.ipvlan and one.device.up and one.has(address)), None)
    if config.private and found is not None:
        stack.lose(
            "device.private",
            frame,
            f"{device.name} is private: it sends nothing to others on the same device",
            where=stack.where(device=device.name),
            evidence=[f"{device.name}: ipvlan private"],
            remedy="use the flag bridge for the devices, or another way between the pods",
        )
        return True
    if found is not None:
        layered.up(stack, found.ns.id, found.device.index, replace(frame, dst_mac=device.mac), by=device)
    return found is not None


def routed(stack: Stack, device: Device, packet: Packet) -> None:
    """ipvlan_process_v4_outbound, in the namespace of the device below: routed out by that one, past FORWARD.
    Nobody is told what has no route."""
    key = ip.flow_key(packet)._replace(oif=device.index, protocol=0, sport=0, dport=0)
    route = route_output(stack, key)
    if isinstance(route, RouteError):
        ip.lose_unroutable(stack, packet, packet.dst, route)
    elif route.type not in ("unicast", "local"):
        stack.lose("route.martian", packet, f"{packet.dst} is an address of type {route.type}")
    else:
        ip.send(stack, packet, Passage(), route, ttl=packet.ttl)


def receive(stack: Stack, device: Device, frame: Frame, uppers: Sequence[Upper]) -> bool:
    """ipvlan_handle_mode_l3, which mode l2 uses, too: by address, among the devices that are up."""
    address = layered.destination(frame)
    for upper in uppers:
        config = upper.device.ipvlan
        if config is None or config.mode == IPVLAN_L3S or not upper.device.up or not upper.has(address):
            continue
        layered.up(stack, upper.ns.id, upper.device.index, frame, by=device)
        return True
    return False


def taken_by_pod(stack: Stack, device: Device, packet: Packet, passage: Passage) -> bool:
    """ipvlan_l3_rcv, ipvlan_nf_input (mode l3s): after PREROUTING of the host, whether a device on top of it
    has the destination; the host's INPUT then decides, and the pod's own hooks see nothing."""
    if packet.dst in stack.ns.local_addresses:
        return False
    for upper in layered.above(stack, device, packet.dst):
        config = upper.device.ipvlan
        if config is None or config.mode != IPVLAN_L3S or not upper.has(packet.dst):
            continue
        packet = fragment.whole(packet)
        result = fragment.traverse(stack, Hook.INPUT, packet, passage, indev=device.index, outdev=0)
        if isinstance(result, Passed):
            layered.deliver(stack, upper, replace(result.packet, dst_mac=""), device)
        else:
            hook_end.end(stack, result, packet, passage, device)
        return True
    return False


def flood(stack: Stack, device: Device, frame: Frame, uppers: Sequence[Upper]) -> None:
    """ipvlan_handle_mode_l2: of a frame for a group from outside each device gets a copy. In the other modes
    the devices resolve no neighbours, and tell nobody of themselves."""
    for upper in uppers:
        if upper.device.ipvlan is not None and upper.device.up and upper.device.ipvlan.mode == IPVLAN_L2:
            layered.up(stack, upper.ns.id, upper.device.index, frame, by=device)

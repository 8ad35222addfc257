"""Devices on top of another one (vlan, macvlan, ipvlan): the two may be in different namespaces."""

from collections.abc import Iterable, Iterator, Sequence

from kubectl_skoop.model.changed import changed
from kubectl_skoop.model.packet import Address, Frame, Packet, PacketType, Passage, is_group
from kubectl_skoop.netstack import receive, xmit
from kubectl_skoop.netstack.device import IPVLAN_L3, SAME_NAMESPACE, Device
from kubectl_skoop.netstack.l4 import transport
from kubectl_skoop.netstack.stack import Handover, Stack, Upper, Way


def down(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """Out by the lower device (dev_queue_xmit)."""
    if device.link_netns != SAME_NAMESPACE:
        hand(stack, device.link_netns, device.link, frame, device, "down")
    elif (lower := stack.ns.devices.get(device.link)) is None:
        stack.lose("device.no-peer", frame, f"the device below {device.name} is not in the snapshot")
    else:
        xmit.transmit(stack, lower, frame, passage)


def up(stack: Stack, netns: str, index: int, frame: Frame, *, by: Device) -> None:
    """In by another device of the same host (netif_rx)."""
    if netns == stack.ns.id:
        receive.receive(stack, index, frame)
    else:
        hand(stack, netns, index, frame, by, "up")


def route(stack: Stack, device: Device, frame: Frame) -> None:
    """Out by the routes of the namespace that the lower device is in (ipvlan_process_outbound); other frames
    than packets for one station are dropped."""
    if not isinstance(frame, Packet) or is_group(frame.dst_mac) or frame.dst.is_multicast:
        message = f"{device.name} carries packets for single addresses only (ipvlan in mode l3)"
        stack.lose("device.private", frame, message, where=stack.where(device=device.name))
        return
    packet, netns = changed(frame, src_mac="", dst_mac=""), lower_netns(stack, device)
    if netns != stack.ns.id:
        hand(stack, netns, device.link, packet, device, "routed")
    elif (lower := stack.ns.devices.get(device.link)) is not None:
        enter(stack, lower, packet, "routed")


def deliver(stack: Stack, upper: Upper, packet: Packet, by: Device) -> None:
    """To the sockets of the namespace that the upper device is in."""
    if upper.ns.id != stack.ns.id:
        hand(stack, upper.ns.id, upper.device.index, packet, by, "delivered")
    else:
        enter(stack, upper.device, packet, "delivered")


def enter(stack: Stack, device: Device, frame: Frame, way: Way) -> None:
    """What was handed to this namespace's layer 3, past its device."""
    if not isinstance(frame, Packet):
        return
    if way == "routed":
        from kubectl_skoop.netstack.devices import ipvlan

        ipvlan.routed(stack, device, frame)
    else:
        transport.deliver(stack, device, frame, Passage(iif=device.index))


def hand(stack: Stack, netns: str, index: int, frame: Frame, by: Device, way: Way) -> None:
    """To a device of any namespace of the host."""
    stack.out.append(Handover(netns, index, frame, stack.journey, by.name, way))


def lower_netns(stack: Stack, device: Device) -> str:
    """The namespace that the lower device is in."""
    return device.link_netns or stack.ns.id


def above(stack: Stack, device: Device, address: Address | None = None) -> Iterator[Upper]:
    """The devices on top of one of this namespace, those of this namespace first: the others' states are read
    only if they are asked for, and with an address only that of the pod that has it."""
    yield from (Upper(stack.ns, other) for other in stack.ns.devices_on_top.get(device.index, ()))
    others = stack.above(stack.ns.id, device.index, address)
    yield from (upper for upper in others if upper.ns.id != stack.ns.id)


def taken(stack: Stack, device: Device, frame: Frame, passage: Passage) -> bool:
    """Whether a device on top of this one takes the frame (the rx_handler of the lower device), by MAC
    (macvlan) or by address (ipvlan). It is asked only where the frame is not for this namespace.

    A question for a neighbour is handed to who has the address alone: all others would stay silent.
    """
    uppers = _takers(above(stack, device, frame.neighbour if frame.asks else destination(frame)))
    if is_group(frame.dst_mac):
        if frame.neighbour is not None and uppers:
            _flood(stack, device, frame, uppers)
        return any(upper.device.ipvlan and upper.device.ipvlan.mode == IPVLAN_L3 for upper in uppers)
    other_host = passage.packet_type is PacketType.OTHER_HOST
    from kubectl_skoop.netstack.devices import ipvlan, macvlan

    passthru = macvlan.takes_all(stack, device)
    if passthru or (not uppers and other_host and stack.ns.place.kind == "node"):
        uppers = _takers(above(stack, device))
    if not uppers:
        return False
    takes = macvlan.receive if other_host or passthru else ipvlan.receive
    return takes(stack, device, frame, uppers)


def _takers(uppers: Iterable[Upper]) -> list[Upper]:
    return [upper for upper in uppers if upper.device.macvlan or upper.device.ipvlan]


def _flood(stack: Stack, device: Device, frame: Frame, uppers: Sequence[Upper]) -> None:
    from kubectl_skoop.netstack.devices import ipvlan, macvlan

    macvlan.flood(stack, device, frame, uppers)
    ipvlan.flood(stack, device, frame, uppers)


def destination(frame: Frame) -> Address:
    """Whom a frame is for, by address (ipvlan_addr_lookup)."""
    return frame.dst if isinstance(frame, Packet) else frame.target

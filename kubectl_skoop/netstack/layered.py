"""Devices on top of another one (vlan, macvlan): the two may be in different namespaces."""

from collections.abc import Iterator

from kubectl_skoop.model.packet import Frame, Passage
from kubectl_skoop.netstack import receive, xmit
from kubectl_skoop.netstack.device import SAME_NAMESPACE, Device
from kubectl_skoop.netstack.stack import Handover, Stack, Upper


def down(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """Out by the lower device (dev_queue_xmit)."""
    if device.link_netns != SAME_NAMESPACE:
        stack.out.append(Handover(device.link_netns, device.link, frame, stack.journey, device.name, True))
    elif (lower := stack.ns.devices.get(device.link)) is None:
        stack.lose("device.no-peer", frame, f"the device below {device.name} is not in the snapshot")
    else:
        xmit.transmit(stack, lower, frame, passage)


def up(stack: Stack, netns: str, index: int, frame: Frame, *, by: Device) -> None:
    """In by another device of the same host (netif_rx)."""
    if netns == stack.ns.id:
        receive.receive(stack, index, frame)
    else:
        stack.out.append(Handover(netns, index, frame, stack.journey, by.name, False))


def lower_netns(stack: Stack, device: Device) -> str:
    """The namespace that the lower device is in."""
    return device.link_netns or stack.ns.id


def above(stack: Stack, device: Device) -> Iterator[Upper]:
    """The devices on top of one of this namespace, those of this namespace first: the others' states are read
    only if they are asked for."""
    own = [
        other
        for other in stack.ns.devices.values()
        if other.link == device.index and other.link_netns == SAME_NAMESPACE and other.index != device.index
    ]
    yield from (Upper(stack.ns.id, other) for other in own)
    yield from (upper for upper in stack.above(stack.ns.id, device.index) if upper.netns != stack.ns.id)

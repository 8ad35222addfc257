"""A vxlan device that answers questions for neighbours by its own table (`proxy`; arp_reduce, neigh_reduce).

No question leaves by it, and of ARP nothing at all.
"""

from kubectl_skoop.model.packet import Arp, Frame, PacketType, Passage
from kubectl_skoop.netstack import gap, receive
from kubectl_skoop.netstack.device import IFF_NOARP, Device
from kubectl_skoop.netstack.neighbours.neighbour_answer import in_its_name
from kubectl_skoop.netstack.neighbours.neighbour_types import NUD_CONNECTED
from kubectl_skoop.netstack.stack import Stack


def reduces(device: Device, frame: Frame) -> bool:
    return device.vxlan is not None and device.vxlan.proxy and (isinstance(frame, Arp) or frame.asks)


def reduce(stack: Stack, device: Device, frame: Frame) -> None:
    where = stack.where(device=device.name)
    if not frame.asks or frame.neighbour is None:
        message = f"{device.name} lets no ARP out (proxy)"
        stack.lose("neighbour.silent", frame, message, where=where, evidence=[f"{device.name}: proxy"])
        return
    if unread := gap.table(stack, "neighbours", "fdb"):
        stack.give_up("neighbour.silent", frame, unread, where=where)
        return
    mac = _connected(stack, device, frame)
    reply = in_its_name(frame, mac) if mac and not device.flags & IFF_NOARP else None
    if reply is not None:
        stack.step("neighbour", f"{frame.neighbour} is at {mac}", "answered by proxy", device=device.name)
        receive.take(stack, device, reply, Passage(packet_type=PacketType.HOST))
    elif mac is None and device.vxlan is not None and device.vxlan.l3miss:
        reason = f"{device.name} tells a daemon that it lacks {frame.neighbour} (l3miss), which may add it"
        stack.give_up("neighbour.silent", frame, reason, where=where)
    else:
        stack.lose(
            "neighbour.silent",
            frame,
            f"{device.name} does not ask others for {frame.neighbour} (proxy), and does not know it itself",
            where=where,
            evidence=[f"{device.name}: proxy", f"{frame.neighbour} dev {device.name}: no permanent entry"],
            remedy=f"ip neigh replace {frame.neighbour} lladdr MAC dev {device.name} nud permanent",
        )


def _connected(stack: Stack, device: Device, frame: Frame) -> str | None:
    """Of a stale entry it says nothing."""
    if frame.neighbour is None:
        return None
    entry = stack.ns.neighbour_by_key.get((device.index, frame.neighbour))
    if entry is not None and entry.state & NUD_CONNECTED:
        return entry.mac
    return stack.neighbours.get((device.index, frame.neighbour))

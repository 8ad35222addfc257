"""A bridge that answers questions for neighbours itself (net/bridge/br_arp_nd_proxy.c).

With `neigh_suppress` at a port the bridge answers for those behind it, by its own neighbour table, and floods
no question to it that it has answered or need not ask; so do `proxy_arp` (where the question came in) and
`proxy_arp_wifi` (where the answer would come from) for ARP.
"""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

from kubectl_skoop.model.packet import (
    Address,
    Arp,
    Frame,
    PacketType,
    Passage,
)
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack import gap, receive, xmit
from kubectl_skoop.netstack.device import BridgePort, Device
from kubectl_skoop.netstack.devices import bridge_fdb
from kubectl_skoop.netstack.neighbours import arp, neighbour
from kubectl_skoop.netstack.neighbours.neighbour_answer import in_its_name
from kubectl_skoop.netstack.stack import Stack

_NONE = IPv4Address(0), IPv6Address(0)


def suppresses(stack: Stack, bridge: Device) -> bool:
    """BROPT_NEIGH_SUPPRESS_ENABLED"""
    return any(
        port.master == bridge.index and _settings(port).neigh_suppress for port in stack.ns.devices.values()
    )


def answered(stack: Stack, bridge: Device, port: Device | None, frame: Frame, vlan: int) -> bool:
    """br_do_proxy_suppress_arp, br_do_suppress_nd: whether ports that suppress are not asked any more.

    `port`: by which it came in; None: the namespace itself asks.
    """
    target = frame.neighbour
    if target is None or target.is_loopback or target.is_multicast:
        return False
    enabled = suppresses(stack, bridge)
    if not enabled and (port is None or not isinstance(frame, Arp)):
        return False
    if enabled and _settings(port).neigh_suppress:
        return False
    if enabled and _speaks_for_itself(frame):
        return True
    device = _holder(stack, bridge, vlan)
    if not frame.asks or device is None:
        return False
    if enabled and _is_own(stack, device, target):
        return True
    mac = neighbour.known(stack, device, target)
    if mac is None:
        unread = gap.table(stack, "neighbours")
        return bool(unread) and stack.choices.undecided(Unknown(f"whether {bridge.name} answers: {unread}"))
    behind = bridge_fdb.port_of(stack, bridge, mac, vlan)
    if behind is None and not bridge_fdb.is_local(stack, bridge, mac, vlan):
        return False
    leads_to = _settings(stack.ns.devices.get(behind or 0))
    by_proxy = isinstance(frame, Arp) and (_settings(port).proxy_arp or leads_to.proxy_arp_wifi)
    if not by_proxy and not leads_to.neigh_suppress:
        return enabled
    _answer(stack, bridge, port, frame, vlan, mac)
    return True


def _settings(port: Device | None) -> BridgePort:
    return port.port if port is not None and port.port is not None else BridgePort()


def _speaks_for_itself(frame: Frame) -> bool:
    """A probe for duplicates, an announcement."""
    if isinstance(frame, Arp):
        return frame.sender in (*_NONE, frame.target)
    return frame.asks and frame.src in (*_NONE, frame.dst)


def _holder(stack: Stack, bridge: Device, vlan: int) -> Device | None:
    """Whose neighbours are asked: the bridge's, or those of its VLAN device."""
    if not vlan:
        return bridge
    return next(
        (
            device
            for device in stack.ns.devices.values()
            if device.vlan is not None and (device.link, device.vlan.id) == (bridge.index, vlan)
        ),
        None,
    )


def _is_own(stack: Stack, device: Device, address: Address) -> bool:
    """br_is_local_ip: an address of the device, or of one above it."""
    entry = stack.ns.local_addresses.get(address)
    holder = stack.ns.devices.get(entry.device) if entry else None
    return holder is not None and device.index in (holder.index, holder.link)


def _answer(stack: Stack, bridge: Device, port: Device | None, frame: Frame, vlan: int, mac: str) -> None:
    """br_arp_send, br_nd_send: in the neighbour's name, by the port that asked; to the bridge itself as if it
    came in. With the VLAN's tag, unless it is the PVID."""
    asker = port or bridge
    stack.step("neighbour", f"{frame.neighbour} is at {mac}", "answered by the bridge", device=asker.name)
    reply = in_its_name(frame, mac)
    if reply is None:
        return
    if vlan and not any(own.vid == vlan and own.pvid for own in asker.vlans):
        reply = replace(reply, vlan=vlan)
    if port is None:
        receive.take(stack, bridge, reply, Passage(packet_type=PacketType.HOST))
    elif isinstance(reply, Arp):
        arp.send(stack, port, reply)
    else:
        xmit.transmit(stack, port, reply, Passage())

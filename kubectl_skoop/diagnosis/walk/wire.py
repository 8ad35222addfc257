"""Where a device leads: the peer of a veth, the owner of a MAC or an address on the underlay, the outside."""

from typing import NamedTuple

from kubectl_skoop.diagnosis.walk.branch import Branch
from kubectl_skoop.diagnosis.walk.world import Port, World, on_underlay
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Address, Frame, Packet, is_group
from kubectl_skoop.model.path import LinkKind
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack import gap
from kubectl_skoop.netstack.device import SAME_NAMESPACE, Device
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.stack import Stack


class Arrival(NamedTuple):
    """The frame comes in at a device that was collected."""

    kind: LinkKind
    port: Port


class Outside(NamedTuple):
    """The frame leaves what was collected by the underlay."""

    nexthop: Address | None
    """Whose MAC it is addressed to, if the sender's neighbour table says so."""


class Nowhere(NamedTuple):
    """It cannot be told where the device leads."""

    reason: str


class Nobody(NamedTuple):
    """The underlay leads the frame to an interface that its node does not have."""

    mac: str
    node: Place


Lead = Arrival | Outside | Nowhere


def lead(branch: Branch, stack: Stack, device: Device, frame: Frame) -> Lead | None:
    """None: nobody there takes the frame (a question that nobody has the answer to)."""
    if device.kind == "veth" and not device.link_netns.startswith("unmapped"):
        return _veth_peer(branch.world, stack.ns, device)
    if device.kind == "tun":
        reason = (
            "a process has its other end, and what that does with the packet is not in the kernel's state"
        )
        return Nowhere(f"{device.name} of {stack.ns.place} is a tun device: {reason}")
    if on_underlay(stack.ns, device):
        if frame.vlan and branch.world.pods_in_underlay:
            return _of_branch(branch, stack, device, frame)
        found = _underlay(branch, stack, device, frame)
        if stack.ns.place.kind == "pod":
            branch.assume(f"{device.name} of {stack.ns.place} is on the network between the nodes")
        if not frame.vlan:
            return found
        if isinstance(found, Arrival):
            branch.assume(f"the network between the nodes carries VLAN {frame.vlan}")
            return found
        return Nowhere(f"what is in VLAN {frame.vlan} behind {device.name} of {stack.ns.place} is not known")
    return Nowhere(f"{device.name} of {stack.ns.place} leads to a namespace that was not collected")


def nobody(branch: Branch, packet: Packet, mac: str) -> Nobody | None:
    """Where the underlay's own interface has the pod's address. None: the pod's node was not collected, or it
    is not known."""
    pod = branch.world.pod_of_address(packet.dst)
    place = Place("node", pod[1]) if pod is not None and pod[1] else None
    ns = branch.world.at(place) if place is not None else None
    if place is None or ns is None or isinstance(ns, NotCollected) or gap.table_of(ns, "links"):
        return None
    return Nobody(mac, place)


def _veth_peer(world: World, ns: NetworkNamespace, device: Device) -> Lead:
    identity = ns.id if device.link_netns == SAME_NAMESPACE else device.link_netns
    peer_ns = world.by_id(identity)
    if isinstance(peer_ns, NotCollected):
        return Nowhere(f"{device.name} of {ns.place} leads to {peer_ns.what}: {peer_ns.reason}")
    peer = peer_ns.devices.get(device.link)
    if peer is None:
        reason = gap.table_of(peer_ns, "links")
        return Nowhere(
            f"the peer of {device.name} of {ns.place} is not in the snapshot"
            + (f": {reason}" if reason else "")
        )
    return Arrival("veth", Port(peer_ns, peer))


def _underlay(branch: Branch, stack: Stack, device: Device, frame: Frame) -> Lead | None:
    if frame.neighbour is not None and frame.asks and is_group(frame.dst_mac):
        owner = branch.world.owner_of_address(frame.neighbour) or branch.world.before_pod(frame.neighbour)
        if owner is None:
            if reason := branch.world.unread_owner(frame.neighbour):
                return Nowhere(reason)
            if branch.world.node_of_address(frame.neighbour) is not None:
                return None
            if all(frame.src_mac != own.mac for own in stack.ns.devices.values()):
                return Nowhere(f"whether {frame.neighbour} is on the network of {device.name} is not known")
            return Outside(frame.neighbour) if _may_be_outside(stack, device, frame.neighbour) else None
        if owner.branch is not None:
            return Outside(frame.neighbour)
        if owner.ns.id == stack.ns.id:
            by_another = branch.world.pods_in_underlay and owner.device.index != device.index
            return Outside(frame.neighbour) if by_another else None
        branch.assume(f"{owner.ns.place} hears {stack.ns.place} on the underlay")
        return Arrival("infra", owner)
    if is_group(frame.dst_mac):
        return None
    nexthops = _addresses_of(stack, device, frame.dst_mac)
    destination = [frame.dst] if isinstance(frame, Packet) else [frame.target]
    owner = branch.world.owner_of_mac(frame.dst_mac, [*nexthops, *destination])
    if owner is not None and owner.ns.id != stack.ns.id:
        return Arrival("infra", owner)
    for address in nexthops:
        owner = branch.world.owner_of_address(address)
        if owner is not None and owner.branch is None and owner.ns.id != stack.ns.id:
            return Arrival("infra", owner)
    owner = branch.world.below_pod(destination[0], frame.dst_mac)
    if owner is not None and owner.branch is None and owner.ns.id != stack.ns.id:
        return Arrival("infra", owner)
    if frame.dst_mac == device.mac and branch.world.pods_in_underlay:
        return Nowhere(
            f"{device.name} of {stack.ns.place} sends to its own MAC (it is set NOARP): whether the network "
            "between the nodes takes that is not known"
        )
    if reason := _misled(branch, stack, frame):
        return Nowhere(reason)
    return Outside(nexthops[0] if nexthops else None)


def _misled(branch: Branch, stack: Stack, frame: Frame) -> str:
    """Why nobody may take what a pod on top of the device sends: it believes a known address to be at another
    MAC than its owner's. Empty: it does not."""
    pod = branch.world.pod_of_address(frame.src) if isinstance(frame, Packet) else None
    ns = branch.world.at(pod[0]) if pod is not None else stack.ns
    if isinstance(ns, NotCollected) or ns.id == stack.ns.id:
        return ""
    for entry in ns.neighbours:
        known = entry.mac == frame.dst_mac and branch.world.owner_of_address(entry.address)
        if known and known.mac != entry.mac:
            return f"{ns.place} takes {entry.address} to be at {entry.mac}, and no device that is known is"
    return ""


def _of_branch(branch: Branch, stack: Stack, device: Device, frame: Frame) -> Lead | None:
    """A VLAN of a NIC where the underlay has an interface for each: only its router is on that link, which
    answers for all that the underlay knows."""
    if not (frame.asks and frame.neighbour is not None):
        return None if is_group(frame.dst_mac) else Outside(None)
    world = branch.world
    known = world.pod_of_address(frame.neighbour) or world.node_of_address(frame.neighbour)
    return Outside(frame.neighbour) if known or _may_be_outside(stack, device, frame.neighbour) else None


def _may_be_outside(stack: Stack, device: Device, address: Address) -> bool:
    """An address that no node has: a default gateway or the destination itself is taken to be out there,
    unless it did not answer when the snapshot was taken (K-69)."""
    asking = [device.index, *(other.index for other in stack.ns.devices.values() if other.kind == "vlan")]
    for index in asking:
        entry = stack.ns.neighbour_by_key.get((index, address))
        if entry is not None and not entry.valid and not stack.cold:
            return False
    gateways = [
        nexthop.gateway
        for route in stack.ns.routes
        if not route.destination.prefixlen
        for nexthop in route.nexthops
    ]
    waiting = [entry for index in asking for entry in stack.waiting.get((index, address), ())]
    return address in gateways or any(entry.packet.dst == address for entry in waiting)


def _addresses_of(stack: Stack, device: Device, mac: str) -> list[Address]:
    """The addresses that this namespace believes to be at a MAC."""
    found = [*stack.ns.addresses_by_mac.get((device.index, mac), ())]
    found += [
        address
        for (index, address), known in stack.neighbours.items()
        if (index, known) == (device.index, mac)
    ]
    return found

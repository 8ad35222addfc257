"""ARP: asking and answering (net/ipv4/arp.c; K-58 to K-62)."""

from ipaddress import IPv4Address, IPv4Network

from kubectl_skoop.model.packet import BROADCAST_MAC, Address, Arp, Packet, Passage
from kubectl_skoop.netstack import link_hooks, neighbour, xmit
from kubectl_skoop.netstack.device import IFF_NOARP, Device
from kubectl_skoop.netstack.routing.input import Forward, Local, route_input
from kubectl_skoop.netstack.routing.local import address_type
from kubectl_skoop.netstack.routing.lookup import FlowKey
from kubectl_skoop.netstack.routing.output import RouteError, route_output
from kubectl_skoop.netstack.routing.select import select_address
from kubectl_skoop.netstack.routing.types import SCOPE_LINK
from kubectl_skoop.netstack.stack import Stack


def solicit(stack: Stack, device: Device, target: Address, packet_source: Address) -> None:
    """arp_solicit: broadcast a request; which address it names as its own is arp_announce's affair (K-62)."""
    if not isinstance(target, IPv4Address):
        return
    sender = _announced(stack, device, target, packet_source)
    if sender is None:
        return
    request = Arp(request=True, sender_mac=device.mac, sender=sender, target=target, src_mac=device.mac)
    stack.step("neighbour", f"who has {target} tell {sender}", "asked", device=device.name)
    _send(stack, device, request)


def receive(stack: Stack, device: Device, message: Arp) -> None:
    """arp_process."""
    if device.flags & IFF_NOARP or not link_hooks.passes(stack, "arp", "input", device, message):
        return
    if not message.request:
        neighbour.learn(stack, device, message.sender, message.sender_mac)
        return
    known = neighbour.known(stack, device, message.sender)
    if _answers(stack, device, message):
        _reply(stack, device, message)
        neighbour.learn(stack, device, message.sender, message.sender_mac)
    elif known is not None:
        neighbour.learn(stack, device, message.sender, message.sender_mac)


def _answers(stack: Stack, device: Device, message: Arp) -> bool:
    target = message.target
    if target.is_multicast or (
        target.is_loopback and not stack.ns.sysctls.either(device.name, "route_localnet")
    ):
        return False
    if int(message.sender) == 0:
        return address_type(stack.ns, target) == "LOCAL" and not _ignored(stack, device, message)
    question = Packet(src=message.sender, dst=target, protocol=0, src_mac=message.src_mac)
    with stack.aside():
        route = route_input(stack, question, device.index, 0)
    match route:
        case Local():
            return not _ignored(stack, device, message) and not _filtered(stack, device, message)
        case Forward():
            return _proxies(stack, device, target, route)
        case _:
            return False


def _ignored(stack: Stack, device: Device, message: Arp) -> bool:
    """arp_ignore."""
    match stack.ns.sysctls.maximum(device.name, "arp_ignore"):
        case 0:
            return False
        case 1:
            return not _on_device(stack, device, message.target)
        case 2:
            return not _on_device(stack, device, message.target, near=message.sender)
        case 3:
            entry = stack.ns.local_addresses.get(message.target)
            return entry is None or entry.scope == 254
        case 8:
            return True
        case _:
            return False


def _filtered(stack: Stack, device: Device, message: Arp) -> bool:
    """arp_filter: answer only where the kernel would send to the asker by this device."""
    if not stack.ns.sysctls.either(device.name, "arp_filter"):
        return False
    with stack.aside():
        route = route_output(stack, FlowKey(dst=message.sender, src=message.target))
    return isinstance(route, RouteError) or route.device != device.index


def _proxies(stack: Stack, device: Device, target: IPv4Address, route: Forward) -> bool:
    """arp_fwd_proxy, arp_fwd_pvlan, pneigh_lookup; all need forwarding and a usable route (K-59, K-60)."""
    if route.device != device.index:
        if stack.ns.sysctls.either(device.name, "proxy_arp"):
            return True
        return any(
            entry.proxy and entry.address == target and entry.device in (0, device.index)
            for entry in stack.ns.neighbours
        )
    return stack.ns.sysctls.either(device.name, "proxy_arp_pvlan")


def _reply(stack: Stack, device: Device, message: Arp) -> None:
    answer = Arp(
        request=False,
        sender_mac=device.mac,
        sender=message.target,
        target_mac=message.sender_mac,
        target=message.sender,
        src_mac=device.mac,
        dst_mac=message.sender_mac or BROADCAST_MAC,
    )
    stack.step("neighbour", f"{message.target} is at {device.mac}", "answered", device=device.name)
    _send(stack, device, answer)


def _send(stack: Stack, device: Device, message: Arp) -> None:
    """arp_xmit."""
    if link_hooks.passes(stack, "arp", "output", device, message):
        xmit.transmit(stack, device, message, Passage())


def _announced(
    stack: Stack, device: Device, target: IPv4Address, packet_source: Address
) -> IPv4Address | None:
    mode = stack.ns.sysctls.maximum(device.name, "arp_announce")
    local = isinstance(packet_source, IPv4Address) and address_type(stack.ns, packet_source) == "LOCAL"
    if local and isinstance(packet_source, IPv4Address):
        if mode == 0:
            return packet_source
        if mode == 1 and _on_device(stack, device, target, near=packet_source):
            return packet_source
    chosen = select_address(stack.ns, device.index, target, SCOPE_LINK)
    return chosen if isinstance(chosen, IPv4Address) else None


def _on_device(stack: Stack, device: Device, address: IPv4Address, near: IPv4Address | None = None) -> bool:
    """The address is the device's own, or (with `near`) shares a subnet of the device with it."""
    for entry in stack.ns.addresses:
        if entry.device != device.index or not isinstance(entry.address, IPv4Address):
            continue
        subnet = IPv4Network((int(entry.address), entry.prefix), strict=False)
        if near is None and entry.address == address:
            return True
        if near is not None and address in subnet and near in subnet:
            return True
    return False

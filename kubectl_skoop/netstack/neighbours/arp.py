"""ARP: asking and answering (net/ipv4/arp.c; K-58 to K-62)."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network

from kubectl_skoop.model.packet import BROADCAST_MAC, Address, Arp, Packet, Passage
from kubectl_skoop.netstack import gap, ip_error, xmit
from kubectl_skoop.netstack.device import IFF_NOARP, Device
from kubectl_skoop.netstack.devices import link_hooks
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours import capacity, neighbour
from kubectl_skoop.netstack.netfilter.types import Hook
from kubectl_skoop.netstack.remembered import remembered
from kubectl_skoop.netstack.routing.input import Forward, InputRoute, Local, Refused, route_input
from kubectl_skoop.netstack.routing.local import address_type
from kubectl_skoop.netstack.routing.lookup import FlowKey
from kubectl_skoop.netstack.routing.output import RouteError, route_output
from kubectl_skoop.netstack.routing.select import select_address
from kubectl_skoop.netstack.routing.types import SCOPE_LINK
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.netstack.sysctl import device_key

_NONE = IPv4Address(0)
_ASKED_OF_PROXIES = ("proxy_arp", "proxy_arp_pvlan", "rp_filter", "forwarding")


def solicit(stack: Stack, device: Device, target: Address, packet_source: Address) -> None:
    """arp_solicit: broadcast a request; which address it names as its own is arp_announce's affair (K-62)."""
    if not isinstance(target, IPv4Address):
        return
    sender = announced(stack, device, target, packet_source)
    request = Arp(request=True, sender_mac=device.mac, sender=sender, target=target, src_mac=device.mac)
    if sender == _NONE and (unread := gap.table(stack, "addresses")):
        stack.give_up("neighbour.unresolved", request, unread, where=stack.where(device=device.name))
        return
    stack.step("neighbour", f"who has {target} tell {sender}", "asked", device=device.name)
    send(stack, device, request)


def receive(stack: Stack, device: Device, message: Arp) -> None:
    """arp_process."""
    if device.flags & IFF_NOARP:
        if message.request and address_type(stack.ns, message.target) == "LOCAL":
            _stay_silent(
                stack, device, message, "neighbour.silent", "it is set NOARP", [f"{device.name}: NOARP"]
            )
        return
    passed = link_hooks.run(stack, "arp", Hook.INPUT, message, Passage(), indev=device.index)
    if passed is not None:
        _process(stack, device, passed)


def _process(stack: Stack, device: Device, message: Arp) -> None:
    if not message.request:
        neighbour.learn(stack, device, message.sender, message.sender_mac)
        return
    if message.sender == _NONE:
        if _answers(stack, device, message):
            _reply(stack, device, message)
        return
    known = neighbour.known(stack, device, message.sender)
    if _answers(stack, device, message):
        full = capacity.refusal(stack, device, message.sender)
        if full and address_type(stack.ns, message.target) == "LOCAL":
            neighbour.lose_full(stack, device, message, message.sender, full)
            return
        _reply(stack, device, message)
        if not full:
            neighbour.learn(stack, device, message.sender, message.sender_mac)
    elif known is not None:
        neighbour.learn(stack, device, message.sender, message.sender_mac)


def _answers(stack: Stack, device: Device, message: Arp) -> bool:
    target = message.target
    if target.is_multicast or (
        target.is_loopback and not stack.ns.sysctls.either(device.name, "route_localnet")
    ):
        return False
    if message.sender == _NONE:
        return address_type(stack.ns, target) == "LOCAL" and not _ignored(stack, device, message)
    if is_for_others(stack.ns, device, target):
        return False
    if unread := gap.routing(stack):
        stack.give_up("neighbour.silent", message, unread, where=stack.where(device=device.name))
        return False
    question = Packet(src=message.sender, dst=target, protocol=0, src_mac=message.src_mac)
    with stack.aside():
        route = route_input(stack, question, device.index, 0)
    if reason := _unread(stack, device, route):
        stack.give_up("neighbour.silent", message, reason, where=stack.where(device=device.name))
        return False
    match route:
        case Local():
            return _willing(stack, device, message)
        case Forward():
            return _proxies(stack, device, message, route)
        case Refused():
            _explain_refusal(stack, device, message, route)
            return False
        case _:
            return False


def is_for_others(ns: NetworkNamespace, device: Device, target: IPv4Address) -> bool:
    """Whatever the routes say: no table has the address as a local one, and the device answers for nobody
    else. So ends nearly each copy of a flooded question."""
    return not (
        ns.fib.may_be_local(target)
        or _other_end_of_pod(ns, device)
        or _may_answer_for_others(ns, device.name)
    )


@remembered
def _may_answer_for_others(ns: NetworkNamespace, device: str) -> bool:
    return (
        any(ns.sysctls.either(device, setting) for setting in ("proxy_arp", "proxy_arp_pvlan"))
        or any(entry.proxy for entry in ns.neighbours)
        or bool(gap.table_of(ns, "rules", "routes", "proxy_neighbours"))
        or bool(gap.device_sysctl_of(ns, device, _ASKED_OF_PROXIES))
    )


def _unread(stack: Stack, device: Device, route: InputRoute) -> str:
    """Why it cannot be told whether an answer is given; empty: it can."""
    match route:
        case Local():
            modes = stack.ns.sysctls.maximum(device.name, "arp_ignore")
            settings = gap.device_sysctl(stack, device.name, ("arp_ignore", "arp_filter", "rp_filter"))
            addresses = gap.table(stack, "addresses") if modes in (1, 2, 3) else ""
            return settings or addresses
        case Forward():
            settings = gap.device_sysctl(stack, device.name, ("proxy_arp", "proxy_arp_pvlan", "rp_filter"))
            return settings or gap.table(stack, "proxy_neighbours")
        case Refused(kind="forwarding-disabled"):
            return gap.device_sysctl(stack, device.name, ("forwarding",))
        case Refused(kind="source"):
            return gap.device_sysctl(stack, device.name, ("rp_filter", "accept_local"))
        case _:
            return ""


def _willing(stack: Stack, device: Device, message: Arp) -> bool:
    """arp_ignore and arp_filter let the owner of the address answer."""
    for setting, silent in (
        ("arp_ignore", _ignored(stack, device, message)),
        ("arp_filter", _filtered(stack, device, message)),
    ):
        if silent:
            evidence = _settings(stack, device, setting)
            _stay_silent(stack, device, message, "neighbour.silent", f"by {setting}", evidence)
            return False
    return True


def _explain_refusal(stack: Stack, device: Device, message: Arp, route: Refused) -> None:
    """Why the owner of an address, or the node at the other end of a pod's veth, does not answer."""
    if address_type(stack.ns, message.target) == "LOCAL":
        if route.problem is not None:
            reason = f"it takes nothing from {message.sender} ({route.problem.sysctl or 'source address'})"
            _stay_silent(stack, device, message, route.problem.code, reason, route.problem.evidence)
    elif _other_end_of_pod(stack.ns, device):
        if route.kind == "forwarding-disabled":
            evidence = ["net.ipv4.ip_forward = " + (stack.ns.sysctls.text("net.ipv4.ip_forward") or "?")]
            evidence += _settings(stack, device, "forwarding")
            _stay_silent(stack, device, message, "forwarding.disabled", "it does not forward", evidence)
        elif route.kind == "no-route":
            reason = f"{stack.ns.place} has no route to it, so proxy ARP says nothing"
            evidence = [f"no route to {message.target}", *ip_error.down_devices(stack)]
            _stay_silent(stack, device, message, "route.none", reason, evidence)
        elif route.kind in ip_error.CODES:
            evidence = ip_error.route_evidence(stack, route)
            _stay_silent(stack, device, message, ip_error.CODES[route.kind], "its route refuses it", evidence)


def _stay_silent(
    stack: Stack, device: Device, message: Arp, code: str, reason: str, evidence: Sequence[str]
) -> None:
    stack.lose(
        code,
        message,
        f"{device.name} does not answer ARP for {message.target}: {reason}",
        where=stack.where(device=device.name),
        evidence=evidence,
    )


def _settings(stack: Stack, device: Device, setting: str) -> list[str]:
    keys = [f"net.ipv4.conf.{name}.{setting}" for name in ("all", device_key(device.name))]
    return [f"{key} = {stack.ns.sysctls.text(key)}" for key in keys]


def _other_end_of_pod(ns: NetworkNamespace, device: Device) -> bool:
    """A veth of a node that is no bridge port: whoever asks there can ask nobody else."""
    return device.kind == "veth" and not device.master and ns.place.kind == "node"


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


def _proxies(stack: Stack, device: Device, message: Arp, route: Forward) -> bool:
    """arp_fwd_proxy, arp_fwd_pvlan, pneigh_lookup; all need forwarding and a usable route (K-59, K-60)."""
    setting = "proxy_arp" if route.device != device.index else "proxy_arp_pvlan"
    if stack.ns.sysctls.either(device.name, setting):
        return True
    if setting == "proxy_arp" and any(
        entry.proxy and entry.address == message.target and entry.device in (0, device.index)
        for entry in stack.ns.neighbours
    ):
        return True
    if _other_end_of_pod(stack.ns, device):
        evidence = _settings(stack, device, setting)
        _stay_silent(stack, device, message, "neighbour.silent", f"{setting} is 0", evidence)
    return False


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
    send(stack, device, answer)


def send(stack: Stack, device: Device, message: Arp) -> None:
    """arp_xmit."""
    passage = Passage()
    passed = link_hooks.run(stack, "arp", Hook.OUTPUT, message, passage, outdev=device.index)
    if passed is not None:
        xmit.transmit(stack, device, passed, passage)


def announced(stack: Stack, device: Device, target: IPv4Address, packet_source: Address) -> IPv4Address:
    """The address that a request names as the asker's own (arp_announce, K-62); 0.0.0.0 if the namespace has
    none at all. `packet_source`: of the packet that is to be sent."""
    mode = stack.ns.sysctls.maximum(device.name, "arp_announce")
    local = isinstance(packet_source, IPv4Address) and address_type(stack.ns, packet_source) == "LOCAL"
    if local and isinstance(packet_source, IPv4Address):
        if mode == 0:
            return packet_source
        if mode == 1 and _on_device(stack, device, target, near=packet_source):
            return packet_source
    chosen = select_address(stack.ns, device.index, target, SCOPE_LINK)
    return chosen if isinstance(chosen, IPv4Address) else _NONE


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

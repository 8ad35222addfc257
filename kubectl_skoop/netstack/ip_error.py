"""Routes that are no way: what is lost there and what its sender is told (ip_error in net/ipv4/route.c)."""

from kubectl_skoop.model.packet import Packet, Passage
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.l4 import icmp
from kubectl_skoop.netstack.routing.input import Refused
from kubectl_skoop.netstack.routing.output import RouteError
from kubectl_skoop.netstack.routing.text import route_text, rule_text
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.netstack.sysctl import device_key

CODES = {
    "blackhole": "route.blackhole",
    "no-route": "route.none",
    "device": "device.down",
    "prohibit": "route.prohibit",
    "source": "source.address",
    "unreachable": "route.unreachable",
}


def refused(stack: Stack, packet: Packet, passage: Passage, route: Refused, device: Device) -> None:
    """An arriving packet that routing does not take."""
    where = stack.where(device=device.name)
    if route.problem is not None:
        stack.lose(
            route.problem.code,
            packet,
            f"{device.name} does not take a packet from {packet.src}: {route.problem.sysctl or 'its source'}",
            where=where,
            evidence=route.problem.evidence,
        )
        if route.icmp is not None:
            icmp.send_error(stack, packet, passage, route.icmp)
        return
    if route.kind == "forwarding-disabled":
        switch, own = forwarding_keys(device, packet.family)
        everywhere = packet.family == 6 or not stack.ns.sysctls.number(switch, 0)
        stack.lose(
            "forwarding.disabled",
            packet,
            f"the kernel does not forward what comes in by {device.name}",
            where=where,
            evidence=[f"{key} = {text}" for key in (switch, own) if (text := stack.ns.sysctls.text(key))],
            remedy=f"sysctl -w {switch if everywhere else own}=1",
        )
        return
    if route.kind in ("martian-destination", "multicast"):
        stack.lose(
            "route.martian",
            packet,
            f"{device.name} does not take a packet to {packet.dst}",
            where=where,
            evidence=route.evidence,
        )
        return
    unroutable(stack, packet, packet.dst, route)
    if route.icmp is not None:
        icmp.send_error(stack, packet, passage, route.icmp)


def forwarding_keys(device: Device, family: int) -> tuple[str, str]:
    """The switch for all devices, and the device's own setting."""
    if family == 6:
        return "net.ipv6.conf.all.forwarding", f"net.ipv6.conf.{device_key(device.name)}.force_forwarding"
    return "net.ipv4.ip_forward", f"net.ipv4.conf.{device_key(device.name)}.forwarding"


def unroutable(stack: Stack, packet: Packet, destination: object, route: Refused | RouteError) -> None:
    """The packet ends here: the route and the rule that refuse it, or that there is none."""
    evidence = route_evidence(stack, route)
    what = {
        "blackhole": f"a blackhole route discards packets to {destination}",
        "prohibit": f"a prohibit route refuses packets to {destination}",
        "unreachable": f"an unreachable route refuses packets to {destination}",
        "source": f"the source address cannot be used towards {destination}",
        "device": f"the device towards {destination} is down or gone",
    }.get(route.kind, f"no route to {destination}")
    if not evidence:
        evidence.append(f"no route matches {destination} in any table that the rules name")
        evidence += down_devices(stack)
    stack.lose(CODES.get(route.kind, "route.none"), packet, what, evidence=evidence)


def route_evidence(stack: Stack, route: Refused | RouteError) -> list[str]:
    """The route and the rule that refused, as `ip` prints them; empty: there is none."""
    evidence = []
    if route.route is not None:
        evidence.append(route_text(stack.ns, route.route))
    if route.rule is not None:
        evidence.append(rule_text(route.rule))
    return evidence


def down_devices(stack: Stack) -> list[str]:
    """Devices that are down: their routes are gone with them."""
    return [f"{device.name}: not UP" for device in stack.ns.devices.values() if not device.up]

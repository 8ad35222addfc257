"""br_netfilter: iptables for bridged frames (net/bridge/br_netfilter_hooks.c; K-30 to K-34)."""

from dataclasses import replace

from kubectl_skoop.model.packet import Arp, Frame, Packet, Passage
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack import fragment, gap, hook_end, ip_error, neighbour
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.fragment import traverse
from kubectl_skoop.netstack.netfilter.traverse import Passed
from kubectl_skoop.netstack.netfilter.types import Hook
from kubectl_skoop.netstack.routing.input import Forward, Refused, route_input
from kubectl_skoop.netstack.routing.lookup import FlowKey
from kubectl_skoop.netstack.routing.output import RouteError, route_output
from kubectl_skoop.netstack.stack import Stack


def calls(stack: Stack, bridge: Device, family: int) -> bool:
    """On if the sysctl or the bridge's own option says so (K-31); no sysctl file: not loaded."""
    name = "iptables" if family == 4 else "ip6tables"
    own = bridge.bridge is not None and (
        bridge.bridge.nf_call_iptables if family == 4 else bridge.bridge.nf_call_ip6tables
    )
    if not own and (
        unread := gap.table(stack, "sysctls") or gap.unread(stack, f"net.bridge.bridge-nf-call-{name}")
    ):
        return stack.choices.undecided(Unknown(f"whether br_netfilter calls {name}: {unread}"))
    return own or stack.ns.sysctls.number(f"net.bridge.bridge-nf-call-{name}", 0) == 1


def prerouting(stack: Stack, bridge: Device, port: Device, frame: Frame, passage: Passage) -> Frame | None:
    """br_nf_pre_routing. The frame to go on with, None if it ended here."""
    if isinstance(frame, Arp) or not calls(stack, bridge, frame.family):
        return frame
    if unread := gap.routing(stack):
        stack.give_up("unknown", frame, unread, where=stack.where(device=bridge.name))
        return None
    passage.iif = bridge.index
    passage.physin = port.index
    result = traverse(stack, Hook.PREROUTING, frame, passage, indev=bridge.index, outdev=0)
    passage.bridged = True
    if not isinstance(result, Passed):
        hook_end.end(stack, result, frame, passage, bridge)
        return None
    packet = result.packet
    if packet.dst == frame.dst or packet.family == 6:
        return packet
    return _redirected(stack, bridge, packet, passage)


def _redirected(stack: Stack, bridge: Device, packet: Packet, passage: Passage) -> Packet | None:
    """br_nf_pre_routing_finish after DNAT: bridged on if the new destination is on this bridge (K-32)."""
    route = route_input(stack, packet, bridge.index, passage.mark)
    if isinstance(route, Forward) and route.device == bridge.index:
        return _bridged_dnat(stack, bridge, packet, passage, route)
    if not isinstance(route, Refused):
        return replace(packet, dst_mac=bridge.mac)
    if route.kind == "forwarding-disabled" and not stack.ns.sysctls.forwarding(bridge.name):
        stack.lose(
            "forwarding.disabled",
            packet,
            f"{bridge.name} does not forward, so a translated packet ends at the bridge",
            where=stack.where(device=bridge.name),
            evidence=[f"net.ipv4.conf.{bridge.name}.forwarding = 0"],
            remedy="sysctl -w net.ipv4.ip_forward=1",
        )
        return None
    output = route_output(stack, FlowKey(dst=packet.dst, src=None, mark=passage.mark, tos=packet.tos))
    if not isinstance(output, RouteError) and output.device == bridge.index:
        return replace(packet, dst_mac=bridge.mac)
    ip_error.refused(stack, packet, passage, route, bridge)
    return None


def _bridged_dnat(
    stack: Stack, bridge: Device, packet: Packet, passage: Passage, route: Forward
) -> Packet | None:
    """br_nf_pre_routing_finish_bridge: the client's MAC and TTL stay, only the destination MAC changes."""
    nexthop = route.nexthop or packet.dst
    mac = neighbour.resolve(stack, bridge, nexthop, packet, passage, bridge_port=passage.physin)
    if mac is None:
        return None
    stack.step("bridge", f"{packet.dst} is on {bridge.name}", "bridged, not routed", device=bridge.name)
    return replace(packet, dst_mac=mac)


def forward(
    stack: Stack, bridge: Device, source: Device, port: Device, frame: Frame, passage: Passage
) -> Frame | None:
    """br_nf_forward_ip and br_nf_post_routing: FORWARD and POSTROUTING with the bridge on both sides."""
    if isinstance(frame, Arp) or not calls(stack, bridge, frame.family):
        return frame
    passage.physin, passage.physout = source.index, port.index
    result = traverse(stack, Hook.FORWARD, frame, passage, indev=bridge.index, outdev=bridge.index)
    if isinstance(result, Passed):
        result = traverse(stack, Hook.POSTROUTING, result.packet, passage, indev=0, outdev=bridge.index)
    if not isinstance(result, Passed):
        hook_end.end(stack, result, frame, passage, bridge)
        return None
    packet = result.packet
    if packet.gso or packet.length <= port.mtu:
        return packet
    if packet.df:
        stack.lose(
            "device.mtu",
            packet,
            f"{packet.length} bytes must not be fragmented and do not fit port {port.name} (MTU {port.mtu}); "
            "a bridge tells nobody",
            where=stack.where(device=port.name),
            evidence=[f"{port.name} mtu {port.mtu}", f"{bridge.name} mtu {bridge.mtu}"],
            remedy=f"ip link set {port.name} mtu {bridge.mtu}",
        )
        return None
    return fragment.largest(packet, port.mtu)

"""br_netfilter: iptables for bridged frames (net/bridge/br_netfilter_hooks.c; K-30 to K-34)."""

from kubectl_skoop.model.changed import changed
from kubectl_skoop.model.packet import Arp, Frame, Packet, PacketType, Passage
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack import fragment, gap, hook_end, ip_error
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices import link_hooks
from kubectl_skoop.netstack.fragment import traverse
from kubectl_skoop.netstack.neighbours import neighbour
from kubectl_skoop.netstack.netfilter.outcome import Passed
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


def _calls_arp(stack: Stack, bridge: Device) -> bool:
    """Without rules for ARP it makes no difference."""
    if not any(chain.family == "arp" for chain in stack.ns.netfilter.link_chains):
        return False
    own = bridge.bridge is not None and bridge.bridge.nf_call_arptables
    return own or stack.ns.sysctls.number("net.bridge.bridge-nf-call-arptables", 0) == 1


def takes(stack: Stack, bridge: Device, frame: Frame) -> bool:
    """IP without a VLAN tag, where the hooks of IP are called (br_nf_pre_routing)."""
    return isinstance(frame, Packet) and frame.vlan is None and calls(stack, bridge, frame.family)


def prerouting(stack: Stack, bridge: Device, port: Device, frame: Frame, passage: Passage) -> Frame | None:
    """The bridge's own chains, and among them those of IP. The frame to go on with, None if it ended."""
    if not takes(stack, bridge, frame):
        return link_hooks.run(stack, "bridge", Hook.PREROUTING, frame, passage, indev=port.index)
    first = link_hooks.run(stack, "bridge", Hook.PREROUTING, frame, passage, indev=port.index, part="before")
    return _ip_prerouting(stack, bridge, port, first, passage) if isinstance(first, Packet) else None


def _later_prerouting(stack: Stack, port: Device, packet: Packet, passage: Passage) -> Packet | None:
    """br_nf_hook_thresh: the bridge's chains above br_netfilter."""
    return link_hooks.run(stack, "bridge", Hook.PREROUTING, packet, passage, indev=port.index, part="after")


def _ip_prerouting(
    stack: Stack, bridge: Device, port: Device, frame: Packet, passage: Passage
) -> Packet | None:
    """br_nf_pre_routing"""
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
        return _later_prerouting(stack, port, packet, passage)
    return _redirected(stack, bridge, port, packet, passage)


def _redirected(
    stack: Stack, bridge: Device, port: Device, packet: Packet, passage: Passage
) -> Packet | None:
    """br_nf_pre_routing_finish after DNAT: bridged on if the new destination is on this bridge (K-32)."""
    route = route_input(stack, packet, bridge.index, passage.mark)
    if isinstance(route, Forward) and route.device == bridge.index:
        later = _later_prerouting(stack, port, packet, passage)
        return None if later is None else _bridged_dnat(stack, bridge, later, passage, route)
    if not isinstance(route, Refused):
        return _to_bridge(stack, bridge, port, packet, passage)
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
        return _to_bridge(stack, bridge, port, packet, passage)
    ip_error.refused(stack, packet, passage, route, bridge)
    return None


def _to_bridge(stack: Stack, bridge: Device, port: Device, packet: Packet, passage: Passage) -> Packet | None:
    passage.packet_type = PacketType.HOST
    return _later_prerouting(stack, port, changed(packet, dst_mac=bridge.mac), passage)


def _bridged_dnat(
    stack: Stack, bridge: Device, packet: Packet, passage: Passage, route: Forward
) -> Packet | None:
    """br_nf_pre_routing_finish_bridge: the client's MAC and TTL stay, only the destination MAC changes."""
    nexthop = route.nexthop or packet.dst
    mac = neighbour.resolve(stack, bridge, nexthop, packet, passage, bridge_port=passage.physin)
    if mac is None:
        return None
    stack.step("bridge", f"{packet.dst} is on {bridge.name}", "bridged, not routed", device=bridge.name)
    return changed(packet, dst_mac=mac)


def forward(
    stack: Stack, bridge: Device, source: Device, port: Device, frame: Frame, passage: Passage
) -> Frame | None:
    """br_nf_forward among the bridge's own chains: of those at its own priority it calls none that it did not
    come behind (br_nf_hook_thresh)."""

    def own(frame: Frame, part: link_hooks.Part) -> Frame | None:
        devices = {"indev": source.index, "outdev": port.index}
        return link_hooks.run(stack, "bridge", Hook.FORWARD, frame, passage, **devices, part=part)

    called = passage.bridged and takes(stack, bridge, frame)
    if not called and not (isinstance(frame, Arp) and _calls_arp(stack, bridge)):
        return own(frame, "all")
    passed = own(frame, "before")
    if isinstance(passed, Packet):
        passed = _ip_forward(stack, bridge, source, port, passed, passage)
    elif isinstance(passed, Arp):
        passed = link_hooks.run(
            stack, "arp", Hook.FORWARD, passed, passage, indev=source.index, outdev=port.index
        )
    return None if passed is None else own(passed, "above")


def _ip_forward(
    stack: Stack, bridge: Device, source: Device, port: Device, packet: Packet, passage: Passage
) -> Packet | None:
    """FORWARD with the bridge on both sides."""
    passage.physin, passage.physout = source.index, port.index
    result = traverse(stack, Hook.FORWARD, packet, passage, indev=bridge.index, outdev=bridge.index)
    if isinstance(result, Passed):
        return result.packet
    hook_end.end(stack, result, packet, passage, bridge)
    return None


def postrouting(stack: Stack, bridge: Device, port: Device, frame: Frame, passage: Passage) -> Frame | None:
    """br_nf_post_routing, behind all chains of the bridge's own: POSTROUTING, and the port's MTU."""
    if not passage.bridged or not isinstance(frame, Packet) or not takes(stack, bridge, frame):
        return frame
    result = traverse(stack, Hook.POSTROUTING, frame, passage, indev=0, outdev=bridge.index)
    if not isinstance(result, Passed):
        hook_end.end(stack, result, frame, passage, bridge)
        return None
    packet = result.packet
    if packet.gso or stack.reliance.fits(packet.length, port.mtu):
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

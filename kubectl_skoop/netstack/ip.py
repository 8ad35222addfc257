"""IPv4 and IPv6 in one namespace: in, through, out (net/ipv4/ip_input.c, ip_forward.c, ip_output.c)."""

from kubectl_skoop.model.changed import changed
from kubectl_skoop.model.packet import Address, Packet, Passage
from kubectl_skoop.netstack import fragment, gap, hook_end, ip_error, xmit
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices import ipvlan, vrf, vrf_device
from kubectl_skoop.netstack.fragment import traverse
from kubectl_skoop.netstack.l4 import early_demux, icmp, transport
from kubectl_skoop.netstack.neighbours import discovery, neighbour
from kubectl_skoop.netstack.netfilter import conntrack
from kubectl_skoop.netstack.netfilter.outcome import Passed, Scheduled
from kubectl_skoop.netstack.netfilter.tuples import tuple_of
from kubectl_skoop.netstack.netfilter.types import Hook
from kubectl_skoop.netstack.routing.input import Broadcast, Forward, InputRoute, Local, Refused, route_input
from kubectl_skoop.netstack.routing.local import address_type, local_device
from kubectl_skoop.netstack.routing.lookup import FlowKey
from kubectl_skoop.netstack.routing.output import OutputRoute, RouteError, route_output
from kubectl_skoop.netstack.routing.types import Route
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.netstack.sysctl import device_key
from kubectl_skoop.netstack.xfrm import ipsec_gate

DEFAULT_TTL = 64
MIN_MTU6 = 1280
"""IPV6_MIN_MTU, bytes."""
MIN_PMTU = 552
"""net.ipv4.route.min_pmtu, bytes: no learned path MTU is below."""
RP_FILTER_LOOSE = 2
"""Strict on a device without an address (K-45)."""


def receive(stack: Stack, device: Device, packet: Packet, passage: Passage) -> None:
    """ip_rcv: PREROUTING, then the route decides. What came by lo keeps the route it was sent by
    (skb_valid_dst in ip_rcv_finish_core), so nothing is martian there."""
    before = packet.dst
    if packet.family == 6 and _without_ipv6(stack, device, packet):
        return
    if not device.loopback:
        passage.way = None
    if passage.bridged:
        passage.bridged = False
    elif unread := gap.routing(stack) or _entries_unread(stack, packet):
        stack.give_up("unknown", packet, unread, where=stack.where(device=device.name))
        return
    else:
        result = traverse(stack, Hook.PREROUTING, packet, passage, indev=device.index, outdev=0)
        if not isinstance(result, Passed):
            hook_end.end(stack, result, packet, passage, device)
            return
        entered = vrf_device.entered(stack, device, result.packet, passage)
        if entered is None:
            return
        packet = entered
        if ipvlan.taken_by_pod(stack, device, packet, passage):
            return
    if packet.dst != before:
        stack.step("nat", f"destination {before} becomes {packet.dst}", device=device.name)
    if packet.discovery is not None and packet.dst.is_multicast:
        if discovery.heard(stack, device, packet, passage.mark):
            _deliver(stack, device, packet, passage)
        return
    if device.loopback or device.kind == "vrf":
        _deliver(stack, device, packet, passage)
        return
    opened = passage.opened is not None
    route = route_input(stack, packet, device.index, passage.mark, opened=opened)
    if reason := _unread(stack, device, packet, route):
        stack.give_up("unknown", packet, reason, where=stack.where(device=device.name))
        return
    passage.way = route
    match route:
        case Local() | Broadcast():
            passage.to_all = isinstance(route, Broadcast)
            _deliver(stack, device, packet, passage)
        case Forward():
            if early_demux.dropped(stack, device, packet, passage):
                return
            _forward(stack, device, packet, passage, route)
        case Refused():
            ip_error.refused(stack, packet, passage, route, device)


def _without_ipv6(stack: Stack, device: Device, packet: Packet) -> bool:
    """ip6_rcv_core: switched off, or below the smallest MTU of IPv6; dropped before any hook.

    Of a question that was flooded to such a device nothing is said.
    """
    key = f"net.ipv6.conf.{device_key(device.name)}.disable_ipv6"
    where = stack.where(device=device.name)
    if unread := gap.unread(stack, key):
        stack.give_up("device.no-ipv6", packet, unread, where=where)
        return True
    if stack.ns.sysctls.number(key, 0):
        evidence, remedy = f"{key} = 1", f"sysctl -w {key}=0, and set the device's addresses again"
    elif device.mtu < MIN_MTU6:
        evidence, remedy = f"{device.name} mtu {device.mtu}", f"ip link set {device.name} mtu {MIN_MTU6}"
    else:
        return False
    if packet.neighbour is None:
        message = f"{device.name} takes no IPv6 packets"
        stack.lose("device.no-ipv6", packet, message, where=where, evidence=[evidence], remedy=remedy)
    return True


def _unread(stack: Stack, device: Device, packet: Packet, route: InputRoute) -> str:
    """Why the route of an arriving packet cannot be trusted; empty: it can."""
    name = device.name
    if packet.family == 6:
        switched = isinstance(route, Refused) and route.kind == "forwarding-disabled"
        return gap.sysctl(stack, "net.ipv6.conf.all.forwarding") if switched else ""
    match route:
        case Refused(kind="forwarding-disabled"):
            return gap.sysctl(stack, f"net.ipv4.conf.{device_key(name)}.forwarding")
        case Refused(kind="source" | "martian-destination"):
            unread = gap.device_sysctl(stack, name, ("rp_filter", "accept_local", "route_localnet"))
        case _:
            unread = gap.device_sysctl(stack, name, ("rp_filter",))
    if not unread and stack.ns.sysctls.maximum(name, "rp_filter") == RP_FILTER_LOOSE:
        return gap.table(stack, "addresses")
    return unread


def _entries_unread(stack: Stack, packet: Packet) -> str:
    """Why it cannot be told whether a connection that exists takes the packet; empty: it can."""
    if not stack.use_existing or packet.family not in stack.ns.netfilter.conntrack_families:
        return ""
    wanted = tuple_of(packet)
    return "" if conntrack.find(stack, wanted) else gap.connection(stack, wanted)


def send(stack: Stack, packet: Packet, passage: Passage, route: OutputRoute, *, ttl: int = 0) -> None:
    """ip_local_out: OUTPUT, a second lookup where the hook asks for it, POSTROUTING (K-12).

    `ttl` 0: net.ipv4.ip_default_ttl, or hop_limit of the IPv6 device (ip4_dst_hoplimit, ip6_dst_hoplimit).
    """
    unread = "" if int(packet.src) else gap.table(stack, "addresses")
    if unread := unread or _entries_unread(stack, packet):
        stack.give_up("unknown", packet, unread)
        return
    packet = changed(packet, ttl=ttl or _default_ttl(stack, packet, route.device))
    _local_out(stack, packet, passage, route, indev=0)


def _default_ttl(stack: Stack, packet: Packet, device: int) -> int:
    if packet.family == 4:
        return stack.ns.sysctls.number("net.ipv4.ip_default_ttl", DEFAULT_TTL)
    return stack.ns.sysctls.device(stack.ns.device_name(device), "hop_limit", DEFAULT_TTL, 6)


def _local_out(stack: Stack, packet: Packet, passage: Passage, route: OutputRoute, *, indev: int) -> None:
    """What IPVS schedules passes OUTPUT, too; for a local client a second time (K-66)."""
    if vrf_device.leaves(stack, packet, passage, route.device):
        put_out(stack, packet, passage, route, indev=indev)


def put_out(stack: Stack, packet: Packet, passage: Passage, route: OutputRoute, *, indev: int) -> None:
    """OUTPUT and what follows, of a packet whose way is known (vrf_ip_local_out comes straight here)."""
    passage.way = route
    result = traverse(
        stack, Hook.OUTPUT, packet, passage, indev=0, outdev=route.device, nexthop=route.nexthop
    )
    if isinstance(result, Scheduled):
        _local_out(stack, result.packet, passage, result.route, indev=indev)
        return
    if not isinstance(result, Passed):
        transport.refused_locally(stack, packet, passage, result)
        hook_end.end(stack, result, packet, passage, None)
        return
    packet = result.packet
    if result.reroute:
        rerouted = _reroute(stack, packet, passage, result.route_mark, route.device)
        if rerouted is None:
            return
        route = rerouted
    _output(stack, packet, passage, route.device, route.nexthop, route.route, indev=indev)


def _reroute(stack: Stack, packet: Packet, passage: Passage, mark: int, device: int) -> OutputRoute | None:
    """ip_route_me_harder, ip6_route_me_harder: what is for the link keeps its device."""
    key = flow_key(packet, mark=mark, uid=passage.owner.uid if passage.owner else 0)
    if packet.family == 6 and (packet.dst.is_multicast or packet.dst.is_link_local):
        key = key._replace(oif=device)
    own = address_type(stack.ns, packet.src) == "LOCAL"
    route = route_output(stack, key if own else key._replace(src=None))
    if isinstance(route, RouteError):
        lose_unroutable(stack, packet, packet.dst, route)
        transport.unroutable_locally(stack, packet, route)
        return None
    passage.way = route
    return route


def _deliver(stack: Stack, device: Device, packet: Packet, passage: Passage) -> None:
    """ip_local_deliver."""
    if not device.loopback and (policies := gap.table(stack, "xfrm")):
        stack.give_up("unknown", packet, policies, where=stack.where(device=device.name))
        return
    packet = fragment.whole(packet)
    indev = vrf.index_of(stack.ns, device.index) or device.index
    result = traverse(stack, Hook.INPUT, packet, passage, indev=indev, outdev=0)
    if isinstance(result, Passed):
        exempt = device.loopback or ipsec_gate.checks_itself(packet)
        if exempt or not ipsec_gate.refused(stack, result.packet, passage, "in", device.name):
            transport.deliver(stack, device, result.packet, passage)
    elif isinstance(result, Scheduled):
        _local_out(stack, result.packet, passage, result.route, indev=device.index)
    else:
        hook_end.end(stack, result, packet, passage, device)


def _forward(stack: Stack, device: Device, packet: Packet, passage: Passage, route: Forward) -> None:
    """ip_forward: TTL and size are looked at before FORWARD (K-17)."""
    out = stack.ns.devices[route.device]
    if packet.discovery is not None and route.redirect:
        discovery.redirect(stack, device, packet)
    if ipsec_gate.refused(stack, packet, passage, "fwd", device.name):
        return
    if packet.ttl <= 1:
        stack.lose(
            "forwarding.ttl", packet, "the packet's TTL ends here", where=stack.where(device=device.name)
        )
        icmp.send_error(stack, packet, passage, icmp.TTL_EXCEEDED)
        return
    mtu = _forward_mtu(stack, packet, out, route.route)
    if not stack.reliance.fits(packet.length, mtu) and _whole_only(packet):
        too_big(stack, packet, passage, out, mtu)
        return
    packet = changed(packet, ttl=packet.ttl - 1)
    arrived = vrf.index_of(stack.ns, device.index) or device.index
    result = traverse(
        stack, Hook.FORWARD, packet, passage, indev=arrived, outdev=out.index, nexthop=route.nexthop
    )
    if isinstance(result, Scheduled):
        _local_out(stack, result.packet, passage, result.route, indev=device.index)
        return
    if not isinstance(result, Passed):
        hook_end.end(stack, result, packet, passage, device)
        return
    passage.owner = None
    way: Forward | OutputRoute | None = route
    if result.reroute:
        way = _reroute(stack, result.packet, passage, result.route_mark, route.device)
    if way is not None:
        _output(stack, result.packet, passage, way.device, way.nexthop, way.route, indev=device.index)


def _output(
    stack: Stack,
    packet: Packet,
    passage: Passage,
    outdev: int,
    nexthop: Address | None,
    route: Route | None,
    *,
    indev: int,
) -> None:
    """ip_output, ip_finish_output."""
    if not stack.ns.devices[outdev].loopback and (policies := gap.table(stack, "xfrm")):
        stack.give_up("unknown", packet, policies, where=stack.where(device=stack.ns.device_name(outdev)))
        return
    name, before = stack.ns.device_name(outdev), packet.src
    way = OutputRoute(device=outdev, nexthop=nexthop, source=packet.src, route=route)
    exempt = stack.ns.devices[outdev].loopback or (packet.ipsec is not None and not indev)
    bundle = None if exempt else ipsec_gate.lookup(stack, packet, passage, way)
    if isinstance(bundle, ipsec_gate.Ended):
        ipsec_gate.end(stack, packet, bundle, name)
        return
    if bundle is not None:
        outdev, nexthop = bundle.route.device, bundle.route.nexthop
    result = traverse(stack, Hook.POSTROUTING, packet, passage, indev=indev, outdev=outdev, nexthop=nexthop)
    if not isinstance(result, Passed):
        if not indev:
            transport.refused_locally(stack, packet, passage, result)
        hook_end.end(stack, result, packet, passage, stack.ns.devices.get(indev))
        return
    packet = result.packet
    if packet.src != before:
        stack.step("nat", f"source {before} becomes {packet.src}", device=name)
        bundle = None if exempt else ipsec_gate.lookup(stack, packet, passage, way)
        if isinstance(bundle, ipsec_gate.Ended):
            ipsec_gate.end(stack, packet, bundle, name)
            return
    if bundle is not None:
        from kubectl_skoop.netstack.xfrm import ipsec_send

        ipsec_send.send(stack, packet, passage, bundle, way, indev=indev)
        return
    outdev, nexthop = way.device, way.nexthop
    device = stack.ns.devices[outdev]
    unread = gap.table(stack, "route_exceptions") if not indev and packet.df else ""
    if unread and not stack.reliance.fits(packet.length, MIN_PMTU):
        stack.give_up("unknown", packet, unread, where=stack.where(device=device.name))
        return
    mtu = output_mtu(stack, packet, device, route, local=not indev)
    if not stack.reliance.fits(packet.length, mtu):
        if packet.df or (indev and _whole_only(packet)):
            too_big(stack, packet, passage, device, mtu)
            return
        packet = fragment.largest(packet, mtu)
    if device.loopback and route is not None and route.type == "unicast":
        if packet.family == 6 or indev:
            _by_loopback(stack, device, packet, passage)
            return
        passage.by_lo = True
    passage.nexthop, passage.tunnel = nexthop or packet.dst, route.tunnel if route else None
    mac = neighbour.resolve(stack, device, passage.nexthop, packet, passage)
    if mac is not None:
        xmit.transmit(stack, device, changed(packet, src_mac=device.mac, dst_mac=mac), passage)


def _by_loopback(stack: Stack, device: Device, packet: Packet, passage: Passage) -> None:
    """IPv6 refuses what is sent by such a route (ip6_pkt_discard_out). What IPv4 forwards by it comes in
    again, keeps its route (skb_valid_dst), and is forwarded again."""
    why = f"the route for {packet.dst} leads to {device.name}, and is no local one"
    if packet.family == 6:
        code, what, error = "route.unreachable", "IPv6 refuses it", (1, 0)
    else:
        code, what, error = "forwarding.ttl", "the packet goes round until its TTL ends", icmp.TTL_EXCEEDED
        passage.iif = device.index
    stack.lose(
        code,
        packet,
        f"{why}: {what}",
        where=stack.where(device=device.name),
        remedy=f"let the route for {packet.dst} be of type local, or take it away",
    )
    icmp.send_error(stack, packet, passage, error)


def _whole_only(packet: Packet) -> bool:
    """Routers cut no IPv6 packets (ip6_forward)."""
    return packet.df or packet.family == 6


def too_big(stack: Stack, packet: Packet, passage: Passage, device: Device, mtu: int) -> None:
    """`mtu` of the way by this device, bytes; the sender is told."""
    stack.lose(
        "forwarding.too-big",
        packet,
        f"{packet.length} bytes that must not be fragmented do not fit {device.name} (MTU {mtu})",
        where=stack.where(device=device.name),
        evidence=[f"{device.name} mtu {mtu}"],
        remedy=f"lower the MTU of the sender to {mtu}, or raise that of {device.name}",
    )
    icmp.send_error(stack, packet, passage, icmp.FRAGMENTATION_NEEDED, mtu=mtu)


def _forward_mtu(stack: Stack, packet: Packet, device: Device, route: Route | None) -> int:
    """ip_dst_mtu_maybe_forward: learned path MTUs do not count, unless told to (K-52)."""
    if stack.ns.sysctls.number("net.ipv4.ip_forward_use_pmtu", 0) or (route and route.mtu_locked):
        return path_mtu(stack, packet.dst, device, route)
    return (route.mtu if route else 0) or device.mtu


def output_mtu(stack: Stack, packet: Packet, device: Device, route: Route | None, *, local: bool) -> int:
    """Of a packet that leaves by this route, bytes."""
    if local:
        return path_mtu(stack, packet.dst, device, route)
    return _forward_mtu(stack, packet, device, route)


def path_mtu(stack: Stack, destination: Address, device: Device, route: Route | None) -> int:
    """ipv4_mtu, bytes: a learned value, the route's, the device's."""
    mtu = (route.mtu if route else 0) or device.mtu
    for entry in stack.ns.exceptions:
        if entry.destination == destination and entry.mtu:
            mtu = min(mtu, entry.mtu)
    return min(mtu, stack.pmtu.get(destination, mtu))


def lose_unroutable(stack: Stack, packet: Packet, destination: Address, route: RouteError) -> None:
    ip_error.unroutable(stack, packet, destination, route)


def link_of(stack: Stack, peer: Address, device: int) -> int:
    """The out device of an answer to a packet that came in by `device`: a link-local peer is behind that one
    (rt6_need_strict, icmp6_iif), others are in its VRF (l3mdev_master_ifindex); 0: the route decides."""
    if peer.version == 4 or not peer.is_link_local:
        return vrf.index_of(stack.ns, device)
    arrival = stack.ns.devices.get(device)
    if arrival is not None and arrival.loopback:
        return local_device(stack.ns, peer) or device
    return device


def flow_key(packet: Packet, *, mark: int = 0, uid: int = 0) -> FlowKey:
    """The lookup key of a packet that this namespace sends."""
    return FlowKey(
        dst=packet.dst,
        src=packet.src,
        mark=mark,
        tos=packet.tos,
        uid=uid,
        protocol=packet.protocol,
        sport=packet.sport,
        dport=packet.dport,
    )

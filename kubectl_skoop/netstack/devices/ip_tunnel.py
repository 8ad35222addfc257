"""ipip, sit, gre and gretap: packets and frames in IPv4 packets, and out of them.

net/ipv4/ip_tunnel.c (ip_tunnel_xmit, ip_tunnel_lookup, ip_tunnel_rcv), ipip.c, ip_gre.c; net/ipv6/sit.c.
"""

from dataclasses import replace
from ipaddress import IPv4Address, ip_address

from kubectl_skoop.model.packet import Address, Frame, InUdp, Packet, Passage, Protocol, TunnelKey
from kubectl_skoop.netstack import gap, ip
from kubectl_skoop.netstack import receive as receiving
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices.tunnel_end import OUTSIDE, closed, dropped, gre_header, tunnel_text
from kubectl_skoop.netstack.devices.tunnel_types import IpTunnel
from kubectl_skoop.netstack.l4 import icmp
from kubectl_skoop.netstack.routing.lookup import FlowKey
from kubectl_skoop.netstack.routing.output import OutputRoute, RouteError, route_output
from kubectl_skoop.netstack.stack import Stack

KINDS = frozenset({"ipip", "sit", "gre", "gretap"})
FALLBACK = {"tunl0": "ipip", "sit0": "sit", "gre0": "gre", "gretap0": "gretap"}
"""The devices that a module makes in every namespace: they take what no other does, if they are up."""
IP_HEADER, ETHERNET_HEADER, ARP_LENGTH = 20, 14, 28
"""Bytes."""
EXTERNAL, LAST = 4, 5
"""A device in external mode takes what none with ends of its own does, before the one of `FALLBACK`."""
MIN_MTU6 = 1280
ANY_PORT = 49152
"""That a hash of the flow chooses (udp_flow_src_port)."""
INHERIT = 1
"""A tunnel's TOS that means the inner packet's."""


def transmit(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """ip_tunnel_xmit, ipip6_tunnel_xmit (sit), gre_tap_xmit."""
    config, where = device.tunnel, stack.where(device=device.name)
    if config is not None and config.external and (way := passage.tunnel) is not None:
        config = _by_key(config, way)
    if config is None or config.unmodelled or (config.external and config.remote is None):
        unmodelled = config.unmodelled or OUTSIDE if config else "its settings are not known"
        reason = f"{device.name}: {unmodelled}"
        stack.give_up("device.unmodelled", frame, reason, where=where)
        return
    if unread := gap.routing(stack):
        stack.give_up("tunnel.no-remote", frame, unread, where=where)
        return
    is_ipv4 = isinstance(frame, Packet) and frame.family == 4
    if device.kind == "sit" and is_ipv4 and config.protocol != Protocol.IPV6:
        reason = f"{device.name} carries IPv4, too, which is not modelled"
        stack.give_up("device.unmodelled", frame, reason, where=where)
        return
    if device.kind != "gretap" and not _carries(device, config, frame):
        message = f"{device.name} is a tunnel of kind {device.kind}, which does not carry such packets"
        stack.lose("tunnel.no-remote", frame, message, where=where, evidence=[tunnel_text(device)])
        return
    remote = config.remote or _by_route(device, passage)
    if remote is None:
        reason = (
            f"{device.name} has no remote address of its own, and where a {device.kind} takes one from then"
        )
        stack.give_up("tunnel.no-remote", frame, f"{reason} is not modelled", where=where)
        return
    _encapsulate(stack, device, config, frame, passage, remote)


def _by_key(config: IpTunnel, way: TunnelKey) -> IpTunnel:
    """ip_md_tunnel_xmit, gre_fb_xmit: as its packet's route says."""
    return config._replace(
        local=way.source,
        remote=way.destination,
        ttl=way.ttl,
        tos=way.tos,
        pmtudisc=way.df,
        ignore_df=True,
        output_key=way.id if way.keyed else None,
        checksum=(False, way.checksum),
        sequence=(False, way.sequence),
    )


def _carries(device: Device, config: IpTunnel, frame: Frame) -> bool:
    """ipip_tunnel_xmit drops IPv6, whatever the device's protocol is, sit_tunnel_xmit IPv4 unless told to."""
    if not isinstance(frame, Packet):
        return False
    match device.kind:
        case "ipip":
            return frame.family == 4 and config.protocol in (0, Protocol.IPIP)
        case "sit":
            return frame.family == 6
    return True


def _by_route(device: Device, passage: Passage) -> Address | None:
    """Without a remote an ipip device sends to the gateway of the inner route (Calico, flannel)."""
    nexthop = passage.nexthop if device.kind == "ipip" else None
    return nexthop if isinstance(nexthop, IPv4Address) else None


def _encapsulate(
    stack: Stack, device: Device, config: IpTunnel, frame: Frame, passage: Passage, remote: Address
) -> None:
    """Routed by the tunnel's own mark and device; the packet keeps its mark for the rules."""
    inner = frame if isinstance(frame, Packet) else None
    tos = config.tos
    if tos & INHERIT:
        tos = inner.tos if inner else 0
    protocol = Protocol.IPV6 if device.kind == "sit" else config.protocol or Protocol.IPIP
    key = FlowKey(dst=remote, src=config.local, oif=config.link, mark=config.mark, tos=tos, protocol=protocol)
    route = route_output(stack, key, bound_source=config.local)
    headers = _headers(device, config)
    encap = config.encap
    outer = Packet(
        src=config.local or (ip_address("0.0.0.0") if isinstance(route, RouteError) else route.source),
        dst=remote,
        protocol=protocol if encap is None else Protocol.UDP,
        sport=0 if encap is None else encap.sport or ANY_PORT,
        dport=0 if encap is None else encap.dport,
        in_udp=None if encap is None else InUdp(encap.gue, protocol),
        length=(inner.length if inner else ARP_LENGTH) + headers,
        gso=bool(inner and inner.gso),
        df=config.pmtudisc or bool(inner and inner.family == 4 and inner.df and not config.ignore_df),
        tos=tos,
        vni=config.output_key,
        gre_checksum=config.checksum[1],
        gre_sequence=config.sequence[1],
        inner=frame if device.kind == "gretap" else replace(frame, src_mac="", dst_mac=""),
    )
    if isinstance(route, RouteError):
        ip.lose_unroutable(stack, outer, remote, route)
        return
    if route.device == device.index:
        message = f"the remote {remote} is routed into {device.name} itself: a loop"
        stack.lose("forwarding.ttl", outer, message, where=stack.where(device=device.name))
        return
    if inner is not None and not _fits(stack, device, inner, passage, outer, route, headers):
        return
    ttl = config.ttl or (inner.ttl if inner else 0)
    stack.step("tunnel", tunnel_text(device), f"encapsulated, to {remote}", device=device.name)
    ip.send(stack, outer, Passage(mark=passage.mark), route, ttl=ttl)


def _headers(device: Device, config: IpTunnel) -> int:
    """What is in front of the inner IP packet, bytes."""
    before = IP_HEADER + (config.encap.length if config.encap else 0)
    if device.kind not in ("gre", "gretap"):
        return before
    return before + gre_header(config) + (ETHERNET_HEADER if device.kind == "gretap" else 0)


def _fits(
    stack: Stack,
    device: Device,
    inner: Packet,
    passage: Passage,
    outer: Packet,
    route: OutputRoute,
    headers: int,
) -> bool:
    """tnl_update_pmtu: the inner sender is told where the outer packet must not be cut."""
    if inner.gso or not outer.df or (inner.family == 4 and not inner.df):
        return True
    mtu = ip.path_mtu(stack, outer.dst, stack.ns.devices[route.device], route.route) - headers
    if inner.family == 6:
        mtu = max(mtu, MIN_MTU6)
    if stack.reliance.fits(inner.length, mtu):
        return True
    remote, name = outer.dst, stack.ns.device_name(route.device)
    stack.lose(
        "forwarding.too-big",
        inner,
        f"{inner.length} bytes and the {headers} of {device.name}'s headers do not fit the way to {remote}",
        where=stack.where(device=device.name),
        evidence=[f"{device.name} mtu {device.mtu}", f"{name} mtu {stack.ns.devices[route.device].mtu}"],
        remedy=f"ip link set {device.name} mtu {mtu}",
    )
    icmp.send_from_device(stack, inner, passage, icmp.FRAGMENTATION_NEEDED, mtu=mtu)
    return False


def receive(stack: Stack, packet: Packet, passage: Passage) -> None:
    """ip_tunnel_rcv, ipip6_rcv: to the device whose ends the outer packet names."""
    frame = packet.inner
    if frame is None:
        raise ValueError("a tunnel's packet without an inner one")
    kind = _kind(packet, frame)
    device = _find(stack, kind, packet, passage.iif)
    if device is None or device.tunnel is None:
        closed(stack, kind, packet, passage)
    elif device.tunnel.unmodelled:
        reason = f"{device.name}: {device.tunnel.unmodelled}"
        stack.give_up("device.unmodelled", packet, reason, where=stack.where(device=device.name))
    elif not dropped(stack, device, packet):
        stack.step("tunnel", tunnel_text(device), "decapsulated", device=device.name)
        receiving.receive(stack, device.index, frame, Passage(mark=passage.mark))


def _kind(packet: Packet, frame: Frame) -> str:
    if packet.protocol == Protocol.GRE:
        return "gretap" if frame.dst_mac else "gre"
    return "ipip" if packet.protocol == Protocol.IPIP else "sit"


def _find(stack: Stack, kind: str, packet: Packet, iif: int) -> Device | None:
    """ip_tunnel_lookup, ipip6_tunnel_lookup: both ends, the remote, the local end, neither; of equal
    ones that on the device that the packet came in by."""
    found: list[tuple[int, bool, Device]] = []
    for device in stack.ns.devices.values():
        config = device.tunnel
        if config is None or device.kind != kind or not device.up:
            continue
        if config.external:
            found.append((EXTERNAL, False, device))
            continue
        if config.input_key != packet.vni:
            continue
        if config.remote not in (None, packet.src) or config.local not in (None, packet.dst):
            continue
        if kind == "sit" and config.link not in (0, iif):
            continue
        rank = (config.remote is None) * 2 + (config.local is None)
        if rank == 3 and device.name in FALLBACK:
            rank = LAST
        elif rank == 3 and config.input_key is None and kind != "sit":
            continue
        found.append((rank, config.link != iif, device))
    return min(found, key=lambda entry: entry[:2])[2] if found else None

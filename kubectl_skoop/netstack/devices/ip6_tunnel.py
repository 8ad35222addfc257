"""ip6tnl, ip6gre and ip6gretap: packets and frames in IPv6 packets, and out of them.

net/ipv6/ip6_tunnel.c (ip6_tnl_xmit, ip6_tnl_lookup, __ip6_tnl_rcv), ip6_gre.c.
"""

from dataclasses import replace
from ipaddress import IPv6Address

from kubectl_skoop.model.packet import Address, Frame, Packet, Passage, Protocol
from kubectl_skoop.netstack import gap, ip
from kubectl_skoop.netstack import receive as receiving
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices.ip6_tunnel_types import Ip6Tunnel
from kubectl_skoop.netstack.devices.tunnel_end import closed, dropped, gre_header, tunnel_text
from kubectl_skoop.netstack.l4 import icmp
from kubectl_skoop.netstack.routing.local import is_local
from kubectl_skoop.netstack.routing.lookup import FlowKey
from kubectl_skoop.netstack.routing.output import OutputRoute, RouteError, route_output
from kubectl_skoop.netstack.stack import Stack

KINDS = frozenset({"ip6tnl", "ip6gre", "ip6gretap"})
FALLBACK = frozenset({"ip6tnl0", "ip6gre0"})
"""The devices that a module makes in every namespace: they take what no other does, if they are up."""
IP_HEADER, ENCAP_LIMIT, ETHERNET_HEADER, ARP_LENGTH = 40, 8, 14, 28
"""Bytes."""
MIN_MTU = {4: 68, 6: 1280}


def transmit(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """ip6_tnl_start_xmit, ip6gre_tunnel_xmit, ip6gre_tap_xmit."""
    config, where = device.tunnel6, stack.where(device=device.name)
    if config is None or config.unmodelled or config.remote is None:
        reason = config.unmodelled if config and config.unmodelled else "it has no remote address"
        stack.give_up("device.unmodelled", frame, f"{device.name}: {reason}", where=where)
        return
    if unread := gap.routing(stack) or gap.table(stack, "addresses"):
        stack.give_up("tunnel.no-remote", frame, unread, where=where)
        return
    protocol = _protocol(device, config, frame)
    if protocol is None:
        message = f"{device.name} is a tunnel of kind {device.kind}, which does not carry such packets"
        stack.lose("tunnel.no-remote", frame, message, where=where, evidence=[tunnel_text(device)])
        return
    if problem := _unusable(stack, config):
        stack.lose(
            "source.address", frame, f"{device.name}: {problem}", where=where, evidence=[tunnel_text(device)]
        )
        _link_failure(stack, device, frame, passage)
        return
    _encapsulate(stack, device, config, frame, passage, protocol)


def _protocol(device: Device, config: Ip6Tunnel, frame: Frame) -> int | None:
    """Of the outer packet; None: it does not carry the frame."""
    if device.kind != "ip6tnl":
        return Protocol.GRE if device.kind == "ip6gretap" or isinstance(frame, Packet) else None
    if not isinstance(frame, Packet):
        return None
    own = Protocol.IPIP if frame.family == 4 else Protocol.IPV6
    return own if config.protocol in (0, own) else None


def _unusable(stack: Stack, config: Ip6Tunnel) -> str:
    """ip6_tnl_xmit_ctl: why its own addresses do not let it send; empty: they do."""
    if config.local is not None and not is_local(stack.ns, config.local):
        return f"its own address {config.local} is none of {stack.ns.place}"
    if config.remote is not None and not config.local_remote and is_local(stack.ns, config.remote):
        return f"the remote {config.remote} is an address of {stack.ns.place} itself"
    return ""


def _encapsulate(
    stack: Stack, device: Device, config: Ip6Tunnel, frame: Frame, passage: Passage, protocol: int
) -> None:
    inner = frame if isinstance(frame, Packet) else None
    remote = config.remote
    if remote is None:
        raise ValueError("a tunnel without a remote")
    tos = inner.tos if inner and config.inherit_class else config.traffic_class
    mark = passage.mark if config.inherit_mark else config.mark
    key = FlowKey(dst=remote, src=config.local, oif=config.link, mark=mark, tos=tos, protocol=protocol)
    route = route_output(stack, key, bound_source=config.local)
    headers = _headers(device, config)
    outer = Packet(
        src=config.local or (IPv6Address(0) if isinstance(route, RouteError) else route.source),
        dst=remote,
        protocol=protocol,
        length=(inner.length if inner else ARP_LENGTH) + headers,
        gso=bool(inner and inner.gso),
        df=True,
        tos=tos,
        vni=config.output_key,
        gre_checksum=config.checksum[1],
        gre_sequence=config.sequence[1],
        inner=frame if device.kind == "ip6gretap" else replace(frame, src_mac="", dst_mac=""),
    )
    if isinstance(route, RouteError):
        ip.lose_unroutable(stack, outer, remote, route)
        _link_failure(stack, device, frame, passage)
        return
    if route.device == device.index:
        message = f"the remote {remote} is routed into {device.name} itself: a loop"
        stack.lose("forwarding.ttl", outer, message, where=stack.where(device=device.name))
        return
    if inner is not None and not _fits(stack, device, inner, passage, outer, route, headers):
        return
    stack.step("tunnel", tunnel_text(device), f"encapsulated, to {remote}", device=device.name)
    ttl = config.hop_limit or (inner.ttl if inner else 0)
    ip.send(stack, outer, Passage(mark=passage.mark), route, ttl=ttl)


def _headers(device: Device, config: Ip6Tunnel) -> int:
    """What is in front of the inner IP packet, bytes."""
    limit = ENCAP_LIMIT if config.encap_limit else 0
    if device.kind == "ip6tnl":
        return IP_HEADER + limit
    return IP_HEADER + limit + gre_header(config) + (ETHERNET_HEADER if device.kind == "ip6gretap" else 0)


def _fits(
    stack: Stack,
    device: Device,
    inner: Packet,
    passage: Passage,
    outer: Packet,
    route: OutputRoute,
    headers: int,
) -> bool:
    """ip6_tnl_xmit: the inner sender is told, whatever he asked for, as nobody cuts the outer packet."""
    out = stack.ns.devices[route.device]
    mtu = max(ip.path_mtu(stack, outer.dst, out, route.route) - headers, MIN_MTU[inner.family])
    if inner.gso or stack.reliance.fits(inner.length, mtu):
        return True
    stack.lose(
        "forwarding.too-big",
        inner,
        f"{inner.length} bytes and {headers} of {device.name}'s headers do not fit the way to {outer.dst}",
        where=stack.where(device=device.name),
        evidence=[f"{device.name} mtu {device.mtu}", f"{out.name} mtu {out.mtu}"],
        remedy=f"ip link set {device.name} mtu {mtu}",
    )
    icmp.send_from_device(stack, inner, passage, icmp.FRAGMENTATION_NEEDED, mtu=mtu)
    return False


def _link_failure(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """dst_link_failure: who sent the packet is told that the host cannot be reached."""
    if isinstance(frame, Packet) and device.kind != "ip6gretap":
        icmp.send_error(stack, frame, passage, icmp.HOST_UNREACHABLE)


def receive(stack: Stack, packet: Packet, passage: Passage) -> None:
    """tunnel6_rcv, gre_rcv: to the device whose ends the outer packet names."""
    frame = packet.inner
    if frame is None:
        raise ValueError("a tunnel's packet without an inner one")
    kind = "ip6tnl"
    if packet.protocol == Protocol.GRE:
        kind = "ip6gretap" if frame.dst_mac else "ip6gre"
    device = find(stack, kind, packet.src, packet.dst, packet.vni, iif=passage.iif)
    config = device.tunnel6 if device else None
    if device is None or config is None:
        closed(stack, kind, packet, passage)
    elif config.unmodelled:
        reason = f"{device.name}: {config.unmodelled}"
        stack.give_up("device.unmodelled", packet, reason, where=stack.where(device=device.name))
    elif kind == "ip6tnl" and config.protocol not in (0, packet.protocol):
        stack.lose(
            "tunnel.closed",
            packet,
            f"{device.name} takes no packets of protocol {packet.protocol}",
            where=stack.where(device=device.name),
            evidence=[f"{tunnel_text(device)} protocol {config.protocol}"],
        )
    elif not dropped(stack, device, packet):
        stack.step("tunnel", tunnel_text(device), "decapsulated", device=device.name)
        receiving.receive(stack, device.index, frame, Passage(mark=passage.mark))


def find(
    stack: Stack, kind: str, remote: Address, local: Address, key: int | None, *, iif: int
) -> Device | None:
    """ip6_tnl_lookup: both ends, the local end, the remote, neither; ip6gre_tunnel_lookup asks for the remote
    before the local end. Of equal ones that on the device that the packet came in by."""
    found: list[tuple[int, bool, Device]] = []
    lacks_remote, lacks_local = (1, 2) if kind == "ip6tnl" else (2, 1)
    for device in stack.ns.devices.values():
        config = device.tunnel6
        if config is None or device.kind != kind or not device.up or config.input_key != key:
            continue
        if config.remote not in (None, remote) or config.local not in (None, local):
            continue
        rank = (config.remote is None) * lacks_remote + (config.local is None) * lacks_local
        if rank == 3 and device.name not in FALLBACK and kind == "ip6tnl":
            continue
        found.append((rank, config.link != iif, device))
    return min(found, key=lambda entry: entry[:2])[2] if found else None

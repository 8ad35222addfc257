"""vxlan: the frame in a UDP packet and out of it (drivers/net/vxlan/vxlan_core.c; K-38 to K-40)."""

from ipaddress import ip_address

from kubectl_skoop.model.changed import changed
from kubectl_skoop.model.packet import Address, Frame, Packet, Passage, Protocol, is_group
from kubectl_skoop.netstack import gap, ip
from kubectl_skoop.netstack import receive as receiving
from kubectl_skoop.netstack.device import Device, Vxlan
from kubectl_skoop.netstack.devices import vlan_tag
from kubectl_skoop.netstack.devices.tunnel_end import OUTSIDE
from kubectl_skoop.netstack.neighbours.neighbour_types import FdbEntry
from kubectl_skoop.netstack.routing.lookup import FlowKey
from kubectl_skoop.netstack.routing.output import RouteError, route_output
from kubectl_skoop.netstack.stack import Stack

OVERHEAD = {4: 50, 6: 70}
"""IP, UDP and vxlan headers and the inner Ethernet header, bytes, by the outer family."""
ARP_LENGTH = 28
ALL_ZERO_MAC = "00:00:00:00:00:00"


def transmit(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """vxlan_xmit."""
    config = device.vxlan
    where = stack.where(device=device.name)
    if config is None or (config.external and passage.tunnel is None):
        stack.give_up("device.unmodelled", frame, f"{device.name}: {OUTSIDE}", where=where)
        return
    if config.short_circuit and isinstance(frame, Packet):
        reason = f"{device.name} may route past the gateway (rsc), which is not modelled"
        stack.give_up("device.unmodelled", frame, reason, where=where)
        return
    if config.proxy:
        from kubectl_skoop.netstack.devices import vxlan_proxy

        if vxlan_proxy.reduces(device, frame):
            vxlan_proxy.reduce(stack, device, frame)
            return
    if unread := gap.table(stack, "fdb") or gap.routing(stack):
        stack.give_up("tunnel.no-remote", frame, unread, where=where)
        return
    if config.external and (way := passage.tunnel) is not None:
        entry = FdbEntry(mac=frame.dst_mac, port=device.index, destination=way.destination)
        told = config._replace(vni=way.id, local=way.source, ttl=way.ttl, tos=way.tos, df=int(way.df))
        _encapsulate(stack, device, told, frame, passage, way.destination, entry)
        return
    remotes = [entry for entry in _entries(stack, device, frame.dst_mac) if entry.destination is not None]
    if not remotes and config.l2miss and not is_group(frame.dst_mac):
        reason = f"{device.name} tells a daemon that it lacks {frame.dst_mac} (l2miss), which may add it"
        stack.give_up("tunnel.no-remote", frame, reason, where=where)
        return
    if not remotes:
        known = [entry_text(stack, entry) for entry in stack.ns.fdb if entry.port == device.index]
        stack.lose(
            "tunnel.no-remote",
            frame,
            f"{device.name} knows no remote for {frame.dst_mac}",
            where=where,
            evidence=known or [f"{device.name} has no forwarding entry"],
            remedy=f"bridge fdb append {frame.dst_mac} dev {device.name} dst NODE-ADDRESS",
        )
        return
    for entry in remotes:
        if entry.destination is not None:
            stack.step("tunnel", entry_text(stack, entry), device=device.name)
            _encapsulate(stack, device, config, frame, passage, entry.destination, entry)


def _encapsulate(
    stack: Stack,
    device: Device,
    config: Vxlan,
    frame: Frame,
    passage: Passage,
    remote: Address,
    entry: FdbEntry,
) -> None:
    """vxlan_xmit_one: routed by the inner packet's mark, and by the device that the entry names, if any; the
    underlying device of the configuration is in the entry for its own remote only."""
    key = FlowKey(
        dst=remote,
        src=config.local,
        oif=entry.out_device,
        mark=passage.mark,
        protocol=Protocol.UDP,
        dport=config.port,
    )
    route = route_output(stack, key, bound_source=config.local)
    inner_length = frame.length if isinstance(frame, Packet) else ARP_LENGTH
    inner_length += vlan_tag.LENGTH * ((frame.vlan is not None) + len(frame.inner_tags))
    outer = Packet(
        src=config.local or (ip_address("0.0.0.0") if isinstance(route, RouteError) else route.source),
        dst=remote,
        protocol=Protocol.UDP,
        sport=49152,
        dport=config.port,
        length=inner_length + OVERHEAD[remote.version],
        gso=isinstance(frame, Packet) and frame.gso,
        df=config.df == 1 or (config.df == 2 and isinstance(frame, Packet) and frame.df),
        tos=config.tos,
        vni=config.vni if entry.vni is None else entry.vni,
        inner=frame,
    )
    if isinstance(route, RouteError):
        ip.lose_unroutable(stack, outer, remote, route)
        return
    if route.type == "local" and not config.external:
        _bypass(stack, frame, outer, passage)
        return
    if route.device == device.index:
        stack.lose(
            "forwarding.ttl", outer, f"the remote {remote} is routed into {device.name} itself: a loop"
        )
        return
    stack.step("tunnel", f"vni {outer.vni} to {remote}:{config.port}", "encapsulated", device=device.name)
    ip.send(stack, outer, Passage(mark=passage.mark), route, ttl=config.ttl)


def _bypass(stack: Stack, frame: Frame, outer: Packet, passage: Passage) -> None:
    """encap_bypass_if_local: the remote is this namespace, so the frame goes straight to its own device, with
    its mark and its conntrack entry (vxlan_encap_bypass scrubs nothing)."""
    for device in stack.ns.vxlans:
        config = device.vxlan
        if config is None or not config.hears(outer.family):
            continue
        if (config.vni, config.port) == (outer.vni, outer.dport):
            stack.step("tunnel", f"{outer.dst} is here", "not encapsulated", device=device.name)
            receiving.receive(stack, device.index, changed(frame, dst_mac=device.mac), passage)
            return
    stack.lose("tunnel.closed", outer, f"{outer.dst} is this place, which has no vxlan with vni {outer.vni}")


def takes(stack: Stack, packet: Packet) -> bool:
    """A vxlan device that is up has a socket of the kernel on its port."""
    return any(_listens(device, packet) for device in stack.ns.vxlans)


def receive(stack: Stack, packet: Packet, passage: Passage) -> None:
    """vxlan_rcv: by VNI to a device, one in external mode has them all; an unknown VNI is silently dropped
    (K-40)."""
    for device in stack.ns.vxlans:
        if not _listens(device, packet) or device.vxlan is None:
            continue
        if device.vxlan.filtered:
            reason = f"{device.name} takes some VNIs only (vnifilter), which is not modelled"
            stack.give_up("device.unmodelled", packet, reason, where=stack.where(device=device.name))
            return
        if packet.inner is not None and (device.vxlan.external or device.vxlan.vni == packet.vni):
            stack.step("tunnel", f"vni {packet.vni}", "decapsulated", device=device.name)
            receiving.receive(stack, device.index, packet.inner, Passage(mark=passage.mark))
            return
    there = ", ".join(
        f"{device.name} has vni {device.vxlan.vni}"
        for device in stack.ns.vxlans
        if device.vxlan is not None and _listens(device, packet)
    )
    stack.lose(
        "tunnel.closed",
        packet,
        f"no vxlan device here has vni {packet.vni}: {there}",
        evidence=[there],
        remedy="give both ends the same VNI",
    )


def entry_text(stack: Stack, entry: FdbEntry) -> str:
    """As `bridge fdb` prints it."""
    destination = f" dst {entry.destination}" if entry.destination else ""
    return f"{entry.mac} dev {stack.ns.device_name(entry.port)}{destination}"


def _listens(device: Device, packet: Packet) -> bool:
    config = device.vxlan
    return config is not None and device.up and config.port == packet.dport and config.hears(packet.family)


def _entries(stack: Stack, device: Device, mac: str) -> list[FdbEntry]:
    exact, others = (
        [entry for entry in stack.ns.fdb_by_key.get((device.index, one), ()) if entry.bridge == 0]
        for one in (mac, ALL_ZERO_MAC)
    )
    return exact or others

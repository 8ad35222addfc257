"""geneve, with a remote of its own or by what a route says.

drivers/net/geneve.c: geneve_xmit_skb, geneve_lookup, geneve_rx.
"""

from ipaddress import ip_address

from kubectl_skoop.model.packet import Address, Frame, Packet, Passage, Protocol
from kubectl_skoop.netstack import gap, ip
from kubectl_skoop.netstack import receive as receiving
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices.tunnel_end import OUTSIDE
from kubectl_skoop.netstack.devices.tunnel_types import Geneve
from kubectl_skoop.netstack.routing.lookup import FlowKey
from kubectl_skoop.netstack.routing.output import RouteError, route_output
from kubectl_skoop.netstack.stack import Stack

OVERHEAD = {4: 50, 6: 70}
"""IP, UDP and geneve headers and the inner Ethernet header, bytes, by the outer family."""
ARP_LENGTH, INHERIT = 28, 1
_ANY: dict[int, Address] = {4: ip_address("0.0.0.0"), 6: ip_address("::")}


def transmit(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """geneve_xmit: to its remote, from the address that the route says, routed by the inner packet's mark."""
    config, where, source = device.geneve, stack.where(device=device.name), None
    if config is not None and config.external and (way := passage.tunnel) is not None:
        source, df = way.source, int(way.df)
        config = config._replace(remote=way.destination, vni=way.id, ttl=way.ttl, tos=way.tos, df=df)
    if config is None or config.unmodelled or config.remote is None:
        missing = OUTSIDE if config and config.external else "it has no remote"
        reason = f"{device.name}: {config.unmodelled if config and config.unmodelled else missing}"
        stack.give_up("device.unmodelled", frame, reason, where=where)
        return
    if unread := gap.routing(stack):
        stack.give_up("tunnel.no-remote", frame, unread, where=where)
        return
    inner, remote = frame if isinstance(frame, Packet) else None, config.remote
    tos = (inner.tos if inner else 0) if config.tos == INHERIT else config.tos
    key = FlowKey(
        dst=remote, src=source, mark=passage.mark, tos=tos, protocol=Protocol.UDP, dport=config.port
    )
    route = route_output(stack, key, bound_source=source)
    outer = Packet(
        src=source or (_ANY[remote.version] if isinstance(route, RouteError) else route.source),
        dst=remote,
        protocol=Protocol.UDP,
        sport=49152,
        dport=config.port,
        length=(inner.length if inner else ARP_LENGTH) + OVERHEAD[remote.version],
        gso=bool(inner and inner.gso),
        df=config.df == 1 or (config.df == 2 and bool(inner and inner.df)),
        tos=tos,
        vni=config.vni,
        inner=frame,
    )
    if isinstance(route, RouteError):
        ip.lose_unroutable(stack, outer, remote, route)
        return
    if route.device == device.index:
        message = f"the remote {remote} is routed into {device.name} itself: a loop"
        stack.lose("forwarding.ttl", outer, message, where=where)
        return
    stack.step("tunnel", _text(device, config), "encapsulated", device=device.name)
    ip.send(stack, outer, Passage(mark=passage.mark), route, ttl=config.ttl)


def takes(stack: Stack, packet: Packet) -> bool:
    """A device that is up has a socket of the kernel on its port."""
    return any(_listens(device, packet) for device in stack.ns.devices.values())


def receive(stack: Stack, packet: Packet, passage: Passage) -> None:
    """By VNI and sender to a device; else silently dropped."""
    there = [device for device in stack.ns.devices.values() if _listens(device, packet)]
    for device in there:
        config = device.geneve
        if config is None or packet.inner is None:
            continue
        if config.unmodelled:
            reason = f"{device.name}: {config.unmodelled}"
            stack.give_up("device.unmodelled", packet, reason, where=stack.where(device=device.name))
            return
        if config.external or (config.vni, config.remote) == (packet.vni, packet.src):
            stack.step("tunnel", _text(device, config), "decapsulated", device=device.name)
            receiving.receive(stack, device.index, packet.inner, Passage(mark=passage.mark))
            return
    texts = [_text(device, device.geneve) for device in there if device.geneve is not None]
    stack.lose(
        "tunnel.closed",
        packet,
        f"no geneve device here has vni {packet.vni} and remote {packet.src}",
        evidence=texts,
        remedy="give both ends the same VNI and each other's addresses",
    )


def _text(device: Device, config: Geneve) -> str:
    return f"{device.name}: geneve vni {config.vni} remote {config.remote} port {config.port}"


def _listens(device: Device, packet: Packet) -> bool:
    config = device.geneve
    return config is not None and device.up and config.port == packet.dport

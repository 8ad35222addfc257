"""UDP and echo requests: one datagram there, its answer back (net/ipv4/udp.c, ping.c)."""

from kubectl_skoop.model.changed import changed
from kubectl_skoop.model.packet import Owner, Packet, Passage, Protocol
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack import ip
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.l4 import icmp, open_socket, socket_lookup
from kubectl_skoop.netstack.l4.endpoint import SYMPTOMS, Client, Refusal, Server
from kubectl_skoop.netstack.l4.socket_types import Socket
from kubectl_skoop.netstack.routing.output import RouteError, route_output
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.netstack.xfrm import socket_mtu

SMALL, ECHO = {4: 32, 6: 52}, {4: 84, 6: 104}
"""IP total lengths in bytes of a datagram of 4 bytes and of ping's default, by family."""


def send(stack: Stack, probe: Probe) -> Client | Refusal:
    """A datagram or an echo request."""
    opened = open_socket.open_socket(stack, probe)
    if isinstance(opened, Refusal):
        return opened
    client, route = opened
    stack.clients.append(client)
    echo = client.protocol in (Protocol.ICMP, Protocol.ICMPV6)
    length = probe.size or (ECHO if echo else SMALL)[client.remote.version]
    packet = Packet(
        src=client.local,
        dst=client.remote,
        protocol=client.protocol,
        sport=0 if echo else client.port,
        dport=0 if echo else client.remote_port,
        icmp_type=icmp.echo_type(client.remote.version) if echo else 0,
        icmp_id=client.port if echo else 0,
        length=length,
    )
    mtu = socket_mtu.local_mtu(stack, packet, route)
    if probe.df and length > mtu:
        client.fail(SYMPTOMS["EMSGSIZE"])
    discovery = client.remote.version == 6 or not stack.ns.sysctls.number("net.ipv4.ip_no_pmtu_disc", 0)
    packet = changed(packet, df=probe.df or (discovery and length <= mtu))
    ip.send(stack, packet, Passage(owner=probe.owner), route)
    return client


def deliver(stack: Stack, device: Device, packet: Packet, passage: Passage) -> None:
    """udp_rcv."""
    for client in stack.clients:
        if (client.protocol, client.port, client.local) != (packet.protocol, packet.dport, packet.dst):
            continue
        if (client.remote, client.remote_port) == (packet.src, packet.sport):
            client.answered, client.symptom = True, "answer"
            stack.journey.served = True
        else:
            stack.lose(
                "reply.unexpected-source",
                packet,
                f"the answer comes from {packet.src}:{packet.sport}, asked was "
                f"{client.remote}:{client.remote_port}",
            )
        return
    if reason := socket_lookup.unread(stack):
        stack.give_up("socket.closed", packet, reason)
        return
    socket = socket_lookup.find(stack, packet, device.index, "unconnected")
    if socket is None:
        _closed(stack, packet, passage)
        return
    if packet.sealed is not None:
        reason = f"the WireGuard device of port {packet.dport} was moved to another namespace"
        stack.give_up("device.unmodelled", packet, reason)
        return
    if (packet.ipsec is not None or stack.ns.ipsec.states) and _taken_for_esp(
        stack, device, packet, passage, socket
    ):
        return
    text = socket_lookup.socket_text(stack, socket)
    stack.step("socket", f"UNCONN {text}", "gets the datagram", device=device.name)
    stack.journey.served = True
    _answer(stack, device, socket, packet)


def _taken_for_esp(stack: Stack, device: Device, packet: Packet, passage: Passage, socket: Socket) -> bool:
    from kubectl_skoop.netstack.xfrm import ipsec_udp

    if packet.ipsec is not None:
        ipsec_udp.receive(stack, device, packet, passage, packet.ipsec, socket)
        return True
    if not ipsec_udp.swallows(stack, packet):
        return False
    reason = (
        f"IPsec takes datagrams to port {packet.dport} for ESP, unless what they hold begins with four zeros"
    )
    stack.give_up("unknown", packet, reason, where=stack.where(device=device.name))
    return True


def _answer(stack: Stack, device: Device, socket: Socket, packet: Packet) -> None:
    """The program answers; from a wildcard socket the route chooses the source (K-63)."""
    server = Server(
        protocol=Protocol.UDP,
        local=packet.dst,
        port=packet.dport,
        remote=packet.src,
        remote_port=packet.sport,
        socket=socket,
        established=True,
        received=packet.length,
    )
    stack.servers.append(server)
    answer = Packet(
        src=packet.dst,
        dst=packet.src,
        protocol=Protocol.UDP,
        sport=packet.dport,
        dport=packet.sport,
        length=SMALL[packet.family],
        df=True,
    )
    link = ip.link_of(stack, packet.src, device.index) if packet.src.is_link_local else 0
    out = socket.device or link
    key = ip.flow_key(answer, mark=socket.mark, uid=socket.uid)._replace(oif=out)
    bound = None if socket_lookup.wildcard(socket.local) else packet.dst
    route = route_output(stack, key._replace(src=bound), bound_source=bound)
    if isinstance(route, RouteError):
        ip.lose_unroutable(stack, answer, answer.dst, route)
        return
    if route.source != packet.dst:
        reason = (
            f"the program on {socket_lookup.socket_text(stack, socket)} answers from {route.source}, "
            f"unless it pins its answers to the address that was asked, {packet.dst}"
        )
        if stack.choices.undecided(Unknown(reason)):
            answer = changed(answer, src=route.source)
        else:
            route = route_output(stack, key._replace(src=packet.dst), bound_source=packet.dst)
            if isinstance(route, RouteError):
                ip.lose_unroutable(stack, answer, answer.dst, route)
                return
    ip.send(stack, answer, Passage(owner=Owner(uid=socket.uid), mark=socket.mark), route)


def _closed(stack: Stack, packet: Packet, passage: Passage) -> None:
    if packet.inner is not None:
        _no_tunnel(stack, packet)
        icmp.send_error(stack, packet, passage, icmp.PORT_UNREACHABLE)
        return
    misses = [
        socket_lookup.socket_text(stack, entry)
        for entry in socket_lookup.near_misses(stack, packet, "unconnected")
    ]
    if misses:
        code = "socket.other-address"
        message = f"port {packet.dport} is open at {', '.join(misses)}, not at {packet.dst}"
    else:
        code = "socket.closed"
        message = f"nothing receives on {packet.dst}:{packet.dport}/udp"
    misses += socket_lookup.vrf_evidence(stack, packet, passage.iif)
    stack.lose(code, packet, message, evidence=misses)
    if not passage.by_lo:
        # icmp_send finds no route for a source that is not local.
        icmp.send_error(stack, packet, passage, icmp.PORT_UNREACHABLE)


def _no_tunnel(stack: Stack, packet: Packet) -> None:
    """The kernel's socket of such a device is there while the device is up; of ESP it is a program's."""
    if packet.ipsec is not None:
        stack.lose(
            "tunnel.closed",
            packet,
            f"nothing takes ESP on UDP port {packet.dport} of {packet.dst}",
            remedy="look why the key daemon (IKE) does not run here, and which ports the sender's state has",
        )
        return
    if packet.in_udp is not None:
        stack.lose(
            "tunnel.closed",
            packet,
            f"the kernel of {stack.ns.place} takes no tunnel's packets on UDP port {packet.dport}",
            evidence=[f"fou: {port}" for port in stack.ns.fou or ()] or ["ip fou show: nothing"],
            remedy=f"ip fou add port {packet.dport} "
            + ("gue" if packet.in_udp.gue else f"ipproto {packet.in_udp.protocol}"),
        )
        return
    there = [
        f"{device.name}: UDP port {config.port}" + ("" if device.up else ", not UP")
        for device in stack.ns.devices.values()
        if (config := device.vxlan or device.geneve or device.wireguard) is not None
    ]
    stack.lose(
        "tunnel.closed",
        packet,
        f"no vxlan, geneve or WireGuard device here takes UDP port {packet.dport}",
        evidence=there or ["no such device"],
        remedy="look why the network plugin has not set up its tunnel device here",
    )

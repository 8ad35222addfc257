"""WireGuard: which peer gets a packet, and which may send it.

drivers/net/wireguard: device.c, socket.c, receive.c. The handshake goes with the first packet: it has
the same ends, and what stops it stops the packet. Whether two preshared keys are equal is not known.
"""

from ipaddress import ip_address

from kubectl_skoop.model.packet import Address, Frame, Packet, Passage, Protocol, SealedFor
from kubectl_skoop.netstack import gap, ip
from kubectl_skoop.netstack import receive as receiving
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices.wireguard_types import Wireguard, WireguardPeer
from kubectl_skoop.netstack.l4 import icmp
from kubectl_skoop.netstack.routing.local import is_local
from kubectl_skoop.netstack.routing.lookup import FlowKey
from kubectl_skoop.netstack.routing.output import OutputRoute, RouteError, route_output
from kubectl_skoop.netstack.stack import Heard, Stack

OVERHEAD = {4: 60, 6: 80}
"""IP, UDP and WireGuard headers and the seal, bytes, by the outer family."""
PADDING = 16
"""MESSAGE_PADDING_MULTIPLE, bytes; never beyond the device's MTU (calculate_skb_padding)."""
ECN = 3
"""All that the outer packet tells of the inner one's TOS (wg_xmit, ip_tunnel_ecn_encap)."""
_ANY: dict[int, Address] = {4: ip_address("0.0.0.0"), 6: ip_address("::")}


def transmit(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """wg_xmit: to the peer whose allowed IPs have the destination, the longest prefix first."""
    config, where = device.wireguard, stack.where(device=device.name)
    if config is None or not isinstance(frame, Packet):
        reason = gap.table(stack, "wireguard") or f"the peers of {device.name} were not collected"
        stack.give_up("device.unmodelled", frame, reason, where=where)
        return
    if unread := gap.routing(stack) or _elsewhere(stack, device, config):
        stack.give_up("tunnel.no-remote", frame, unread, where=where)
        return
    peer = _routed(config, frame.dst)
    if peer is None:
        _no_peer(stack, device, config, frame, passage)
        return
    heard = stack.heard.get((device.index, peer.key))
    endpoint = heard.endpoint if heard else peer.endpoint
    if endpoint is None:
        stack.lose(
            "tunnel.no-remote",
            frame,
            f"{device.name} does not know yet where the peer for {frame.dst} is",
            where=where,
            evidence=[peer_text(device, peer)],
            remedy="give the peer an endpoint, or let the other side send first (persistent keepalive)",
        )
        icmp.send_from_device(stack, frame, passage, icmp.HOST_UNREACHABLE)
        return
    if config.keys_known and not config.key:
        message = f"{device.name} has no private key: it cannot send"
        stack.lose("wireguard.key", frame, message, where=where, remedy="give it the key that its peers know")
        return
    if peer.preshared:
        stack.assumptions.append(f"both ends of {device.name} have the same preshared key")
    _seal(stack, device, config, peer, frame, endpoint, heard)


def _routed(config: Wireguard, address: Address) -> WireguardPeer | None:
    """wg_allowedips_lookup_dst, wg_allowedips_lookup_src: one trie for all peers of the device."""
    found = [
        (network.prefixlen, peer) for peer in config.peers for network in peer.allowed if address in network
    ]
    return max(found, key=lambda entry: entry[0])[1] if found else None


def _no_peer(stack: Stack, device: Device, config: Wireguard, packet: Packet, passage: Passage) -> None:
    stack.lose(
        "tunnel.no-remote",
        packet,
        f"no peer of {device.name} has {packet.dst} among its allowed IPs",
        where=stack.where(device=device.name),
        evidence=[peer_text(device, peer) for peer in config.peers] or [f"{device.name} has no peer"],
        remedy=f"wg set {device.name} peer KEY allowed-ips …,{packet.dst}",
    )
    icmp.send_from_device(stack, packet, passage, icmp.HOST_UNREACHABLE)


def _elsewhere(stack: Stack, device: Device, config: Wireguard) -> str:
    """Its packets leave by the namespace it was made in, which netlink does not tell; empty: this one."""
    if unread := gap.table(stack, "sockets"):
        return f"whether {device.name} was made in this namespace: {unread}"
    if any(
        (socket.protocol, socket.port, socket.state) == (Protocol.UDP, config.port, "unconnected")
        for socket in stack.ns.sockets
    ):
        return ""
    return f"{device.name} was made in another namespace, and its packets leave by that one"


def _seal(
    stack: Stack,
    device: Device,
    config: Wireguard,
    peer: WireguardPeer,
    packet: Packet,
    endpoint: tuple[Address, int],
    heard: Heard | None,
) -> None:
    """encrypt_packet, send4, send6. Whoever was heard is answered from the address that he asked."""
    remote, port = endpoint
    key = FlowKey(
        dst=remote,
        mark=config.mark,
        protocol=Protocol.UDP,
        sport=config.port,
        dport=port,
        tos=packet.tos & ECN,
    )
    route = _route(stack, key, heard)
    stack.reliance.by_length()
    padded = min(-(-packet.length // PADDING) * PADDING, max(device.mtu, packet.length))
    outer = Packet(
        src=_ANY[remote.version] if isinstance(route, RouteError) else route.source,
        dst=remote,
        protocol=Protocol.UDP,
        sport=config.port,
        dport=port,
        length=padded + OVERHEAD[remote.version],
        tos=packet.tos & ECN,
        sealed=SealedFor(config.key, peer.key, peer.preshared),
        inner=packet,
    )
    if isinstance(route, RouteError):
        ip.lose_unroutable(stack, outer, remote, route)
        return
    if route.device == device.index:
        message = f"the endpoint {remote} is routed into {device.name} itself: a loop"
        stack.lose("forwarding.ttl", outer, message, where=stack.where(device=device.name))
        return
    stack.step("tunnel", peer_text(device, peer), f"sealed, to {remote}:{port}", device=device.name)
    with receiving.deeper(stack, device, packet) as goes_on:
        if goes_on:
            ip.send(stack, outer, Passage(mark=config.mark), route)


def _route(stack: Stack, key: FlowKey, heard: Heard | None) -> OutputRoute | RouteError:
    if heard is None or not is_local(stack.ns, heard.own):
        return route_output(stack, key)
    route = route_output(stack, key, bound_source=heard.own)
    astray = (
        route.errno == "EINVAL" if isinstance(route, RouteError) else route.device != heard.device
    ) and key.family == 4
    return route_output(stack, key) if astray else route


def takes(stack: Stack, packet: Packet) -> bool:
    """A device that is up has a socket of the kernel on its port; one that was not read may have it."""
    sealed = packet.sealed is not None
    return any(
        _listens(device, packet) or (sealed and _unread(device)) for device in stack.ns.devices.values()
    )


def receive(stack: Stack, packet: Packet, passage: Passage) -> None:
    """wg_receive, wg_packet_consume_data_done: who sealed the packet must be the peer that has its source."""
    device = next((device for device in stack.ns.devices.values() if _listens(device, packet)), None)
    if device is None:
        reason = gap.table(stack, "wireguard") or "the ports of wireguard devices were not collected"
        stack.give_up("device.unmodelled", packet, reason)
        return
    config, inner, where = device.wireguard, packet.inner, stack.where(device=device.name)
    if config is None:
        raise ValueError("a device that listens has settings")
    if not isinstance(inner, Packet) or packet.sealed is None:
        message = f"{device.name} takes nothing on port {config.port} but WireGuard's messages"
        stack.lose("wireguard.key", packet, message, where=where)
        return
    if not (config.keys_known and packet.sealed.sender):
        reason = f"the keys of {device.name} and its peers were not collected"
        stack.give_up("unknown", packet, reason, where=where)
        return
    peer = next((peer for peer in config.peers if peer.key == packet.sealed.sender), None)
    if packet.sealed.receiver != config.key or peer is None:
        _strange(stack, device, config, packet)
        return
    if packet.sealed.preshared != peer.preshared:
        message = f"only one of {device.name} and {packet.src} has a preshared key for the other"
        remedy = "give both ends the same preshared key, or none"
        stack.lose("wireguard.key", packet, message, where=where, remedy=remedy)
        return
    stack.heard[device.index, peer.key] = Heard((packet.src, packet.sport), packet.dst, passage.iif)
    if _routed(config, inner.src) != peer:
        stack.lose(
            "wireguard.source",
            packet,
            f"{device.name} takes nothing from {inner.src} of this peer: it is not among its allowed IPs",
            where=where,
            evidence=[peer_text(device, peer)],
            remedy=f"wg set {device.name} peer KEY allowed-ips …,{inner.src}",
        )
        return
    stack.step("tunnel", peer_text(device, peer), "opened", device=device.name)
    receiving.receive(stack, device.index, inner)


def _strange(stack: Stack, device: Device, config: Wireguard, packet: Packet) -> None:
    """wg_noise_handshake_consume_initiation: who does not know the other's key is not answered."""
    meant = packet.sealed is not None and packet.sealed.receiver == config.key
    stack.lose(
        "wireguard.key",
        packet,
        f"{device.name} has no peer with the key of {packet.src}"
        if meant
        else f"{packet.src} has another public key for {device.name} than {device.name} has",
        where=stack.where(device=device.name),
        evidence=[peer_text(device, peer) for peer in config.peers] or [f"{device.name} has no peer"],
        remedy="give both ends each other's public keys (wg show)",
    )


def peer_text(device: Device, peer: WireguardPeer) -> str:
    """In the words of `wg show`."""
    end = "endpoint " + (f"{peer.endpoint[0]}:{peer.endpoint[1]}" if peer.endpoint else "(none)")
    allowed = ", ".join(map(str, peer.allowed)) or "(none)"
    met = "" if peer.handshake else ", no handshake yet"
    keepalive = f", keepalive {peer.keepalive} s" if peer.keepalive else ""
    return f"{device.name}: peer {end}, allowed ips {allowed}{keepalive}{met}"


def _unread(device: Device) -> bool:
    return device.kind == "wireguard" and device.up and device.wireguard is None


def _listens(device: Device, packet: Packet) -> bool:
    config = device.wireguard
    return config is not None and device.up and config.port == packet.dport

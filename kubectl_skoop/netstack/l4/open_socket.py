"""Opening a socket towards a destination: source address and port (ip_route_connect, inet_hash_connect)."""

from dataclasses import replace

from kubectl_skoop.model.packet import Address, Packet, Passage, Protocol
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.netstack import gap, ip_error
from kubectl_skoop.netstack.l4.endpoint import SYMPTOMS, Client, Ports, Refusal
from kubectl_skoop.netstack.routing.lookup import FlowKey
from kubectl_skoop.netstack.routing.output import OutputRoute, RouteError, route_output
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.netstack.xfrm import ipsec_gate


def open_socket(stack: Stack, probe: Probe) -> tuple[Client, OutputRoute] | Refusal:
    """The socket and its route, or what the program sees instead.

    The first lookup, before OUTPUT and any translation, must succeed and chooses the source (K-13); a
    connected socket looks up again with that source (K-42).
    """
    remote = probe.destination.address
    if unread := gap.table(stack, "links") or gap.routing(stack):
        stack.give_up("source.address", _unsent(probe, probe.bind_source or remote), unread)
        return Refusal("")
    port = _port(stack, probe)
    if port is None:
        stack.lose(
            "source.address",
            _unsent(probe, probe.bind_source or remote),
            f"no local port is free towards {remote}:{probe.dport}",
            evidence=[_range_text(stack)],
            remedy="widen net.ipv4.ip_local_port_range",
        )
        return Refusal(SYMPTOMS["EADDRNOTAVAIL"])
    device = 0
    if probe.device or (remote.version == 6 and remote.is_link_local):
        scope = stack.ns.device_by_name.get(probe.device)
        if scope is None:
            return _without_link(stack, probe)
        device = scope.index
    key = FlowKey(
        dst=remote,
        src=probe.bind_source,
        oif=device,
        uid=probe.owner.uid,
        protocol=_protocol(probe),
        dport=probe.dport,
    )
    route = route_output(stack, key, bound_source=probe.bind_source)
    if not isinstance(route, RouteError) and probe.connected and probe.bind_source is None:
        with stack.aside():
            second = route_output(
                stack, key._replace(src=route.source, sport=port), bound_source=route.source
            )
        route = second
    if isinstance(route, RouteError):
        if route.errno == "EADDRNOTAVAIL" and (unread := gap.table(stack, "addresses")):
            stack.give_up("source.address", _unsent(probe, remote), unread)
            return Refusal("")
        ip_error.unroutable(stack, _unsent(probe, probe.bind_source or remote), remote, route)
        return Refusal(SYMPTOMS.get(route.errno, route.errno))
    unsent = replace(_unsent(probe, route.source), sport=port)
    if not route.loopback:
        ended = ipsec_gate.lookup(stack, unsent, Passage(), route)
        if isinstance(ended, ipsec_gate.Ended) and (ended.errno or ended.unknown):
            ipsec_gate.end(stack, unsent, ended, stack.ns.device_name(route.device))
            return Refusal(SYMPTOMS.get(ended.errno, ended.errno))
    if route.type in ("broadcast", "multicast"):
        return _group(stack, probe, route)
    client = Client(
        protocol=_protocol(probe),
        local=route.source,
        port=port,
        remote=remote,
        remote_port=probe.dport,
        owner=probe.owner,
        df=probe.df,
        device=device,
    )
    return client, route


def _without_link(stack: Stack, probe: Probe) -> Refusal:
    """tcp_v6_connect, ip6_datagram_connect: a link-local address means nothing without a device."""
    remote = probe.destination.address
    names = [device.name for device in stack.ns.devices.values() if not device.loopback]
    stack.lose(
        "source.address",
        _unsent(probe, probe.bind_source or remote),
        f"{stack.ns.place} has no device {probe.device}"
        if probe.device
        else f"the link-local address {remote} needs a device",
        evidence=[f"devices: {', '.join(names) or 'none'}"],
        remedy=f"ask for {remote}%DEVICE",
    )
    return Refusal(SYMPTOMS["ENODEV" if probe.device else "EINVAL"])


def _group(stack: Stack, probe: Probe, route: OutputRoute) -> Refusal:
    """tcp_v4_connect and, for a socket without SO_BROADCAST, ip4_datagram_connect refuse."""
    remote = probe.destination.address
    packet = _unsent(probe, route.source)
    if probe.protocol != Protocol.TCP and route.type == "multicast":
        stack.give_up("route.martian", packet, f"{remote} is a multicast address, which is not modelled")
        return Refusal("")
    stack.lose("route.martian", packet, f"a socket cannot be connected to {remote}, a {route.type} address")
    return Refusal(SYMPTOMS["ENETUNREACH" if probe.protocol == Protocol.TCP else "EACCES"])


def _protocol(probe: Probe) -> int:
    """An echo request to an IPv6 address is one of ICMPv6."""
    if probe.protocol == Protocol.ICMP and probe.destination.address.version == 6:
        return Protocol.ICMPV6
    return probe.protocol


def ephemeral_ports(stack: Stack, probe: Probe) -> Ports:
    """net.ipv4.ip_local_port_range without the ports that already lead to the same destination."""
    text = stack.ns.sysctls.text("net.ipv4.ip_local_port_range") or "32768 60999"
    low, high = (int(word) for word in text.split()[:2])
    end = (probe.protocol, probe.destination.address, probe.dport)
    return Ports(low, high, stack.ns.ports_by_remote.get(end, frozenset()))


def _unsent(probe: Probe, source: Address) -> Packet:
    """Stands for the packet that was not made."""
    return Packet(src=source, dst=probe.destination.address, protocol=probe.protocol, dport=probe.dport)


def _port(stack: Stack, probe: Probe) -> int | None:
    return probe.sport or ephemeral_ports(stack, probe).first_free()


def _range_text(stack: Stack) -> str:
    return f"net.ipv4.ip_local_port_range = {stack.ns.sysctls.text('net.ipv4.ip_local_port_range')}"

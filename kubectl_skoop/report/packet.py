"""A packet in one line, as tcpdump would put it, and what changed of it."""

from collections.abc import Iterator

from kubectl_skoop.model.packet import Address, Arp, Frame, Packet, Protocol
from kubectl_skoop.report.fields import protocol_name

_WITH_PORTS = (Protocol.TCP, Protocol.UDP, Protocol.SCTP)
_TUNNEL_OF_PORT = {4789: "vxlan", 8472: "vxlan", 6081: "geneve"}


def frame_text(frame: Frame) -> str:
    """`10.244.1.2:41000 > 10.244.2.3:80 tcp SYN`; inside a tunnel `[…] in vxlan 1 10.0.0.1 > 10.0.0.2`."""
    if isinstance(frame, Arp):
        return (
            f"arp who has {frame.target}" if frame.request else f"arp {frame.sender} is at {frame.sender_mac}"
        )
    if frame.inner is not None:
        return f"[{frame_text(frame.inner)}] in {tunnel_text(frame)}"
    if frame.discovery is not None:
        said = frame.discovery
        return f"icmpv6 who has {said.target}" if frame.asks else f"icmpv6 {said.target} is at {said.mac}"
    return f"{_end(frame, frame.src, frame.sport)} > {_end(frame, frame.dst, frame.dport)} {_kind(frame)}"


def inside(frame: Frame) -> Frame:
    """Without the tunnels around it."""
    return frame.innermost if isinstance(frame, Packet) else frame


def tunnel_text(outer: Packet) -> str:
    """`vxlan 1 10.0.0.1 > 10.0.0.2`."""
    udp = outer.protocol == Protocol.UDP
    name = _TUNNEL_OF_PORT.get(outer.dport, "udp") if udp else protocol_name(outer.protocol)
    if outer.ipsec is not None:
        name = "espinudp" if outer.ipsec.in_udp else protocol_name(outer.ipsec.protocol)
    if outer.sealed is not None:
        name = "wireguard"
    vni = "" if outer.vni is None else f" {outer.vni}"
    return f"{name}{vni} {outer.src} > {outer.dst}"


def translations(before: Packet, after: Packet) -> Iterator[str]:
    """What NAT did to the packet inside all tunnels."""
    before, after = before.innermost, after.innermost
    if before.protocol != after.protocol:
        return
    if (before.src, before.sport) != (after.src, after.sport):
        yield f"snat {_end(before, before.src, before.sport)} -> {_end(after, after.src, after.sport)}"
    if (before.dst, before.dport) != (after.dst, after.dport):
        yield f"dnat {_end(before, before.dst, before.dport)} -> {_end(after, after.dst, after.dport)}"


def _end(packet: Packet, address: Address, port: int) -> str:
    if packet.protocol not in _WITH_PORTS:
        return str(address)
    return f"{address}:{port}" if packet.family == 4 else f"[{address}]:{port}"


def _kind(packet: Packet) -> str:
    name = protocol_name(packet.protocol)
    if packet.protocol == Protocol.TCP:
        flags = "-".join(flag.name for flag in packet.flags if flag.name) or "data"
        return f"tcp {flags}"
    if packet.protocol in (Protocol.ICMP, Protocol.ICMPV6):
        return f"{name} {_icmp(packet)}"
    return name


_ICMP = {
    (8, 0): "echo request",
    (0, 0): "echo reply",
    (3, 4): "fragmentation needed",
    (11, 0): "time exceeded",
}
_UNREACHABLE = {
    0: "net",
    1: "host",
    2: "protocol",
    3: "port",
    9: "net prohibited",
    10: "host prohibited",
    13: "admin prohibited",
}
_ICMPV6 = {128: "echo request", 129: "echo reply", 2: "packet too big", 3: "time exceeded", 1: "unreachable"}


def _icmp(packet: Packet) -> str:
    if packet.protocol == Protocol.ICMPV6:
        return _ICMPV6.get(packet.icmp_type, str(packet.icmp_type))
    known = _ICMP.get((packet.icmp_type, packet.icmp_code))
    if known:
        return f"{known} (mtu {packet.icmp_mtu})" if packet.icmp_mtu else known
    if packet.icmp_type == 3:
        return f"unreachable: {_UNREACHABLE.get(packet.icmp_code, packet.icmp_code)}"
    return f"{packet.icmp_type}/{packet.icmp_code}"

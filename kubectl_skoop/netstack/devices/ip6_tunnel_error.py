"""Errors about the outer packets of ip6tnl devices: the sender of the inner packet is told (RFC 2473, 8).

net/ipv6/ip6_tunnel.c (ip6_tnl_err, ip4ip6_err, ip6ip6_err).
"""

from kubectl_skoop.model.packet import Packet, Passage, Protocol
from kubectl_skoop.netstack.devices import ip6_tunnel
from kubectl_skoop.netstack.l4 import icmp, icmp6
from kubectl_skoop.netstack.routing.lookup import FlowKey
from kubectl_skoop.netstack.routing.output import RouteError, route_output
from kubectl_skoop.netstack.stack import Stack


def concerns(error: Packet) -> bool:
    """It quotes an outer packet of such a device."""
    quoted = error.quoted
    return (
        quoted is not None
        and quoted.family == 6
        and quoted.protocol in (Protocol.IPIP, Protocol.IPV6)
        and isinstance(quoted.inner, Packet)
    )


def relay(stack: Stack, error: Packet) -> None:
    """To who sent the inner packet, if a tunnel with these ends is up."""
    quoted = error.quoted
    if quoted is None or not isinstance(inner := quoted.inner, Packet):
        return
    tunnel = ip6_tunnel.find(stack, "ip6tnl", quoted.dst, quoted.src, quoted.vni, iif=0)
    if tunnel is None:
        return
    if error.icmp_type == icmp6.TOO_BIG:
        mtu = max(error.icmp_mtu - (quoted.length - inner.length), ip6_tunnel.MIN_MTU[6])
        if inner.length > mtu:
            _send(stack, inner, icmp.FRAGMENTATION_NEEDED, mtu)
    elif error.icmp_type in (icmp6.UNREACHABLE, icmp6.TIME_EXCEEDED):
        _send(stack, inner, icmp.HOST_UNREACHABLE, 0)


def _send(stack: Stack, inner: Packet, kind: tuple[int, int], mtu: int) -> None:
    """As if it had come in by the device towards its sender."""
    with stack.aside():
        back = route_output(stack, FlowKey(dst=inner.src))
    if not isinstance(back, RouteError):
        icmp.send_error(stack, inner, Passage(iif=0 if back.loopback else back.device), kind, mtu=mtu)

"""What a socket may send in one packet, with what IPsec adds to it (dst_mtu, xfrm_init_pmtu)."""

from kubectl_skoop.model.packet import Packet, Passage
from kubectl_skoop.netstack import ip
from kubectl_skoop.netstack.routing.output import OutputRoute
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.netstack.xfrm import ipsec_gate
from kubectl_skoop.netstack.xfrm.ipsec_gate import Bundle


def local_mtu(stack: Stack, packet: Packet, route: OutputRoute) -> int:
    """Of one packet like this one, bytes."""
    mtu = ip.path_mtu(stack, packet.dst, stack.ns.devices[route.device], route.route)
    if route.loopback or not stack.ns.ipsec.policies:
        return mtu
    with stack.aside():
        bundle = ipsec_gate.lookup(stack, packet, Passage(), route)
    if not isinstance(bundle, Bundle):
        return mtu
    from kubectl_skoop.netstack.xfrm import ipsec_send

    return ipsec_send.fitting(stack, bundle, mtu)

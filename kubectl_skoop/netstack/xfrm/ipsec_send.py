"""Sending what IPsec seals, and how much of it fits (net/xfrm/xfrm_output.c, xfrm_policy.c)."""

from kubectl_skoop.model.packet import Packet, Passage
from kubectl_skoop.netstack import fragment, ip
from kubectl_skoop.netstack.routing.output import OutputRoute
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.netstack.xfrm import ipsec_out, sealing
from kubectl_skoop.netstack.xfrm.ipsec_gate import Bundle
from kubectl_skoop.netstack.xfrm.ipsec_types import TRANSPORT


def send(
    stack: Stack, packet: Packet, passage: Passage, bundle: Bundle, route: OutputRoute, *, indev: int
) -> None:
    """xfrm_output: OUTPUT and POSTROUTING see what leaves once more, as ESP, UDP or AH. Who sent what
    does not fit is told (xfrm4_tunnel_check_size), but of IPv6 in mode transport, which is cut once it is
    sealed (__xfrm6_output). `route`: the packet's own."""
    device = stack.ns.devices[route.device]
    mtu = fitting(stack, bundle, ip.output_mtu(stack, packet, device, route.route, local=not indev))
    out = stack.ns.devices[bundle.route.device]
    stack.reliance.by_length()
    cut_later = packet.family == 6 and bundle.state.mode == TRANSPORT and not indev
    if packet.length > mtu and not cut_later:
        if packet.df or (indev and packet.family == 6):
            ip.too_big(stack, packet, passage, out, mtu)
            return
        if packet.family == 6:
            packet = fragment.largest(packet, mtu)
    stack.step("tunnel", str(bundle.state), "sealed", device=out.name)
    mark = ipsec_out.marked(passage.mark, bundle.state.set_mark)
    beside = Passage(mark=mark, owner=passage.owner)
    outer = sealing.outer(packet, bundle.state, bundle.route.source)
    ip.send(stack, outer, beside, bundle.route)


def fitting(stack: Stack, bundle: Bundle, mtu: int) -> int:
    """xfrm_init_pmtu, bytes: what fits the way of the sealed packet, and `mtu` of the packet's own route."""
    way, state = bundle.route, bundle.state
    outer = ip.path_mtu(stack, state.destination, stack.ns.devices[way.device], way.route)
    return min(mtu, sealing.inner_mtu(state, outer))

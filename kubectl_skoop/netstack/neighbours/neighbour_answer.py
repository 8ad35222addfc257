"""The answer to a question for a neighbour, made in its name (br_arp_send, br_nd_send, vxlan_na_create)."""

from ipaddress import IPv6Address

from kubectl_skoop.model.packet import NEIGHBOUR_ADVERTISEMENT, Arp, Discovery, Frame
from kubectl_skoop.netstack.neighbours import discovery


def in_its_name(frame: Frame, mac: str) -> Frame | None:
    """`mac`: the neighbour's. None: the frame asks nothing that could be answered."""
    if isinstance(frame, Arp):
        return Arp(
            request=False,
            sender_mac=mac,
            sender=frame.target,
            target_mac=frame.sender_mac,
            target=frame.sender,
            src_mac=mac,
            dst_mac=frame.sender_mac,
        )
    if frame.neighbour is None or not isinstance(frame.src, IPv6Address):
        return None
    said = Discovery(frame.neighbour, mac, override=True)
    return discovery.compose(
        NEIGHBOUR_ADVERTISEMENT, frame.neighbour, frame.src, said, macs=(mac, frame.src_mac)
    )

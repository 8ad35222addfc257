"""Rewriting packets by their connection's NAT bindings, in both directions.

Kernel: nf_nat_core.c (nf_nat_packet), nf_nat_proto.c (nf_nat_manip_pkt, nf_nat_icmp_reply_translation).
"""

from kubectl_skoop.model.changed import changed
from kubectl_skoop.model.packet import Packet, Passage
from kubectl_skoop.netstack.conntrack_types import Tuple
from kubectl_skoop.netstack.netfilter.conntrack import (
    IPS_DST_NAT,
    IPS_NAT_MASK,
    IPS_SRC_NAT,
    Connection,
)
from kubectl_skoop.netstack.netfilter.nat import changes_source
from kubectl_skoop.netstack.netfilter.tuples import invert, with_destination, with_source
from kubectl_skoop.netstack.netfilter.types import Hook


def translate(packet: Packet, passage: Passage, connection: Connection, hook: Hook) -> Packet:
    """nf_nat_packet. Replies: SNAT is undone at PREROUTING, OUTPUT, DNAT at INPUT, POSTROUTING (K-11)."""
    if not _concerned(passage, connection, hook):
        return packet
    target = invert(connection.tuple(reply=not passage.ct_reply))
    return _rewrite(packet, target, source=changes_source(hook))


def translate_error(packet: Packet, passage: Passage, connection: Connection, hook: Hook) -> Packet:
    """nf_nat_icmp_reply_translation: quoted as its sender knew it, from the address that he asked (K-16)."""
    if packet.quoted is None or not _concerned(passage, connection, hook):
        return packet
    source = changes_source(hook)
    other = connection.tuple(reply=not passage.ct_reply)
    quoted = _rewrite(packet.quoted, other, source=not source)
    return _rewrite(changed(packet, quoted=quoted), invert(other), source=source)


def _concerned(passage: Passage, connection: Connection, hook: Hook) -> bool:
    bit = IPS_SRC_NAT if changes_source(hook) else IPS_DST_NAT
    if passage.ct_reply:
        bit ^= IPS_NAT_MASK
    return bool(connection.status & bit)


def _rewrite(packet: Packet, target: Tuple, *, source: bool) -> Packet:
    return with_source(packet, target) if source else with_destination(packet, target)

"""`@nh,8,8`, `@th,0,32`, `@ll,0,48`: bits of a header by their place (nft_payload.c, nft_payload_eval)."""

from collections.abc import Sequence
from dataclasses import dataclass

from kubectl_skoop.model.packet import Packet
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter import octets
from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype, Unmodelled
from kubectl_skoop.netstack.netfilter.nft.expression import link_header
from kubectl_skoop.netstack.netfilter.nft.expression.value import ABSENT, Absent, Reading
from kubectl_skoop.netstack.netfilter.types import RuleContext

_MOST = 128
"""Bits of a register."""
_HEADERS = {4: 20, 6: 40}
"""Bytes."""


@dataclass(frozen=True, slots=True)
class RawPayload:
    base: str
    offset: int
    """In bits, as the length."""
    length: int

    @property
    def types(self) -> tuple[Datatype, ...]:
        return (Datatype("integer", self.length),)

    def read(self, ctx: RuleContext) -> Reading:
        if not isinstance(ctx.frame, Packet):
            return Unknown("the bytes of an ARP message")
        if ctx.frame.vlan is not None:
            return Unknown("the bytes of a frame with a VLAN tag")
        ctx.stack.reliance.by_length()
        found = self._bytes(ctx, ctx.frame)
        if isinstance(found, Absent | Unknown):
            return found
        first, end = self.offset // 8, (self.offset + self.length + 7) // 8
        if end > len(found):
            return ABSENT
        number = 0
        for octet in found[first:end]:
            if octet is None:
                return Unknown("bytes of the packet that are not modelled")
            number = number << 8 | octet
        return number >> end * 8 - self.offset - self.length & (1 << self.length) - 1

    def _bytes(self, ctx: RuleContext, packet: Packet) -> Sequence[octets.Byte] | Absent | Unknown:
        if self.base == "ll":
            link = link_header.octets(ctx, packet)
            return link if isinstance(link, Absent) else [*link, *octets.packet_octets(packet)]
        if self.base == "nh":
            return octets.packet_octets(packet)
        if packet.fragment_offset or packet.more_fragments or packet.ipsec is not None:
            return Unknown("where the transport header of a fragment or of a sealed packet is")
        return octets.packet_octets(packet)[_HEADERS[packet.family] :]


def parse_raw(base: object, offset: object, length: object) -> RawPayload:
    """Raises Unmodelled."""
    known = isinstance(offset, int) and isinstance(length, int) and 0 < length <= _MOST and offset >= 0
    if base not in ("ll", "nh", "th") or not known:
        raise Unmodelled(f"the bits @{base},{offset},{length}")
    assert isinstance(offset, int)
    assert isinstance(length, int)
    return RawPayload(str(base), offset, length)

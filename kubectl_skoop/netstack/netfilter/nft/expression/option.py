"""`tcp option maxseg size` and `exthdr frag exists` (nft_exthdr.c)."""

from dataclasses import dataclass

from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.netstack.netfilter.nft import datatype as types
from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype, Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import field, text
from kubectl_skoop.netstack.netfilter.nft.expression.value import ABSENT, Reading
from kubectl_skoop.netstack.netfilter.types import RuleContext


def _segment(ctx: RuleContext) -> Packet | None:
    packet = ctx.frame
    if not isinstance(packet, Packet) or packet.protocol != Protocol.TCP or packet.fragment_offset:
        return None
    return packet


@dataclass(frozen=True, slots=True)
class TcpHeader:
    """Present or not (nft_tcp_header_pointer)."""

    types: tuple[Datatype, ...] = (types.BOOLEAN,)

    def read(self, ctx: RuleContext) -> Reading:
        return 1 if _segment(ctx) else ABSENT


@dataclass(frozen=True, slots=True)
class MaximumSegment:
    """The MSS option; `exists` asks only whether it is there."""

    exists: bool
    types: tuple[Datatype, ...]

    def read(self, ctx: RuleContext) -> Reading:
        segment = _segment(ctx)
        size = segment.mss if segment else 0
        if self.exists:
            return int(size > 0)
        return size or ABSENT


@dataclass(frozen=True, slots=True)
class FragmentHeader:
    types: tuple[Datatype, ...] = (types.BOOLEAN,)

    def read(self, ctx: RuleContext) -> Reading:
        packet = ctx.frame
        if not isinstance(packet, Packet):
            return ABSENT
        return int(packet.family == 6 and bool(packet.fragment_offset or packet.more_fragments))


def parse_option(body: object) -> MaximumSegment:
    """Raises Unmodelled."""
    name, part = text(body, "name"), field(body, "field")
    if name == "maxseg" and part in ("size", None):
        return MaximumSegment(part is None, (types.BOOLEAN if part is None else types.INTEGER,))
    raise Unmodelled(f"tcp option {name}")


def parse_extension(body: object) -> FragmentHeader:
    """Raises Unmodelled."""
    if text(body, "name") == "frag" and field(body, "field") is None:
        return FragmentHeader()
    raise Unmodelled(f"exthdr {text(body, 'name')}")

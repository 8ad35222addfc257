"""`tcp option maxseg size` and other options of TCP (nft_exthdr.c, nft_exthdr_tcp_eval)."""

from dataclasses import dataclass

from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft import datatype as types
from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype, Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import field
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
class UnknownOption:
    """Which other options a segment has is up to the program that sent it, and its kernel's settings."""

    name: str
    exists: bool
    types: tuple[Datatype, ...]

    def read(self, ctx: RuleContext) -> Reading:
        if _segment(ctx) is None:
            return 0 if self.exists else ABSENT
        return Unknown(f"whether the segment has the option {self.name}")


def parse_option(body: object) -> MaximumSegment | UnknownOption:
    """Raises Unmodelled."""
    name, part = field(body, "name"), field(body, "field")
    if name == "maxseg" and part in ("size", None):
        return MaximumSegment(part is None, (types.BOOLEAN if part is None else types.INTEGER,))
    if isinstance(name, str) and part is None:
        return UnknownOption(name, True, (types.BOOLEAN,))
    raise Unmodelled(f"tcp option {name}")

"""`tcp option maxseg size` and `exthdr frag exists` (nft_exthdr.c)."""

from dataclasses import dataclass

from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.netstack.netfilter.nft import datatype as types
from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype, Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import field, text
from kubectl_skoop.netstack.netfilter.nft.expression.value import ABSENT, Reading
from kubectl_skoop.netstack.netfilter.types import RuleContext


@dataclass(frozen=True, slots=True)
class TcpHeader:
    """Present or not (nft_tcp_header_pointer)."""

    types: tuple[Datatype, ...] = (types.BOOLEAN,)

    def read(self, ctx: RuleContext) -> Reading:
        return ABSENT if ctx.packet.protocol != Protocol.TCP or ctx.packet.fragment_offset else 1


@dataclass(frozen=True, slots=True)
class MaximumSegment:
    """The MSS option; `exists` asks only whether it is there."""

    exists: bool
    types: tuple[Datatype, ...]

    def read(self, ctx: RuleContext) -> Reading:
        present = (
            ctx.packet.protocol == Protocol.TCP and not ctx.packet.fragment_offset and ctx.packet.mss > 0
        )
        if self.exists:
            return int(present)
        return ctx.packet.mss if present else ABSENT


@dataclass(frozen=True, slots=True)
class FragmentHeader:
    types: tuple[Datatype, ...] = (types.BOOLEAN,)

    def read(self, ctx: RuleContext) -> Reading:
        packet = ctx.packet
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

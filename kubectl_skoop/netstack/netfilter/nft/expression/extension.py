"""`exthdr hbh exists`, `ip option lsrr exists`, `sctp chunk init exists`: what stands behind the headers
(nft_exthdr.c)."""

from dataclasses import dataclass

from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft import datatype as types
from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype, Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import field, text
from kubectl_skoop.netstack.netfilter.nft.expression.value import ABSENT, Reading
from kubectl_skoop.netstack.netfilter.types import RuleContext

_HEADERS = frozenset({"hbh", "dst", "rt", "mh"})
_ADVERTISES_GROUPS = frozenset({130, 131, 132, 143})
"""ICMPv6 types of multicast listeners, which have a hop-by-hop header (RFC 3810)."""


@dataclass(frozen=True, slots=True)
class ExtensionHeader:
    """nft_exthdr_ipv6_eval: of another protocol the rule ends, whatever it asked."""

    name: str
    exists: bool
    types: tuple[Datatype, ...]

    def read(self, ctx: RuleContext) -> Reading:
        packet = ctx.frame
        if not isinstance(packet, Packet) or packet.family != 6:
            return ABSENT
        if self.name == "frag":
            return int(bool(packet.fragment_offset or packet.more_fragments))
        if packet.protocol == Protocol.ICMPV6 and packet.icmp_type in _ADVERTISES_GROUPS:
            return Unknown(f"the extension header {self.name} of a multicast listener")
        return 0 if self.exists else ABSENT


@dataclass(frozen=True, slots=True)
class IpOption:
    """nft_exthdr_ipv4_eval; no packet of a diagnosis has one."""

    exists: bool
    types: tuple[Datatype, ...]

    def read(self, ctx: RuleContext) -> Reading:
        packet = ctx.frame
        if not isinstance(packet, Packet) or packet.family != 4:
            return ABSENT
        return 0 if self.exists else ABSENT


@dataclass(frozen=True, slots=True)
class SctpChunk:
    """nft_exthdr_sctp_eval"""

    name: str
    exists: bool
    types: tuple[Datatype, ...]

    def read(self, ctx: RuleContext) -> Reading:
        packet = ctx.frame
        if not isinstance(packet, Packet) or packet.protocol != Protocol.SCTP:
            return 0 if self.exists else ABSENT
        return Unknown(f"whether the packet has a chunk {self.name}")


def _asked(body: object) -> tuple[bool, tuple[Datatype, ...]]:
    exists = field(body, "field") is None
    return exists, (types.BOOLEAN if exists else types.INTEGER,)


def parse_extension(body: object) -> ExtensionHeader:
    """Raises Unmodelled."""
    name = text(body, "name")
    exists, kinds = _asked(body)
    if name in _HEADERS or (name == "frag" and exists):
        return ExtensionHeader(name, exists, kinds)
    raise Unmodelled(f"exthdr {name}")


def parse_ip_option(body: object) -> IpOption:
    """Raises Unmodelled."""
    text(body, "name")
    return IpOption(*_asked(body))


def parse_chunk(body: object) -> SctpChunk:
    """Raises Unmodelled."""
    return SctpChunk(text(body, "name"), *_asked(body))

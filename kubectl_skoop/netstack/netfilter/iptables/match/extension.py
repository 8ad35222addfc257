"""-m frag, hbh, dst, rt, srh, mh, ipv6header: headers that the packets of a diagnosis do not have."""

from collections.abc import Callable
from dataclasses import dataclass

from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable, member
from kubectl_skoop.netstack.netfilter.types import RuleContext

_PROTOCOL = 0x01
"""MASK_PROTO: the packet ends in a protocol, whatever headers come first."""
_HEADERS = {
    "hop-by-hop": 0x80,
    "hop": 0x80,
    "ipv6-opts": 0x40,
    "dst": 0x40,
    "ipv6-route": 0x20,
    "route": 0x20,
    "ipv6-frag": 0x10,
    "frag": 0x10,
    "ah": 0x08,
    "auth": 0x08,
    "esp": 0x04,
    "ipv6-nonxt": 0x02,
    "none": 0x02,
    "prot": _PROTOCOL,
    "protocol": _PROTOCOL,
}


@dataclass(frozen=True, slots=True)
class Absent:
    """Kernel: ip6t_frag.c, ip6t_hbh.c, ip6t_rt.c, ip6t_srh.c: without the header never, negated or not."""

    name: str
    fragments: bool = False
    """It is the header of a fragment."""

    def matches(self, ctx: RuleContext) -> Ternary:
        packet = ctx.packet
        present = self.fragments and bool(packet.fragment_offset or packet.more_fragments)
        return Unknown(f"the fields of -m {self.name}") if present else False


class Mobility:
    """Kernel: ip6t_mh.c, mh_mt6."""

    def matches(self, ctx: RuleContext) -> Ternary:
        present = ctx.packet.protocol == Protocol.MH and not ctx.packet.fragment_offset
        return Unknown("the type of a mobility header") if present else False


@dataclass(frozen=True, slots=True)
class HeaderChain:
    """Kernel: ip6t_ipv6header.c, ipv6header_mt6, for a packet without extension headers."""

    wanted: int
    soft: bool
    negated: bool

    def matches(self, ctx: RuleContext) -> Ternary:
        if ctx.packet.fragment_offset or ctx.packet.more_fragments:
            return Unknown("the extension headers of a fragment")
        if ctx.packet.ipsec is not None:
            return Unknown("the extension headers of a packet of IPsec")
        if self.soft:
            inverted = self.wanted if self.negated else 0
            return not (_PROTOCOL ^ self.wanted ^ inverted) & self.wanted
        return (self.wanted == _PROTOCOL) != self.negated


def _headers(options: Options) -> HeaderChain:
    option = options.require("--header")
    return HeaderChain(member(option.values[0], _HEADERS), options.has("--soft"), option.negated)


def _absent(absent: Absent) -> Callable[[Options], Absent]:
    def parse(options: Options) -> Absent:
        if not options.given:
            raise Unreadable(f"-m {absent.name} without options")
        return absent

    return parse


_OF_SEGMENTS = tuple(
    f"--srh-{name}-{comparison}"
    for name in ("hdr-len", "segs-left", "last-entry")
    for comparison in ("eq", "gt", "lt")
)
KINDS = {
    "mh": MatchKind({"--mh-type": 1}, lambda options: Mobility()),
    "srh": MatchKind(
        dict.fromkeys(
            ("--srh-next-hdr", "--srh-tag", "--srh-psid", "--srh-nsid", "--srh-lsid", *_OF_SEGMENTS), 1
        ),
        _absent(Absent("srh")),
    ),
    "frag": MatchKind(
        {
            **dict.fromkeys(("--fragid", "--fraglen"), 1),
            **dict.fromkeys(("--fragres", "--fragfirst", "--fragmore", "--fraglast"), 0),
        },
        _absent(Absent("frag", fragments=True)),
    ),
    "hbh": MatchKind({"--hbh-len": 1, "--hbh-opts": 1}, _absent(Absent("hbh"))),
    "dst": MatchKind({"--dst-len": 1, "--dst-opts": 1}, _absent(Absent("dst"))),
    "rt": MatchKind(
        {
            **dict.fromkeys(("--rt-type", "--rt-segsleft", "--rt-len", "--rt-0-addrs"), 1),
            **dict.fromkeys(("--rt-0-res", "--rt-0-not-strict"), 0),
        },
        _absent(Absent("rt")),
    ),
    "ipv6header": MatchKind({"--header": 1, "--soft": 0}, _headers),
}

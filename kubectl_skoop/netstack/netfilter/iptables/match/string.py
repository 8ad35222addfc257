"""-m string: text in the packet's data, which the model does not hold."""

from dataclasses import dataclass

from kubectl_skoop.model.packet import Packet, Protocol, TcpFlags
from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Option, Options, Unreadable, number
from kubectl_skoop.netstack.netfilter.types import RuleContext

_WITHOUT_DATA = TcpFlags.SYN | TcpFlags.FIN | TcpFlags.RST
_BARE_ACK = {4: 52, 6: 72}
"""IP length in bytes of a TCP segment without data, with the options that Linux sends."""
_WHOLE = 0xFFFF


@dataclass(frozen=True, slots=True)
class Text:
    """Kernel: xt_string.c, string_mt: it searches from the IP header on.

    A packet without data has no such text, unless its headers hold the bytes by chance; that is assumed not
    to be. Data may hold anything.
    """

    start: int
    stop: int
    """Bytes from the IP header."""
    negated: bool

    def matches(self, ctx: RuleContext) -> Ternary:
        if ctx.length <= self.start:
            return self.negated
        if not _is_bare(ctx.packet):
            return Unknown("the packet's data is not known")
        ctx.assume("headers do not hold the text of -m string by chance")
        return self.negated


def _is_bare(packet: Packet) -> bool:
    """TCP that only opens, acknowledges or ends a connection."""
    if packet.protocol != Protocol.TCP or packet.fragment_offset:
        return False
    return bool(packet.flags & _WITHOUT_DATA) or packet.length <= _BARE_ACK[packet.family]


def _parse(options: Options) -> Text:
    text: Option = options.require("--string", "--hex-string")
    if not text.values[0]:
        raise Unreadable("an empty text")
    start = number(options.value("--from", default="0"), _WHOLE)
    return Text(start, number(options.value("--to", default=str(_WHOLE)), _WHOLE), text.negated)


KINDS = {
    "string": MatchKind(
        {"--string": 1, "--hex-string": 1, "--algo": 1, "--from": 1, "--to": 1, "--icase": 0}, _parse
    )
}

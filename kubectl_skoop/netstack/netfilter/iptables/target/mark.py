"""-j MARK, -j CONNMARK."""

from typing import Literal, NamedTuple

from kubectl_skoop.netstack.netfilter.conntrack import connection_of
from kubectl_skoop.netstack.netfilter.iptables.kind import TargetKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable, masked, number
from kubectl_skoop.netstack.netfilter.types import Continue, RuleContext, Verdict

_FULL = 0xFFFFFFFF


class SetMark(NamedTuple):
    """Kernel: xt_mark.c, mark_tg."""

    value: int
    mask: int

    def apply(self, ctx: RuleContext) -> Verdict:
        ctx.passage.mark = (ctx.passage.mark & ~self.mask) ^ self.value
        return Continue()


class ConnMark(NamedTuple):
    """Kernel: xt_connmark.c, connmark_tg: nothing without a connection."""

    mode: Literal["set", "save", "restore"]
    value: int = 0
    connection_mask: int = _FULL
    packet_mask: int = _FULL

    def apply(self, ctx: RuleContext) -> Verdict:
        connection = connection_of(ctx.passage)
        if connection is None:
            return Continue()
        match self.mode:
            case "set":
                connection.mark = (connection.mark & ~self.connection_mask) ^ self.value
            case "save":
                saved = ctx.passage.mark & self.packet_mask
                connection.mark = (connection.mark & ~self.connection_mask) ^ saved
            case "restore":
                restored = connection.mark & self.connection_mask
                ctx.passage.mark = (ctx.passage.mark & ~self.packet_mask) ^ restored
        return Continue()


_SETTERS = ("--set-xmark", "--set-mark", "--and-mark", "--or-mark", "--xor-mark")


def _bits(options: Options) -> tuple[int, int]:
    """Value and mask as --set-xmark has them (libxt_MARK, mark_tg_parse)."""
    given = [option for option in options.given if option.name in _SETTERS]
    if len(given) != 1:
        raise Unreadable("one mark is expected")
    name, text = given[0].name, given[0].values[0]
    if name == "--set-xmark":
        return masked(text)
    if name == "--set-mark":
        value, mask = masked(text)
        return value, value | mask
    value = number(text)
    match name:
        case "--and-mark":
            return 0, ~value & _FULL
        case "--or-mark":
            return value, value
    return value, 0


def _parse(options: Options) -> SetMark:
    return SetMark(*_bits(options))


def _parse_connection(options: Options) -> ConnMark:
    both = options.value("--mask", default=str(_FULL))
    connection_mask = number(options.value("--ctmask", default=both))
    packet_mask = number(options.value("--nfmask", default=both))
    if options.has("--save-mark"):
        return ConnMark(mode="save", connection_mask=connection_mask, packet_mask=packet_mask)
    if options.has("--restore-mark"):
        return ConnMark(mode="restore", connection_mask=connection_mask, packet_mask=packet_mask)
    value, mask = _bits(options)
    return ConnMark(mode="set", value=value, connection_mask=mask)


KINDS = {
    "MARK": TargetKind(dict.fromkeys(_SETTERS, 1), _parse),
    "CONNMARK": TargetKind(
        {
            **dict.fromkeys(_SETTERS, 1),
            "--save-mark": 0,
            "--restore-mark": 0,
            "--mask": 1,
            "--ctmask": 1,
            "--nfmask": 1,
        },
        _parse_connection,
    ),
}

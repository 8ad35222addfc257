"""-j TOS, DSCP, TTL, HL: they change a field of the IP header."""

from dataclasses import dataclass, replace
from typing import Literal

from kubectl_skoop.netstack.netfilter.iptables.kind import TargetKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable, masked, number
from kubectl_skoop.netstack.netfilter.types import Continue, RuleContext, Verdict

_DSCP_MASK, _DSCP_SHIFT, _BYTE = 0xFC, 2, 0xFF
_TOS_SETTERS = ("--set-tos", "--and-tos", "--or-tos", "--xor-tos")


@dataclass(frozen=True, slots=True)
class SetTos:
    """Kernel: xt_DSCP.c, tos_tg, dscp_tg."""

    value: int
    mask: int

    def apply(self, ctx: RuleContext) -> Verdict:
        ctx.packet = replace(ctx.packet, tos=(ctx.packet.tos & ~self.mask) ^ self.value)
        return Continue()


@dataclass(frozen=True, slots=True)
class SetTtl:
    """Kernel: xt_HL.c, ttl_tg, hl_tg6: bounded by 0 and 255."""

    how: Literal["set", "inc", "dec"]
    value: int

    def apply(self, ctx: RuleContext) -> Verdict:
        old = ctx.packet.ttl
        new = {"set": self.value, "inc": old + self.value, "dec": old - self.value}[self.how]
        ctx.packet = replace(ctx.packet, ttl=min(max(new, 0), _BYTE))
        return Continue()


def _parse_tos(options: Options) -> SetTos:
    if len(options.given) != 1:
        raise Unreadable("one value is expected")
    option = options.given[0]
    if option.name == "--set-tos":
        return SetTos(*masked(option.values[0], _BYTE))
    value = number(option.values[0], _BYTE)
    match option.name:
        case "--and-tos":
            return SetTos(0, ~value & _BYTE)
        case "--or-tos":
            return SetTos(value, value)
    return SetTos(value, 0)


def _parse_dscp(options: Options) -> SetTos:
    option = options.require("--set-dscp")
    return SetTos(number(option.values[0], _BYTE >> _DSCP_SHIFT) << _DSCP_SHIFT, _DSCP_MASK)


_TTL: dict[str, Literal["set", "inc", "dec"]] = {
    "--ttl-set": "set",
    "--ttl-inc": "inc",
    "--ttl-dec": "dec",
    "--hl-set": "set",
    "--hl-inc": "inc",
    "--hl-dec": "dec",
}


def _parse_ttl(options: Options) -> SetTtl:
    if len(options.given) != 1:
        raise Unreadable("one value is expected")
    option = options.given[0]
    return SetTtl(_TTL[option.name], number(option.values[0], _BYTE))


KINDS = {
    "TOS": TargetKind(dict.fromkeys(_TOS_SETTERS, 1), _parse_tos),
    "DSCP": TargetKind({"--set-dscp": 1}, _parse_dscp),
    "TTL": TargetKind(dict.fromkeys(_TTL, 1), _parse_ttl),
    "HL": TargetKind(dict.fromkeys(_TTL, 1), _parse_ttl),
}

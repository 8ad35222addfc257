"""-m addrtype."""

from dataclasses import dataclass
from typing import Literal

from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Option, Options, Unreadable
from kubectl_skoop.netstack.netfilter.types import RuleContext
from kubectl_skoop.netstack.routing.local import address_type

_TYPES = frozenset(
    {
        "UNSPEC",
        "UNICAST",
        "LOCAL",
        "BROADCAST",
        "ANYCAST",
        "MULTICAST",
        "BLACKHOLE",
        "UNREACHABLE",
        "PROHIBIT",
        "THROW",
        "NAT",
        "XRESOLVE",
    }
)


@dataclass(frozen=True, slots=True)
class Types:
    names: frozenset[str]
    negated: bool

    def covers(self, name: str) -> bool:
        return (name in self.names) != self.negated


@dataclass(frozen=True, slots=True)
class AddressType:
    """Kernel: xt_addrtype.c, addrtype_mt_v1: the type that a route lookup in the local table gives."""

    source: Types | None
    destination: Types | None
    limit: Literal["", "in", "out"]
    """Only addresses of this device count as LOCAL."""

    def matches(self, ctx: RuleContext) -> bool:
        device = {"in": ctx.indev, "out": ctx.outdev}.get(self.limit, 0)
        ns, packet = ctx.stack.ns, ctx.packet
        if self.source is not None and not self.source.covers(address_type(ns, packet.src, device)):
            return False
        return self.destination is None or self.destination.covers(address_type(ns, packet.dst, device))


def _types(option: Option | None) -> Types | None:
    if option is None:
        return None
    names = frozenset(option.values[0].split(","))
    if unknown := names - _TYPES:
        raise Unreadable(f"type {', '.join(sorted(unknown))}")
    return Types(names, option.negated)


def _parse(options: Options) -> AddressType:
    limit: Literal["", "in", "out"] = ""
    if options.has("--limit-iface-in"):
        limit = "in"
    elif options.has("--limit-iface-out"):
        limit = "out"
    return AddressType(_types(options.find("--src-type")), _types(options.find("--dst-type")), limit)


KINDS = {
    "addrtype": MatchKind(
        {"--src-type": 1, "--dst-type": 1, "--limit-iface-in": 0, "--limit-iface-out": 0}, _parse
    )
}

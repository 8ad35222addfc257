"""-m addrtype."""

from typing import Literal, NamedTuple

from kubectl_skoop.model.packet import Address
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Option, Options, Unreadable
from kubectl_skoop.netstack.netfilter.types import RuleContext
from kubectl_skoop.netstack.routing.flow import FlowKey
from kubectl_skoop.netstack.routing.local import address_type
from kubectl_skoop.netstack.routing.lookup import Failed, match_route

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
_LOOKED_UP = frozenset({"LOCAL", "ANYCAST", "UNREACHABLE"})
"""Of IPv6."""


class Types(NamedTuple):
    """--src-type, --dst-type."""

    names: frozenset[str]
    negated: bool

    def covers(self, ctx: RuleContext, address: Address, device: int) -> bool:
        if address.version == 6:
            return _covers6(ctx, self.names, address, device) != self.negated
        return (address_type(ctx.stack.ns, address, device) in self.names) != self.negated


class AddressType(NamedTuple):
    """Kernel: xt_addrtype.c, addrtype_mt_v1: the type that a route lookup in the local table gives."""

    source: Types | None
    destination: Types | None
    limit: Literal["", "in", "out"]
    """Only addresses of this device count as LOCAL."""

    def matches(self, ctx: RuleContext) -> bool:
        device = {"in": ctx.indev, "out": ctx.outdev}.get(self.limit, 0)
        if self.source is not None and not self.source.covers(ctx, ctx.packet.src, device):
            return False
        return self.destination is None or self.destination.covers(ctx, ctx.packet.dst, device)


def _covers6(ctx: RuleContext, names: frozenset[str], address: Address, device: int) -> bool:
    """match_type6: MULTICAST, UNICAST and UNSPEC are kinds of addresses, and conditions beside the lookup."""
    if "MULTICAST" in names and not address.is_multicast:
        return False
    if "UNICAST" in names and (address.is_multicast or address.is_unspecified):
        return False
    if "UNSPEC" in names and not address.is_unspecified:
        return False
    return not names & _LOOKED_UP or bool(names & _lookup6(ctx, address, device))


def _lookup6(ctx: RuleContext, address: Address, device: int) -> set[str]:
    """match_lookup_rt6."""
    route = match_route(ctx.stack, FlowKey(dst=address, oif=device))
    if isinstance(route, Failed):
        return {"UNREACHABLE"}
    found = {"ANYCAST"} if route.route.type == "anycast" else set()
    if device:
        own = ctx.stack.ns.local_addresses.get(address)
        return found | {"LOCAL"} if own is not None and own.device == device else found
    return found | {"LOCAL"} if route.route.type == "local" else found


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

"""`fib daddr type`, `fib saddr . iif oif`: what the routing tables say (nft_fib_ipv4.c, nft_fib_ipv6.c,
nft_fib_netdev.c)."""

from dataclasses import dataclass

from kubectl_skoop.model.packet import Packet
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft import datatype as types
from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype, Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import field, text, words
from kubectl_skoop.netstack.netfilter.nft.expression.value import ABSENT, Reading
from kubectl_skoop.netstack.netfilter.types import RuleContext
from kubectl_skoop.netstack.routing.local import address_type
from kubectl_skoop.netstack.routing.source import rpfilter_match


@dataclass(frozen=True, slots=True)
class FibType:
    """The type of an address as the local table has it."""

    source: bool
    device: str
    """`iif` or `oif`: only addresses of this device count as local; else empty."""
    types: tuple[Datatype, ...] = (types.FIB_TYPE,)

    def read(self, ctx: RuleContext) -> Reading:
        if not isinstance(ctx.frame, Packet):
            return ABSENT
        device = {"iif": ctx.indev, "oif": ctx.outdev}.get(self.device, 0)
        address = ctx.packet.src if self.source else ctx.packet.dst
        return types.ROUTE_TYPES[address_type(ctx.stack.ns, address, device).lower()]


@dataclass(frozen=True, slots=True)
class FibReverse:
    """The device that leads back to the source, if it is the one that the packet came in by."""

    result: str
    """`oif`, `oifname` or `check`."""
    strict: bool
    mark: bool
    types: tuple[Datatype, ...]

    def read(self, ctx: RuleContext) -> Reading:
        if not isinstance(ctx.frame, Packet):
            return ABSENT
        found = rpfilter_match(
            ctx.stack,
            ctx.packet,
            ctx.indev,
            loose=not self.strict,
            validmark=self.mark,
            accept_local=True,
        )
        if self.result == "check":
            return int(found)
        if not found:
            return ""
        return ctx.stack.ns.device_name(ctx.indev) if self.strict else Unknown("the device of the way back")


def parse_fib(body: object) -> FibType | FibReverse:
    """Raises Unmodelled."""
    result, flags = text(body, "result"), set(words(field(body, "flags")))
    device = "iif" if "iif" in flags else "oif" if "oif" in flags else ""
    if result == "type" and not flags - {"saddr", "daddr", "iif", "oif"}:
        return FibType("saddr" in flags, device)
    if result in ("oif", "oifname", "check") and "saddr" in flags and not flags - {"saddr", "iif", "mark"}:
        datatype = {"oif": types.INDEX, "oifname": types.NAME, "check": types.BOOLEAN}[result]
        return FibReverse(result, device == "iif", "mark" in flags, (datatype,))
    raise Unmodelled(f"fib {' . '.join(sorted(flags))} {result}")

"""`fib daddr type`, `fib saddr . iif oif`: what the routing tables say (nft_fib_ipv4.c, nft_fib_ipv6.c,
nft_fib_netdev.c)."""

from dataclasses import dataclass

from kubectl_skoop.model.packet import Packet
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft import datatype as types
from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype, Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import field, text, words
from kubectl_skoop.netstack.netfilter.nft.expression.value import ABSENT, Reading
from kubectl_skoop.netstack.netfilter.types import Hook, RuleContext
from kubectl_skoop.netstack.routing.local import address_type
from kubectl_skoop.netstack.routing.reverse import fib_device, fib_type6


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
        if ctx.packet.family == 6:
            kind = fib_type6(ctx.stack, ctx.packet, source=self.source, device=device, arrival=ctx.indev)
            return types.ROUTE_TYPES[kind]
        address = ctx.packet.src if self.source else ctx.packet.dst
        return types.ROUTE_TYPES[address_type(ctx.stack.ns, address, device).lower()]


@dataclass(frozen=True, slots=True)
class FibWay:
    """The device that leads to the source or the destination."""

    result: str
    """`oif`, `oifname` or `check`."""
    source: bool
    arrival: bool
    """Only if it is the one that the packet came in by (`iif`)."""
    mark: bool
    types: tuple[Datatype, ...]

    def read(self, ctx: RuleContext) -> Reading:
        if not isinstance(ctx.frame, Packet):
            return ABSENT
        index = self._index(ctx)
        if isinstance(index, Unknown):
            return index
        if self.result == "check":
            return int(index != 0)
        return ctx.stack.ns.device_name(index) if index else ""

    def _index(self, ctx: RuleContext) -> int | Unknown:
        """What comes by lo is not looked up where it comes in (nft_fib_can_skip)."""
        arrival = ctx.stack.ns.devices.get(ctx.indev)
        if ctx.hook in (Hook.PREROUTING, Hook.INPUT) and arrival is not None and arrival.loopback:
            return ctx.indev
        return fib_device(
            ctx.stack,
            ctx.packet,
            device=ctx.indev if self.arrival else 0,
            arrival=ctx.indev,
            source=self.source,
            mark=ctx.passage.mark if self.mark else 0,
            asker=ctx.outdev if ctx.hook is Hook.FORWARD and self.source and self.arrival else 0,
        )


def parse_fib(body: object) -> FibType | FibWay:
    """Raises Unmodelled."""
    result, flags = text(body, "result"), set(words(field(body, "flags")))
    device = "iif" if "iif" in flags else "oif" if "oif" in flags else ""
    if result == "type" and not flags - {"saddr", "daddr", "iif", "oif"}:
        return FibType("saddr" in flags, device)
    if result in ("oif", "oifname", "check") and not flags - {"saddr", "daddr", "iif", "mark"}:
        datatype = {"oif": types.INDEX, "oifname": types.NAME, "check": types.BOOLEAN}[result]
        return FibWay(result, "saddr" in flags, "iif" in flags, "mark" in flags, (datatype,))
    raise Unmodelled(f"fib {' . '.join(sorted(flags))} {result}")

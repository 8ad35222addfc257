"""-m ipvs."""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network

from kubectl_skoop.model.packet import Network
from kubectl_skoop.netstack.ipvs.connection import VirtualConnection, already_sent
from kubectl_skoop.netstack.netfilter.conntrack import connection_of
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable, number
from kubectl_skoop.netstack.netfilter.iptables.protocol import protocol_number
from kubectl_skoop.netstack.netfilter.types import RuleContext

_METHODS = {"GATE": "route", "IPIP": "tunnel", "MASQ": "masquerade"}


@dataclass(frozen=True, slots=True)
class IpvsMatch:
    """Kernel: xt_ipvs.c, ipvs_mt: beside --ipvs alone only requests that were sent on, never answers."""

    handled: bool | None
    """--ipvs as the only option; False: `! --ipvs`."""
    asks: tuple[tuple[Callable[[VirtualConnection], bool], bool], ...] = ()
    """Questions about the connection, and whether each is negated."""
    reply: bool | None = None
    """--vdir."""

    def matches(self, ctx: RuleContext) -> bool:
        if self.handled is not None:
            return ctx.passage.ipvs == self.handled
        connection = already_sent(ctx.stack, ctx.packet) if ctx.passage.ipvs else None
        if connection is None:
            return False
        tracked = connection_of(ctx.passage)
        if self.reply is not None and (tracked is None or ctx.passage.ct_reply != self.reply):
            return False
        return all(question(connection) != negated for question, negated in self.asks)


def _parse(options: Options) -> IpvsMatch:
    only = options.find("--ipvs")
    if only is not None and len(options.given) == 1:
        return IpvsMatch(not only.negated)
    asks: list[tuple[Callable[[VirtualConnection], bool], bool]] = []
    reply: bool | None = None
    for option in options.given:
        value = option.values[0] if option.values else ""
        match option.name:
            case "--ipvs":
                continue
            case "--vproto":
                asks.append((_has_protocol(protocol_number(value)), option.negated))
            case "--vaddr":
                asks.append((_has_address(_network(value)), option.negated))
            case "--vport":
                asks.append((_has_port(number(value, 0xFFFF)), option.negated))
            case "--vmethod" if value in _METHODS:
                asks.append((_has_method(_METHODS[value]), option.negated))
            case "--vdir" if value in ("ORIGINAL", "REPLY"):
                reply = (value == "REPLY") != option.negated
            case name:
                raise Unreadable(f"{name} {value}")
    return IpvsMatch(None, tuple(asks), reply)


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise Unreadable(str(error)) from None


def _has_protocol(protocol: int) -> Callable[[VirtualConnection], bool]:
    return lambda connection: connection.protocol == protocol


def _has_address(network: Network) -> Callable[[VirtualConnection], bool]:
    return lambda connection: connection.virtual in network


def _has_port(port: int) -> Callable[[VirtualConnection], bool]:
    return lambda connection: connection.virtual_port == port


def _has_method(method: str) -> Callable[[VirtualConnection], bool]:
    return lambda connection: connection.method == method


_WITH_VALUE = ("--vproto", "--vaddr", "--vport", "--vdir", "--vmethod", "--vportctl")

KINDS = {"ipvs": MatchKind({"--ipvs": 0, **dict.fromkeys(_WITH_VALUE, 1)}, _parse)}

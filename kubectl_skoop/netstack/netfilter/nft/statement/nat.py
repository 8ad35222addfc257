"""`dnat`, `snat`, `masquerade`, `redirect` (nft_nat.c, nft_masq.c, nft_redir.c)."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Literal

from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft import datatype as types
from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype, Interval, Scalar, Unmodelled, Value
from kubectl_skoop.netstack.netfilter.nft.document import field, single, words
from kubectl_skoop.netstack.netfilter.nft.expression.parse import Scope, parse_mapping
from kubectl_skoop.netstack.netfilter.nft.expression.value import Absent, Expression
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Outcome, Progress
from kubectl_skoop.netstack.netfilter.types import Nat, RuleContext, Stolen

Kind = Literal["snat", "dnat", "masquerade", "redirect"]
_ADDRESSES = {4: types.IPV4, 6: types.IPV6}
_FAMILIES = {"ip": 4, "ip6": 6}


@dataclass(frozen=True, slots=True)
class Translation:
    kind: Kind
    family: int
    """The packets it applies to; 0: both (nft_nat_inet_eval)."""
    address: Expression | None
    """May read a tuple of address and port."""
    port: Expression | None
    random: bool
    netmap: bool = False
    """The host part of the address stays; the interval that is read is a prefix."""

    def execute(self, ctx: RuleContext) -> Outcome:
        if self.family not in (0, ctx.packet.family):
            return Progress.NEXT
        values: list[Scalar | None] = []
        for expression in (self.address, self.port):
            reading = expression.read(ctx) if expression else None
            if isinstance(reading, Absent):
                return Progress.BREAK
            if isinstance(reading, Unknown):
                return Stolen(reading)
            for value in reading if isinstance(reading, tuple) else (reading,):
                if isinstance(value, Unknown):
                    return Stolen(value)
                values.append(value)
        address = _interval(values[0])
        port = _interval(next((each for each in values[1:] if each is not None), None))
        if self.netmap and address:
            host_bits = (address.high ^ address.low).bit_length()
            low = _address(address.low, ctx.packet.family)
            return Nat(kind="netmap", low=low, netmap_prefix=low.max_prefixlen - host_bits)
        return Nat(
            kind=self.kind,
            low=_address(address.low, ctx.packet.family) if address else None,
            high=_address(address.high, ctx.packet.family) if address else None,
            port_low=port.low if port else 0,
            port_high=port.high if port else 0,
            random=self.random,
        )


def parse_translation(kind: Kind, body: object, scope: Scope) -> Translation:
    """Raises Unmodelled."""
    named = field(body, "family")
    family = _FAMILIES.get(str(named) if named else scope.family, 0)
    address = _parse_address(field(body, "addr"), family, scope)
    given = field(body, "port")
    port = None if given is None else parse_mapping(given, (types.SERVICE,), scope)
    flags = words(field(body, "flags"))
    random = "random" in flags or "fully-random" in flags
    return Translation(kind, family, address, port, random, "netmap" in flags)


def _parse_address(json: object, family: int, scope: Scope) -> Expression | None:
    if json is None:
        return None
    if family == 0:
        raise Unmodelled("an address of no family")
    return parse_mapping(json, _data_types(json, _ADDRESSES[family]), scope)


def _data_types(json: object, address: Datatype) -> Sequence[Datatype]:
    """A map may lead to addresses, or to addresses with ports: its first element tells."""
    kind, body = single(json)
    shape, elements = single(field(body, "data") if kind == "map" else None)
    if shape == "set" and isinstance(elements, list) and elements and isinstance(elements[0], list):
        data = elements[0][-1]
        if single(data)[0] == "concat":
            return (address, types.SERVICE)
    return (address,)


def _interval(value: Scalar | Value | None) -> Interval | None:
    if isinstance(value, int):
        return Interval(value, value)
    return value if isinstance(value, Interval) else None


def _address(number: int, family: int) -> Address:
    return IPv4Address(number) if family == 4 else IPv6Address(number)

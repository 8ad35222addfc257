"""-m policy: IPsec."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network

from kubectl_skoop.model.packet import Address, Network, Protocol
from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable, number
from kubectl_skoop.netstack.netfilter.sealed_by import sealed_by
from kubectl_skoop.netstack.netfilter.types import RuleContext
from kubectl_skoop.netstack.xfrm.ipsec_types import TRANSPORT, TUNNEL, State

_PROTOCOLS = {"esp": int(Protocol.ESP), "ah": int(Protocol.AH), "ipcomp": int(Protocol.COMP)}
_MODES = {"transport": TRANSPORT, "tunnel": TUNNEL}
_FIELDS: dict[str, Callable[[State], int]] = {
    "--reqid": lambda state: state.reqid,
    "--spi": lambda state: _as_stored(state.spi),
    "--proto": lambda state: state.protocol,
    "--mode": lambda state: state.mode,
}
_ENDS: dict[str, Callable[[State], Address | None]] = {
    "--tunnel-src": lambda state: state.source,
    "--tunnel-dst": lambda state: state.destination,
}


def _as_stored(spi: int) -> int:
    """iptables writes the number as the processor has it, the kernel compares that with the packet's bytes:
    on processors that have the lowest byte first, which is assumed, it meets the SPI turned round."""
    return int.from_bytes(spi.to_bytes(4, "big"), "little")


@dataclass(frozen=True, slots=True)
class Element:
    """Kernel: struct xt_policy_elem, match_xfrm_state: what the state must have."""

    option: str
    value: int
    negated: bool

    def matches(self, state: State) -> bool:
        return (_FIELDS[self.option](state) == self.value) != self.negated


@dataclass(frozen=True, slots=True)
class End:
    """As Element, of a tunnel's end."""

    option: str
    network: Network
    negated: bool

    def matches(self, state: State) -> bool:
        address = _ENDS[self.option](state)
        return (address is not None and address in self.network) != self.negated


@dataclass(frozen=True, slots=True)
class Policy:
    """Kernel: xt_policy.c, policy_mt: what came in was opened by IPsec or not (sec_path), what goes out is
    going to be sealed or not (dst->xfrm)."""

    none: bool
    inward: bool
    elements: tuple[Element | End, ...] = ()
    several: bool = False
    """It wants more than one state (--next), which a packet here never has."""

    def matches(self, ctx: RuleContext) -> Ternary:
        if gap := ctx.stack.ns.gaps.get("xfrm"):
            return Unknown(f"IPsec: {gap}")
        state = ctx.passage.opened if self.inward else sealed_by(ctx)
        if isinstance(state, Unknown):
            return state
        if not isinstance(state, State):
            return self.none
        return not (self.none or self.several) and all(one.matches(state) for one in self.elements)


def _elements(options: Options) -> Iterator[Element | End]:
    for option in options.given:
        if option.name in _ENDS:
            yield End(option.name, _network(option.values[0]), option.negated)
        elif option.name in _FIELDS:
            names = {"--proto": _PROTOCOLS, "--mode": _MODES}.get(option.name, {})
            text = option.values[0]
            yield Element(option.name, names[text] if text in names else number(text), option.negated)


def _network(text: str) -> Network:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise Unreadable(f"{text} is no network") from None


def _parse(options: Options) -> Policy:
    policy = options.require("--pol").values[0]
    if policy not in ("none", "ipsec") or options.value("--dir") not in ("in", "out"):
        raise Unreadable(f"--dir {options.value('--dir')} --pol {policy}")
    elements = tuple(_elements(options))
    return Policy(policy == "none", options.value("--dir") == "in", elements, options.has("--next"))


KINDS = {
    "policy": MatchKind(
        {**dict.fromkeys(("--dir", "--pol", *_FIELDS, *_ENDS), 1), "--strict": 0, "--next": 0}, _parse
    )
}

"""Chains that tell services apart, whatever their order: kube-proxy writes them in that of a Go map."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from kubectl_skoop.diagnosis.services.iptables_rule import KEPT
from kubectl_skoop.netstack.netfilter.iptables.index import asked_for

Asked = bytes | int | None
"""The destination address (packed) or the port that rules ask for; None: those that ask for neither."""
Dispatch = Mapping[Asked, Sequence[str]]
"""The rules by what they ask for, in their order. Equal for two chains: equal for each connection."""

_BORDER = ""
"""Between the rules for any address that stand before all others, and those that stand after them."""


def dispatch(lines: Sequence[str], family: int) -> Dispatch:
    """`lines`: without counters. Where the order matters, as rules for any address stand between those for
    one, or ports between addresses, all rules are under None."""
    asked = [_asked_for(line, family) for line in lines]
    telling = [at for at, one in enumerate(asked) if one is not None]
    first, end = (telling[0], telling[-1] + 1) if telling else (len(lines), len(lines))
    if len(telling) < end - first or len(set(map(type, asked[first:end]))) > 1:
        return {None: tuple(lines)}
    found: dict[Asked, list[str]] = {None: [*lines[:first], _BORDER, *lines[end:]]}
    for one, line in zip(asked[first:end], lines[first:end], strict=True):
        found.setdefault(one, []).append(line)
    return found


def candidates(rules: Dispatch, address: bytes, port: int) -> Sequence[str]:
    """Those that may match a connection to there, in an order that is that of the chain for it."""
    others = rules[None]
    border = others.index(_BORDER) if _BORDER in others else len(others)
    return (*others[:border], *rules.get(address, ()), *rules.get(port, ()), *others[border + 1 :])


def differing(one: Dispatch, other: Dispatch) -> Iterable[Asked]:
    return (asked for asked in one.keys() | other.keys() if one.get(asked) != other.get(asked))


_asked_for = lru_cache(maxsize=KEPT)(asked_for)
"""Nodes have the same rules."""

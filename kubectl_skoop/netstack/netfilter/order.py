"""In which order hooks run: by priority; at equal priority as the kernel tells it (NFNL_SUBSYS_HOOK), else
the one that was registered last first (nf_hook_entries_grow, K-1)."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TypeVar

from kubectl_skoop.model.packet import Frame
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.types import BaseChain, Hook
from kubectl_skoop.netstack.stack import Stack

A = TypeVar("A")

_NUMBERS = {Hook.PREROUTING: 0, Hook.INPUT: 1, Hook.FORWARD: 2, Hook.OUTPUT: 3, Hook.POSTROUTING: 4}
_FAMILIES = {4: 2, 6: 10}
"""NFPROTO_*."""
_LEGACY = ("ipt_", "ip6t_", "iptable_", "ip6table_")


def with_order(chains: Sequence[BaseChain], listing: object) -> tuple[BaseChain, ...] | None:
    """The chains, one for each family, with their place in the listing; None if it does not hold them all.

    Chains of type nat are not in it: the kernel lists the function that calls them.
    """
    if not isinstance(listing, list) or not listing:
        return None
    entries = [entry for entry in listing if isinstance(entry, Mapping)]
    result = []
    for base in chains:
        for family in sorted(base.families):
            place = next(_places(base, family, entries), None)
            if place is None and base.type != "nat":
                return None
            result.append(base._replace(families=frozenset({family}), order=place or 0))
    return tuple(result)


def _places(base: BaseChain, family: int, entries: Sequence[Mapping[str, object]]) -> Iterator[int]:
    for place, entry in enumerate(entries, start=1):
        if entry.get("family") != _FAMILIES[family] or entry.get("hook") != _NUMBERS[base.hook]:
            continue
        if entry.get("priority") == base.priority and _is(base, entry):
            yield place


def _is(base: BaseChain, entry: Mapping[str, object]) -> bool:
    if base.engine == "iptables-legacy":
        return str(entry.get("function", "")).startswith(_LEGACY)
    chain = entry.get("chain")
    described = chain.get("desc") if isinstance(chain, Mapping) else None
    if not isinstance(described, Mapping):
        return False
    return described.get("name") == base.chain and described.get("table") == base.table.name.split(" ")[-1]


def in_order(
    stack: Stack, frame: Frame, hook: Hook, entries: Sequence[tuple[int, A]], *, known: bool
) -> list[A]:
    """Chains, and the functions of the kernel's own that stand among them, each with its priority.

    `known`: the chains have their place in the kernel's list.
    """
    result: list[A] = []
    for _, group in groupby(sorted(entries, key=itemgetter(0)), key=itemgetter(0)):
        equals = [action for _, action in group]
        if len(equals) > 1:
            listed = known and all(isinstance(each, BaseChain) for each in equals)
            equals = sorted(equals, key=_known_order) if listed else _last_first(stack, frame, hook, equals)
        result += equals
    return result


def _last_first(stack: Stack, frame: Frame, hook: Hook, equals: list[A]) -> list[A]:
    """Listings are in the order of creation; between tools that order is not known, so both are walked."""
    if _order_matters(equals, frame):
        question = Unknown(f"which of the chains of equal priority at {hook} runs first")
        if not stack.choices.undecided(question):
            return equals
    return equals[::-1]


def _known_order(action: object) -> int:
    return action.order if isinstance(action, BaseChain) else 0


def _order_matters(actions: Sequence[object], frame: Frame) -> bool:
    """More than one of them does anything, and they were registered by different tools."""
    origins = {
        action.engine if isinstance(action, BaseChain) else "kernel"
        for action in actions
        if not (isinstance(action, BaseChain) and is_idle(action, frame))
    }
    return len(origins) > 1


def is_idle(base: BaseChain, frame: Frame) -> bool:
    """Accepts without looking."""
    chain = base.table.chain(base.chain)
    return base.policy == "accept" and not isinstance(chain, Unknown) and not chain.rules(frame)

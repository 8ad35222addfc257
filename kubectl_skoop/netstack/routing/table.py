"""Longest-prefix lookup, indexed once per namespace (net/ipv4/fib_trie.c, net/ipv6/ip6_fib.c)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from ipaddress import IPv4Address

from kubectl_skoop.netstack.routing.types import (
    PROTO_KERNEL,
    TABLE_DEFAULT,
    TABLE_LOCAL,
    TABLE_MAIN,
    PolicyRule,
    Route,
)

_DEFAULT_RULES = {
    4: ((0, TABLE_LOCAL), (32766, TABLE_MAIN), (32767, TABLE_DEFAULT)),
    6: ((0, TABLE_LOCAL), (32766, TABLE_MAIN)),
}
"""What every namespace begins with (fib_default_rules_init, fib6_rules_net_init)."""


class PrefixTable:
    """Routes of one family; those of one prefix are in the order in which the kernel tries them."""

    __slots__ = ("_levels",)

    def __init__(self, routes: Iterable[Route], bits: int) -> None:
        levels: dict[int, dict[int, list[Route]]] = defaultdict(lambda: defaultdict(list))
        for route in routes:
            length = route.destination.prefixlen
            levels[length][int(route.destination.network_address) >> (bits - length)].append(route)
        for prefixes in levels.values():
            for leaf in prefixes.values():
                leaf.sort(key=_order)
        self._levels = [(bits - length, levels[length]) for length in sorted(levels, reverse=True)]

    def candidates(self, destination: int) -> Iterator[Route]:
        """Routes whose prefix covers the address, longest prefix first."""
        for shift, prefixes in self._levels:
            leaf = prefixes.get(destination >> shift)
            if leaf is not None:
                yield from leaf

    def longest(self, destination: int) -> Sequence[Route]:
        """All routes of the longest prefix that covers the address."""
        for shift, prefixes in self._levels:
            leaf = prefixes.get(destination >> shift)
            if leaf is not None:
                return leaf
        return ()


class Fib:
    """All routing tables and policy rules of one namespace."""

    def __init__(self, routes: Sequence[Route], rules: Sequence[PolicyRule]) -> None:
        by_table: dict[tuple[int, int], list[Route]] = defaultdict(list)
        for route in routes:
            by_table[route.destination.version, route.table].append(route)
        self._by_table = by_table
        self._tables: dict[tuple[int, int], PrefixTable] = {}
        self._rules = {
            family: _in_order(rule for rule in rules if rule.family == family) or _default_rules(family)
            for family in (4, 6)
        }

    def rules(self, family: int) -> tuple[PolicyRule, ...]:
        """In the order of the walk. A family without rules is taken for a kernel without policy routing."""
        return self._rules[family]

    def table(self, family: int, table: int) -> PrefixTable | None:
        """None: no route is in it."""
        key = family, table
        found = self._tables.get(key)
        if found is None and key in self._by_table:
            found = self._tables[key] = PrefixTable(self._by_table[key], 32 if family == 4 else 128)
        return found

    def may_be_local(self, address: IPv4Address) -> bool:
        """Some table has a route of type local for it, whether a rule leads there or not."""
        return bool(self._local.longest(int(address)))

    @cached_property
    def _local(self) -> PrefixTable:
        return PrefixTable(
            (
                route
                for (family, _), routes in self._by_table.items()
                for route in routes
                if family == 4 and route.type == "local"
            ),
            32,
        )

    @cached_property
    def merged(self) -> PrefixTable:
        """Tables local and main as one: how IPv4 keeps them until a rule is changed (fib_unmerge)."""
        routes = (*self._by_table.get((4, TABLE_LOCAL), ()), *self._by_table.get((4, TABLE_MAIN), ()))
        return PrefixTable(routes, 32)

    @cached_property
    def has_default_rules(self) -> bool:
        """The IPv4 rules are those that a namespace begins with."""
        return self._rules[4] == _default_rules(4)

    @cached_property
    def has_realms(self) -> bool:
        """An IPv4 route or rule names one (fib_num_tclassid_users)."""
        return any(rule.realm for rule in self._rules[4]) or any(
            nexthop.realm
            for (family, _), routes in self._by_table.items()
            if family == 4
            for route in routes
            for nexthop in route.nexthops
        )

    @cached_property
    def has_custom_local_routes(self) -> bool:
        """Somebody else than the kernel wrote IPv4 routes of type local (inet_rtm_newroute)."""
        return any(
            route.type == "local" and route.protocol != PROTO_KERNEL
            for (family, _), routes in self._by_table.items()
            if family == 4
            for route in routes
        )


def _order(route: Route) -> tuple[int, int, int]:
    """fib_insert_alias: table local before main, then TOS, then metric; equal ones stay as dumped."""
    if route.destination.version == 6:
        return 0, 0, route.metric
    return -route.table, -route.tos, route.metric


def _in_order(rules: Iterable[PolicyRule]) -> tuple[PolicyRule, ...]:
    return tuple(sorted(rules, key=lambda rule: rule.priority))


def _default_rules(family: int) -> tuple[PolicyRule, ...]:
    return tuple(
        PolicyRule(priority=priority, family=family, table=table)
        for priority, table in _DEFAULT_RULES[family]
    )

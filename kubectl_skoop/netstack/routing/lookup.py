"""Policy rules, then tables: the route for a flow (fib_lookup, fib_table_lookup, fib6_rule_lookup)."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.devices import vrf
from kubectl_skoop.netstack.routing import rule as rules
from kubectl_skoop.netstack.routing.flow import DSCP_LEGACY, LOOPBACK_INDEX, FlowKey
from kubectl_skoop.netstack.routing.kept import is_shorter
from kubectl_skoop.netstack.routing.multipath import (
    choose_nexthop,
    has_failed,
    ignores_linkdown,
    is_dead,
    is_host,
)
from kubectl_skoop.netstack.routing.text import route_text
from kubectl_skoop.netstack.routing.types import (
    TABLE_DEFAULT,
    TABLE_LOCAL,
    Nexthop,
    PolicyRule,
    Route,
)
from kubectl_skoop.netstack.stack import Stack

__all__ = ["Failed", "FailedKind", "FlowKey", "Found", "RouteErrno", "lookup", "match_route", "select_path"]

FailedKind = Literal["no-route", "blackhole", "unreachable", "prohibit"]
RouteErrno = Literal["ENETUNREACH", "EHOSTUNREACH", "EACCES", "EINVAL", "EADDRNOTAVAIL", "ENODEV"]


_ERRNO: dict[FailedKind, RouteErrno] = {
    "no-route": "ENETUNREACH",
    "blackhole": "EINVAL",
    "prohibit": "EACCES",
}


class Found(NamedTuple):
    """A route for the key, and the next hop that was chosen of it."""

    rule: PolicyRule | None
    """None: no listed rule led to the table (the list lacks it)."""
    route: Route
    nexthop: Nexthop


class Failed(NamedTuple):
    """No route that leads on: none at all, or one of the error types."""

    kind: FailedKind
    rule: PolicyRule | None = None
    route: Route | None = None

    @property
    def errno(self) -> RouteErrno:
        """fib_props[].error of a route; a rule `unreachable` is ENETUNREACH (fib4_rule_action)."""
        if self.kind == "unreachable":
            return "EHOSTUNREACH" if self.route else "ENETUNREACH"
        return _ERRNO[self.kind]


_BY_LO = Nexthop(device=LOOPBACK_INDEX)
"""Of routes without a nexthop in IPv6."""
_PREFERENCES = {1: 1, 3: -1}
"""RTA_PREF: high, low."""
_ERROR_TYPES: dict[str, FailedKind] = {
    "blackhole": "blackhole",
    "unreachable": "unreachable",
    "prohibit": "prohibit",
    "nat": "blackhole",
}


def lookup(stack: Stack, key: FlowKey) -> Found | Failed:
    """fib_lookup, then fib_select_path."""
    found = match_route(stack, key)
    return found if isinstance(found, Failed) else select_path(stack, key, found)


def select_path(stack: Stack, key: FlowKey, found: Found) -> Found | Failed:
    """fib_select_path: the nexthop, if there are several and the packet goes out by the route."""
    if found.route.type == "local":
        return found
    if found.route.encap:
        unknown = Unknown(f"{found.route.encap} is not modelled: {route_text(stack.ns, found.route)}")
        if not stack.choices.undecided(unknown):
            return Failed("no-route", found.rule, found.route)
    if key.link or (vrf.flow(stack.ns, key).oif and not key.prefers_oif):
        return found
    if len(found.route.nexthops) > 1:
        return found._replace(nexthop=choose_nexthop(stack, found.route, found.nexthop, key))
    if key.family == 4 and not found.route.destination.prefixlen and found.route.type == "unicast":
        return _select_default(stack, found)
    return found


def match_route(stack: Stack, key: FlowKey, *, ignore_linkdown: bool = False) -> Found | Failed:
    """fib_lookup alone: the nexthop is the first that can be used.

    `ignore_linkdown`: FIB_LOOKUP_IGNORE_LINKSTATE, nexthops without carrier count whatever the sysctl says.
    """
    key = vrf.flow(stack.ns, key)
    walk = _Walk(stack, key, ignore_linkdown=ignore_linkdown)
    if key.family == 4 and stack.ns.fib.has_default_rules:
        return walk.without_rules()
    return walk.by_rules(stack.ns.fib.rules(key.family))


def match_by_device6(stack: Stack, key: FlowKey) -> Found | Failed:
    """ip6_route_lookup, as rules look up a way: of the longest prefix the first route by the out device,
    whatever its metric."""
    key = vrf.flow(stack.ns, key)
    return _Walk(stack, key, by_device=True).by_rules(stack.ns.fib.rules(6))


class _Walk(NamedTuple):
    """One lookup (fib_lookup)."""

    stack: Stack
    key: FlowKey
    ignore_linkdown: bool = False
    by_device: bool = False

    def by_rules(self, listed: Sequence[PolicyRule]) -> Found | Failed:
        """fib_rules_lookup."""
        stack, position = self.stack, 0
        while position < len(listed):
            rule = listed[position]
            position += 1
            match = rules.matches(stack.ns, rule, self.key)
            if not stack.choices.decide(match):
                continue
            match rule.action:
                case "nop":
                    continue
                case "goto":
                    position = _target(listed, position, rule.goto)
                    continue
                case "blackhole" | "unreachable" | "prohibit":
                    return Failed(rule.action, rule)
            table = stack.ns.devices[self.key.vrf].vrf_table if rule.l3mdev and self.key.vrf else rule.table
            result = self._in_table(table, rule)
            if result is None or (isinstance(result, Found) and self._suppressed(rule, result)):
                continue
            return result
        return Failed("no-route")

    def without_rules(self) -> Found | Failed:
        """fib_lookup before any rule was changed: tables local and main are one trie, then table default.

        So a longer prefix in main beats a shorter one in local. Whether a rule was ever changed cannot be
        seen when they look unchanged again: where that matters, both are walked.
        """
        fib = self.stack.ns.fib
        listed = fib.rules(4)
        result = self._first(fib.merged.candidates(int(self.key.dst)), None)
        if result is not None and result.route is not None and result.route.table != TABLE_LOCAL:
            apart = self._in_table(TABLE_LOCAL, listed[0])
            if apart is not None and not rules_untouched(self.stack):
                return apart
        if result is None:
            return self._in_table(TABLE_DEFAULT, listed[-1]) or Failed("no-route")
        return result._replace(rule=_leading_to(listed, result.route))

    def _suppressed(self, rule: PolicyRule, found: Found) -> bool:
        """fib4_rule_suppress, fib6_rule_suppress: the first nexthop counts, of IPv6 the one
        that is taken."""
        if rule.suppress_prefix >= 0:
            shorter = is_shorter(self.stack.ns, found.route, found.nexthop, rule.suppress_prefix)
            if self.stack.choices.decide(shorter):
                return True
        if rule.suppress_group < 0 or not found.route.nexthops:
            return False
        taken = select_path(self.stack, self.key, found) if self.key.family == 6 else None
        nexthop = taken.nexthop if isinstance(taken, Found) else found.route.nexthops[0]
        device = self.stack.ns.devices.get(nexthop.device)
        return device is not None and device.details.get("group", 0) == rule.suppress_group

    def _in_table(self, table: int, rule: PolicyRule) -> Found | Failed | None:
        prefixes = self.stack.ns.fib.table(self.key.family, table)
        if prefixes is None:
            return None
        candidates = prefixes.candidates(int(self.key.dst))
        if self.key.family == 4:
            return self._first(candidates, rule)
        return self._by_device6(candidates, rule) if self.by_device else self._first6(candidates, rule)

    def _first(self, candidates: Iterable[Route], rule: PolicyRule | None) -> Found | Failed | None:
        """fib_table_lookup; None: nothing fits, or a `throw` route ended the search (K-54).

        Where no nexthop of a nexthop object can be used, IPv4 passes over the whole trie leaf: all shorter
        prefixes with the same network address, too.
        """
        tos = self.key.tos & DSCP_LEGACY
        missed: Address | None = None
        for route in candidates:
            if (route.tos and route.tos != tos) or route.destination.network_address == missed:
                continue
            if route.type == "throw":
                return None
            if (kind := _ERROR_TYPES.get(route.type)) is not None:
                return Failed(kind, rule, route)
            for nexthop in route.nexthops:
                if self._usable(nexthop):
                    return Found(rule, route, nexthop)
            if route.nexthop_id:
                missed = route.destination.network_address
        return None

    def _first6(self, candidates: Iterable[Route], rule: PolicyRule) -> Found | Failed | None:
        """fib6_table_lookup: a host passes over gateways that do not answer for shorter prefixes and worse
        metrics, too, unless none is left (RT6_LOOKUP_F_REACHABLE). Error routes are routes by lo."""
        routes = list(candidates)
        for answering in (True, False) if is_host(self.stack.ns) else (False,):
            for group in _compared6(routes):
                best = self._best6(group, answering)
                if best is not None:
                    return _end6(rule, *best)
        return None

    def _best6(self, routes: Iterable[Route], answering: bool) -> tuple[Route, Nexthop] | None:
        """find_match: the preferred, then what leads by the device that the packet came in by, then the
        first. Of a nexthop object the first that is better than the routes before; one that is a blackhole is
        taken whatever the others are, and the device."""
        best: tuple[Route, Nexthop] | None = None
        most: tuple[int, bool] | None = None
        for route in routes:
            if route.nexthop_id and route.type == "blackhole":
                return route, _BY_LO
            for nexthop in route.nexthops or (_BY_LO,):
                if not self._usable(nexthop) or (answering and has_failed(self.stack, nexthop)):
                    continue
                score = self._score(route, nexthop)
                if most is None or score > most:
                    best, most = (route, nexthop), score
                    if route.nexthop_id:
                        break
        return best

    def _by_device6(self, candidates: Iterable[Route], rule: PolicyRule) -> Found | Failed | None:
        """rt6_device_match, ip6_pol_route_lookup; the state of links counts for nothing."""
        for _, group in groupby(candidates, key=lambda route: route.destination.prefixlen):
            hops = [(route, hop) for route in group for hop in route.nexthops or (_BY_LO,)]
            ways = [(route, hop) for route, hop in hops if not is_dead(self.stack.ns, hop)]
            wanted = [(route, hop) for route, hop in ways if self.key.oif in (0, hop.device)]
            if not wanted and self.key.oif and not self.key.prefers_oif:
                continue
            for route, hop in wanted or ways:
                return _end6(rule, route, hop)
        return None

    def _score(self, route: Route, nexthop: Nexthop) -> tuple[int, bool]:
        """rt6_score_route."""
        device = self.key.iif or (self.key.oif if self.key.prefers_oif else 0)
        return _PREFERENCES.get(route.preference, 0), device == nexthop.device

    def _usable(self, nexthop: Nexthop) -> bool:
        """fib_lookup_good_nhc."""
        if self.key.oif and self.key.oif != nexthop.device and not self.key.prefers_oif:
            return False
        if self.key.link not in (0, nexthop.device):
            return False
        if is_dead(self.stack.ns, nexthop):
            return False
        if not nexthop.linkdown or self.ignore_linkdown:
            return True
        return not ignores_linkdown(self.stack.ns, nexthop.device, self.key.family)


def _compared6(routes: Iterable[Route]) -> Iterator[Sequence[Route]]:
    """find_rr_leaf: of each prefix those of the best metric; where none can be used, all others together."""
    for _, group in groupby(routes, key=lambda route: route.destination.prefixlen):
        same = list(group)
        best = [route for route in same if route.metric == same[0].metric]
        yield best
        yield same[len(best) :]


def _end6(rule: PolicyRule, route: Route, nexthop: Nexthop) -> Found | Failed | None:
    if route.type == "throw":
        return None
    kind = _ERROR_TYPES.get(route.type)
    return Found(rule, route, nexthop) if kind is None else Failed(kind, rule, route)


def rules_untouched(stack: Stack) -> bool:
    """Asked only where it matters and the rules look as in a new namespace."""
    return stack.choices.undecided(
        Unknown(
            f"whether a policy rule was ever changed in {stack.ns.place}: until then IPv4 looks up tables "
            "local and main as one, and the answers differ here"
        )
    )


def _target(listed: Sequence[PolicyRule], position: int, priority: int) -> int:
    """Where `goto` goes on; an unresolved one is passed over. Only forwards, as the kernel demands."""
    for index in range(position, len(listed)):
        if listed[index].priority == priority:
            return index
    return position


def _leading_to(listed: Sequence[PolicyRule], route: Route | None) -> PolicyRule | None:
    return next((rule for rule in listed if route is not None and rule.table == route.table), None)


def _select_default(stack: Stack, found: Found) -> Found:
    """fib_select_default: of several default routes with the same metric, one with a reachable gateway.

    The kernel remembers which it used last, so without a reachable one both are walked.
    """
    prefixes = stack.ns.fib.table(4, found.route.table)
    twins = [
        route
        for route in (prefixes.longest(0) if prefixes else ())
        if not route.destination.prefixlen
        and (route.metric, route.tos, route.scope) == (found.route.metric, found.route.tos, found.route.scope)
        and route.type == "unicast"
        and route.nexthops
        and route.nexthops[0].gateway is not None
        and not route.nexthops[0].dead
    ]
    if len(twins) < 2 or found.route not in twins:
        return found
    for route in twins[:-1]:
        unknown = Unknown(
            "several default routes have the same metric, the kernel takes one whose gateway answers: "
            + route_text(stack.ns, route)
        )
        if stack.choices.undecided(unknown):
            return found._replace(route=route, nexthop=route.nexthops[0])
    return found._replace(route=twins[-1], nexthop=twins[-1].nexthops[0])

"""A route in one table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from kubectl_skoop.diagnosis.expectations.expectation import Deviation, Expectation, differs, missing
from kubectl_skoop.model.packet import Address, Network
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.text import PROTOCOLS, SCOPES, route_text, rule_text, table_name
from kubectl_skoop.netstack.routing.types import (
    PROTO_BOOT,
    SCOPE_LINK,
    SCOPE_UNIVERSE,
    TABLE_LOCAL,
    TABLE_MAIN,
    Nexthop,
    PolicyRule,
    Route,
    RouteType,
)

ERROR_TYPES = frozenset({"blackhole", "unreachable", "prohibit", "throw"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteExpectation(Expectation):
    """A route that leads a destination out by a device or a gateway."""

    table: ClassVar[str] = "route"
    sections: ClassVar[tuple[str, ...]] = ("links", "routes")

    destination: Network
    dev: str = ""
    via: Address | None = None
    scope: int | None = None
    type: RouteType = "unicast"
    protocol: int | None = None
    onlink: bool = False
    """For mending only: the gateway is in no network of the device."""
    in_table: int = TABLE_MAIN
    carries: Address | None = None
    """An address that no more specific route may take away, unless it leads the same way."""
    source: Address | None = None
    """Of packets to `carries`, which no policy rule may divert, unless it leads the same way."""

    @property
    def key(self) -> str:
        default = self.destination.prefixlen == 0
        name = "the default route" if default else f"the route to {self.destination}"
        return name if self.in_table == TABLE_MAIN else f"{name} in table {table_name(self.in_table)}"

    @property
    def device(self) -> str:
        return self.dev

    @property
    def want(self) -> str:
        words: list[str] = [] if self.type == "unicast" else [self.type]
        words.append("default" if self.destination.prefixlen == 0 else str(self.destination))
        words += ["via", str(self.via)] if self.via else []
        words += ["dev", self.dev] if self.dev else []
        words += ["table", table_name(self.in_table)] if self.in_table != TABLE_MAIN else []
        words += ["proto", PROTOCOLS.get(self.protocol, str(self.protocol))] if self.protocol else []
        words += ["scope", SCOPES[self.scope]] if self.scope else []
        words += ["onlink"] if self.onlink else []
        return " ".join(words)

    def _replace_command(self) -> str:
        complete = self.dev or self.via or self.type in ERROR_TYPES
        family = "ip -6" if self.destination.version == 6 else "ip"
        return f"{family} route replace {self.want}" if complete else ""

    def find(self, ns: NetworkNamespace) -> Sequence[Route]:
        """The one the kernel tries first in front."""
        covering = _covering(ns, self.destination.network_address, self.in_table)
        same = (route for route in covering if route.destination == self.destination and not route.tos)
        return sorted(same, key=lambda route: route.metric)

    def difference(self, ns: NetworkNamespace) -> Deviation | None:
        routes = self.find(ns)
        if not routes:
            instead = self._taking(ns, self.carries or self.destination.network_address)
            found = [f"{route_text(ns, route)} (used instead)" for route in instead[:1]]
            return missing(self, found, command=self._replace_command())
        how = self._mismatch(ns, routes[0])
        if how:
            return differs(self, how, _texts(ns, routes), command=self._replace_command())
        thieves = self._thieves(ns)
        if thieves:
            how = f"does not carry {self.carries}: a more specific route does"
            command = f"ip route del {thieves[0].destination}"
            return differs(self, how, _texts(ns, thieves), command=command)
        diverting = self._diverting(ns)
        if diverting is not None:
            rule, route = diverting
            how = f"is not asked for packets from {self.source}: a policy rule leads to table {rule.table}"
            command = f"ip rule del priority {rule.priority}"
            return differs(self, how, [rule_text(rule), route_text(ns, route)], command=command)
        return None

    def put_right(self, ns: NetworkNamespace) -> NetworkNamespace | None:
        found = self.find(ns)
        nexthops: tuple[Nexthop, ...] = ()
        if self.type not in ERROR_TYPES:
            device = self._outgoing(ns, found)
            if device == 0:
                return None
            nexthops = (Nexthop(device=device, gateway=self.via, onlink=self.onlink),)
        link = self.via is None and self.type == "unicast"
        wanted = Route(
            destination=self.destination,
            table=self.in_table,
            type=self.type,
            nexthops=nexthops,
            prefsrc=found[0].prefsrc if found else None,
            scope=self.scope if self.scope is not None else SCOPE_LINK if link else SCOPE_UNIVERSE,
            protocol=PROTO_BOOT if self.protocol is None else self.protocol,
        )
        in_the_way = {id(route) for route in (*found, *self._thieves(ns))}
        kept = tuple(route for route in ns.routes if id(route) not in in_the_way)
        diverting = self._diverting(ns)
        rules = ns.rules if diverting is None else tuple(rule for rule in ns.rules if rule != diverting[0])
        return replace(ns, routes=(*kept, wanted), rules=rules)

    def _outgoing(self, ns: NetworkNamespace, found: Sequence[Route]) -> int:
        """Index of the device, 0 if it cannot be told."""
        if self.dev:
            named = ns.device_by_name.get(self.dev)
            return named.index if named else 0
        towards = self._to_gateway(ns, self.via) if self.via is not None else found
        return next((hop.device for route in towards for hop in route.nexthops if hop.gateway is None), 0)

    def _to_gateway(self, ns: NetworkNamespace, via: Address) -> Sequence[Route]:
        """A table of its own need not have the route to the gateway (fib_check_nh asks all of them)."""
        return self._taking(ns, via) or _covering(ns, via, TABLE_MAIN)

    def _mismatch(self, ns: NetworkNamespace, route: Route) -> str:
        elsewhere = self._leads_elsewhere(ns, route)
        if elsewhere:
            return elsewhere
        if self.scope is not None and route.scope != self.scope:
            return f"has the scope {SCOPES.get(route.scope, route.scope)}, not {SCOPES[self.scope]}"
        if self.protocol is not None and route.protocol != self.protocol:
            names = [PROTOCOLS.get(number, str(number)) for number in (route.protocol, self.protocol)]
            return f"was written by {names[0]}, not {names[1]}"
        return ""

    def _leads_elsewhere(self, ns: NetworkNamespace, route: Route) -> str:
        if route.type != self.type:
            return f"is of type {route.type}, not {self.type}"
        for hop in route.nexthops:
            name = ns.device_name(hop.device)
            if self.dev and name != self.dev:
                return f"goes by {name}, not {self.dev}"
            if self.via is not None and hop.gateway != self.via:
                return f"goes to {hop.gateway or 'the link itself'}, not to {self.via}"
            if hop.dead:
                return f"is dead: {name} is down"
        return ""

    def _thieves(self, ns: NetworkNamespace) -> list[Route]:
        if self.carries is None:
            return []
        return [
            route
            for route in self._taking(ns, self.carries)
            if route.destination.prefixlen > self.destination.prefixlen and self._leads_elsewhere(ns, route)
        ]

    def _diverting(self, ns: NetworkNamespace) -> tuple[PolicyRule, Route] | None:
        """The first rule before this table's that leads the packets elsewhere, with the route it finds."""
        if self.carries is None or self.source is None:
            return None
        for rule in ns.fib.rules(self.carries.version):
            if rule.table == self.in_table and rule == _bare(rule):
                return None
            if not _selects(rule, self.source, self.carries):
                continue
            prefixes = ns.fib.table(self.carries.version, rule.table)
            found = next(prefixes.candidates(int(self.carries)), None) if prefixes else None
            if found is not None and found.type != "throw":
                elsewhere = rule.table != self.in_table and self._leads_elsewhere(ns, found)
                return (rule, found) if elsewhere else None
        return None

    def _taking(self, ns: NetworkNamespace, address: Address) -> list[Route]:
        return _covering(ns, address, self.in_table)


def _covering(ns: NetworkNamespace, address: Address, table: int) -> list[Route]:
    """Routes of a table that cover the address, longest prefix first."""
    prefixes = ns.fib.table(address.version, table)
    return list(prefixes.candidates(int(address))) if prefixes else []


def _bare(rule: PolicyRule) -> PolicyRule:
    """A rule that looks the same table up for every packet."""
    return PolicyRule(priority=rule.priority, family=rule.family, table=rule.table, realm=rule.realm)


def _selects(rule: PolicyRule, source: Address, destination: Address) -> bool:
    """It looks a table up by addresses alone, and these fit; of all others nothing is said."""
    by_address = _bare(rule)._replace(source=rule.source, destination=rule.destination)
    if rule != by_address or rule.table == TABLE_LOCAL:
        return False
    fits_source = rule.source is None or source in rule.source
    return fits_source and (rule.destination is None or destination in rule.destination)


def _texts(ns: NetworkNamespace, routes: Sequence[Route]) -> list[str]:
    return [route_text(ns, route) for route in routes]

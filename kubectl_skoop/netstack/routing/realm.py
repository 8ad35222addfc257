"""Realms of a packet: what its routes call the nets that it comes from and goes to (dst->tclassid).

Only IPv4 has them. The source is in the upper 16 bits, the destination in the lower ones.
"""

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.lookup import Found
from kubectl_skoop.netstack.routing.types import RouteType

Realm = int | Unknown

_LOW, _HIGH = 0xFFFF, 0xFFFF0000


def of_source(back: Found) -> int:
    """What the way back to the source adds (fib_combine_itag): the two sides are swapped."""
    by_rule = back.rule.realm if back.rule is not None else 0
    own = back.nexthop.realm << 16 & _HIGH
    return (own or by_rule << 16 & _HIGH) | by_rule >> 16


def towards(ns: NetworkNamespace, found: Found, source: int = 0) -> Realm:
    """Of what goes by this route (rt_set_nexthop); `source`: of `of_source`.

    Without realms of the source the nexthop keeps its answer, and with it the realms of the rule that first
    led to it.
    """
    if not ns.fib.has_realms:
        return 0
    by_rules = {found.rule.realm if found.rule is not None else 0}
    if not source:
        by_rules |= _rules_that_lead_to(ns, found)
    answers = {_tagged(_tagged(found.nexthop.realm, by_rule), source) for by_rule in by_rules}
    if len(answers) > 1:
        return Unknown("which of the realms of several rules a route was first used with")
    return answers.pop()


def sent(ns: NetworkNamespace, found: Found | None, kind: RouteType) -> Realm:
    """Of a packet of our own (__mkroute_output)."""
    if found is None or not ns.fib.has_realms:
        return 0
    if kind == "broadcast":
        return found.rule.realm if found.rule is not None else 0
    if kind == "multicast":
        return Unknown("the realms of a packet to a group")
    return towards(ns, found)


def _rules_that_lead_to(ns: NetworkNamespace, found: Found) -> set[int]:
    """A nexthop may stand in several tables (fib_find_info, nexthop objects)."""
    tables = {route.table for route in ns.routes if found.nexthop in route.nexthops}
    return {
        rule.realm
        for rule in ns.fib.rules(4)
        if rule.action == "lookup" and (rule.l3mdev or rule.table in tables)
    }


def _tagged(realm: int, tag: int) -> int:
    """set_class_tag: each side that is still empty."""
    low = realm & _LOW or tag & _LOW
    return (realm & _HIGH or tag & _HIGH) | low

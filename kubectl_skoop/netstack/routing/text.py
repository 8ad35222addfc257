"""Routes and rules as `ip route` and `ip rule` print them, in one line."""

from collections.abc import Sequence
from socket import IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP

from kubectl_skoop.model.packet import Network
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.types import (
    PROTO_BOOT,
    SCOPE_UNIVERSE,
    TABLE_MAIN,
    Nexthop,
    PolicyRule,
    Route,
)

TABLES = {253: "default", 254: "main", 255: "local"}
SCOPES = {0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere"}
PROTOCOLS = {
    1: "redirect",
    2: "kernel",
    3: "boot",
    4: "static",
    8: "gated",
    9: "ra",
    10: "mrt",
    11: "zebra",
    12: "bird",
    13: "dnrouted",
    14: "xorp",
    15: "ntk",
    16: "dhcp",
    17: "mrouted",
    18: "keepalived",
    42: "babel",
    186: "bgp",
    187: "isis",
    188: "ospf",
    189: "rip",
    192: "eigrp",
}
"""/etc/iproute2/rt_protos."""
GROUPS = {0: "default"}
"""/etc/iproute2/group"""
_IP_PROTOCOLS = {
    IPPROTO_ICMP: "icmp",
    IPPROTO_TCP: "tcp",
    IPPROTO_UDP: "udp",
    IPPROTO_ICMPV6: "ipv6-icmp",
    IPPROTO_SCTP: "sctp",
}
_ALL_BITS = 0xFFFFFFFF


def route_text(ns: NetworkNamespace, route: Route) -> str:
    """In the manner of `ip route`."""
    family = route.destination.version
    words: list[str] = [] if route.type == "unicast" else [route.type]
    words.append(_prefix(route.destination, "default"))
    if route.tunnel is not None:
        words += ["encap", "ip", "id", str(route.tunnel.id), "dst", str(route.tunnel.destination)]
    if route.encap:
        words += ["encap", route.encap]
    if route.nexthop_id:
        words += ["nhid", str(route.nexthop_id)]
    if route.tos:
        words += ["tos", f"{route.tos:#04x}"]
    if len(route.nexthops) == 1:
        words += _way(ns, route.nexthops[0], family)
    elif not route.nexthops and (family == 6 or route.nexthop_id):
        words += ["dev", "lo"]
    if route.table != TABLE_MAIN:
        words += ["table", table_name(route.table)]
    if route.protocol != PROTO_BOOT:
        words += ["proto", PROTOCOLS.get(route.protocol, str(route.protocol))]
    if route.scope != SCOPE_UNIVERSE:
        words += ["scope", SCOPES.get(route.scope, str(route.scope))]
    if route.prefsrc is not None:
        words += ["src", str(route.prefsrc)]
    if route.metric:
        words += ["metric", str(route.metric)]
    words += _common_flags(route.nexthops)
    if len(route.nexthops) == 1:
        words += _realms(route.nexthops[0].realm)
    if route.mtu:
        words += ["mtu", "lock", str(route.mtu)] if route.mtu_locked else ["mtu", str(route.mtu)]
    if route.advmss:
        words += ["advmss", str(route.advmss)]
    if len(route.nexthops) > 1:
        for nexthop in route.nexthops:
            words += ["nexthop", nexthop_text(ns, nexthop, family)]
    return " ".join(words)


def nexthop_text(ns: NetworkNamespace, nexthop: Nexthop, family: int) -> str:
    """`family` of the route."""
    way, realms = _way(ns, nexthop, family), _realms(nexthop.realm)
    behind = way.index("dev") if "dev" in way else len(way)
    return " ".join([*way[:behind], *realms, *way[behind:], "weight", str(nexthop.weight), *_flags(nexthop)])


def rule_text(rule: PolicyRule) -> str:
    """With a blank where `ip rule` puts a tab, after the priority."""
    words = [f"{rule.priority}:"]
    if rule.invert:
        words.append("not")
    words += ["from", "all" if rule.source is None else _prefix(rule.source, "all")]
    if rule.destination is not None:
        words += ["to", _prefix(rule.destination, "all")]
    words += _selectors(rule)
    if rule.unsupported:
        words.append(f"[{rule.unsupported}]")
    return " ".join(words + _action(rule))


def table_name(table: int) -> str:
    """In the manner of /etc/iproute2/rt_tables: `main` for 254; a number that has no name as it is."""
    return TABLES.get(table, str(table))


def _selectors(rule: PolicyRule) -> list[str]:
    words: list[str] = []
    if rule.tos:
        words += ["tos", f"{rule.tos:#04x}"]
    if rule.mark or rule.mask:
        mask = "" if rule.mask == _ALL_BITS else f"/{_hexadecimal(rule.mask)}"
        words += ["fwmark", _hexadecimal(rule.mark) + mask]
    for word, name, detached in (("iif", rule.iif, rule.iif_detached), ("oif", rule.oif, rule.oif_detached)):
        if name:
            words += [word, name, *(["[detached]"] if detached else [])]
    if rule.uid is not None:
        words += ["uidrange", f"{rule.uid[0]}-{rule.uid[1]}"]
    if rule.protocol:
        words += ["ipproto", _IP_PROTOCOLS.get(rule.protocol, str(rule.protocol))]
    for word, ports in (("sport", rule.sport), ("dport", rule.dport)):
        if ports is not None:
            words += [word, str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}"]
    if rule.tunnel_id:
        words += ["tun_id", str(rule.tunnel_id)]
    return words


def _hexadecimal(number: int) -> str:
    return f"{number:#x}" if number else "0"


def _action(rule: PolicyRule) -> list[str]:
    realms = ["realms", *_realms(rule.realm)[1:]] if rule.realm else []
    if rule.action == "goto":
        return [*realms, "goto", str(rule.goto), *(["[unresolved]"] if rule.goto_unresolved else [])]
    if rule.action != "lookup":
        return [*realms, rule.action]
    words = ["lookup", "[l3mdev-table]" if rule.l3mdev else table_name(rule.table)]
    if rule.suppress_prefix >= 0:
        words += ["suppress_prefixlength", str(rule.suppress_prefix)]
    if rule.suppress_group >= 0:
        words += ["suppress_ifgroup", GROUPS.get(rule.suppress_group, str(rule.suppress_group))]
    return words + realms


def _realms(realm: int) -> list[str]:
    """`realm 7`, or `realms 5/7` from the source's to the destination's."""
    if not realm:
        return []
    source, destination = realm >> 16, realm & 0xFFFF
    return ["realms", f"{source}/{destination}"] if source else ["realm", str(destination)]


def _prefix(network: Network, everything: str) -> str:
    if network.prefixlen == 0:
        return everything
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def _way(ns: NetworkNamespace, nexthop: Nexthop, family: int) -> list[str]:
    words: list[str] = []
    if nexthop.gateway is not None:
        foreign = nexthop.gateway.version != family
        words += ["via", *([f"inet{nexthop.gateway.version}"] if foreign else []), str(nexthop.gateway)]
    if nexthop.device:
        words += ["dev", ns.device_name(nexthop.device)]
    return words


def _common_flags(nexthops: Sequence[Nexthop]) -> list[str]:
    """Of the route: those of its only nexthop; dead or linkdown if all are (fib_create_info, fib_flags)."""
    if len(nexthops) == 1:
        return _flags(nexthops[0])
    flags = (("dead", [each.dead for each in nexthops]), ("linkdown", [each.linkdown for each in nexthops]))
    return [word for word, are_set in flags if are_set and all(are_set)]


def _flags(nexthop: Nexthop) -> list[str]:
    flags = (("dead", nexthop.dead), ("onlink", nexthop.onlink), ("linkdown", nexthop.linkdown))
    return [word for word, is_set in flags if is_set]

"""`ip route show table all` and `ip rule` (iproute2: ip/iproute.c, ip/iprule.c)."""

from collections.abc import Iterator

from kubectl_skoop.report.inspect.state import State
from kubectl_skoop.report.inspect.words import (
    PROTOCOLS,
    ROUTE_PROTOCOLS,
    ROUTE_TABLES,
    ROUTE_TYPES,
    SCOPES,
    word,
)
from kubectl_skoop.snapshot.decode.entry import Entry

_NEXTHOP_FLAGS = {0x01: "dead", 0x04: "onlink", 0x02: "pervasive", 0x08: "offload", 0x10: "linkdown"}
_PREFERENCES = {0: "medium", 1: "high", 3: "low"}
_ACTIONS = {3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
_BOOT, _MAIN, _INVERT = 3, 254, 0x02
_NO_SUPPRESSION = 0xFFFFFFFF


def print_routes(state: State) -> Iterator[str]:
    for name in ("routes", "route_exceptions"):
        for row in state.rows(name):
            yield " ".join(_route(state, row))
            for hop in row.entries("multipath"):
                words = [
                    "    nexthop",
                    *_nexthop(state, hop),
                    f"weight {hop.number('hops') + 1}",
                    *_flags(hop),
                ]
                yield " ".join(words)


def _route(state: State, row: Entry) -> Iterator[str]:
    kind = row.number("type")
    if kind != 1:
        yield word(ROUTE_TYPES, kind)
    yield _prefix(row, "dst")
    if row.number("src_len"):
        yield f"from {_prefix(row, 'src')}"
    if tos := row.number("tos"):
        yield f"tos 0x{tos:02x}"
    if number := row.number("nh_id", 0):
        yield f"nhid {number}"
    if encap := row.number("encap_type", 0):
        yield f"encap {encap}"
    yield from _nexthop(state, row)
    if (table := row.number("table")) != _MAIN:
        yield f"table {word(ROUTE_TABLES, table)}"
    if (protocol := row.number("protocol")) != _BOOT:
        yield f"proto {word(ROUTE_PROTOCOLS, protocol)}"
    if scope := row.number("scope"):
        yield f"scope {word(SCOPES, scope)}"
    if "prefsrc" in row.fields:
        yield f"src {row.text('prefsrc')}"
    if "priority" in row.fields or (row.family() == 6 and row.number("protocol") == 2):
        yield f"metric {row.number('priority', 0)}"
    yield from _flags(row)
    yield from _metrics(row.entry("metrics"))
    if "pref" in row.fields:
        yield f"pref {word(_PREFERENCES, row.number('pref'))}"


def _prefix(row: Entry, name: str) -> str:
    length = row.number(f"{name}_len")
    if name not in row.fields:
        return f"default{'' if length == 0 else f'/{length}'}"
    whole = 32 if row.family() == 4 else 128
    return row.text(name) + ("" if length == whole else f"/{length}")


def _nexthop(state: State, row: Entry) -> Iterator[str]:
    if "gateway" in row.fields:
        yield f"via {row.text('gateway')}"
    if "via" in row.fields:
        via = row.entry("via")
        yield (
            f"via inet6 {via.text('address')}" if ":" in via.text("address") else f"via {via.text('address')}"
        )
    if "oif" in row.fields:
        yield f"dev {state.device(row.number('oif'))}"


def _flags(row: Entry) -> list[str]:
    flags = row.number("flags", 0)
    return [name for bit, name in _NEXTHOP_FLAGS.items() if flags & bit]


def _metrics(metrics: Entry) -> Iterator[str]:
    lock = metrics.number("lock", 0)
    for name in ("mtu", "advmss", "hoplimit", "initcwnd", "initrwnd", "rtt", "quickack", "congctl"):
        if name in metrics.fields:
            locked = "lock " if name == "mtu" and lock & 1 << 2 else ""
            yield f"{name} {locked}{metrics.fields[name]}"


def print_rules(state: State) -> Iterator[str]:
    family = 0
    for row in state.rows("rules"):
        if row.family() != family:
            family = row.family()
            yield f"# IPv{family}"
        yield f"{row.number('priority', 0)}:  " + " ".join(_rule(row))


def _rule(row: Entry) -> Iterator[str]:
    flags = row.number("flags")
    if flags & _INVERT:
        yield "not"
    yield f"from {_prefix(row, 'src') if row.number('src_len') else 'all'}"
    if row.number("dst_len"):
        yield f"to {_prefix(row, 'dst')}"
    if tos := row.number("tos", 0):
        yield f"tos 0x{tos:x}"
    if "fwmark" in row.fields:
        mask = row.number("fwmask", 0xFFFFFFFF)
        yield f"fwmark 0x{row.number('fwmark'):x}" + ("" if mask == 0xFFFFFFFF else f"/0x{mask:x}")
    for name, bit in (("iif", 0x08), ("oif", 0x10)):
        if f"{name}name" in row.fields:
            yield f"{name} {row.text(f'{name}name')}"
            if flags & bit:
                yield "[detached]"
    if row.flag("l3mdev"):
        yield "lookup [l3mdev-table]"
    if "uid_range" in row.fields:
        uids = row.entry("uid_range")
        yield f"uidrange {uids.number('start')}-{uids.number('end')}"
    if protocol := row.number("ip_proto", 0):
        yield f"ipproto {word(PROTOCOLS, protocol)}"
    for name in ("sport", "dport"):
        if f"{name}_range" in row.fields:
            yield f"{name} {_range(row.entry(f'{name}_range'))}"
    yield from _action(row)


def _range(ports: Entry) -> str:
    first, last = ports.number("start"), ports.number("end")
    return str(first) if first == last else f"{first}-{last}"


def _action(row: Entry) -> Iterator[str]:
    action = row.number("action")
    if action == 2:
        yield f"goto {row.number('goto', 0)}"
    elif action != 1:
        yield word(_ACTIONS, action)
    elif not row.flag("l3mdev"):
        yield f"lookup {word(ROUTE_TABLES, row.number('table'))}"
    for name, written in (
        ("suppress_prefixlen", "suppress_prefixlength"),
        ("suppress_ifgroup", "suppress_ifgroup"),
    ):
        value = row.number(name, _NO_SUPPRESSION)
        if value != _NO_SUPPRESSION:
            yield f"{written} {value}"

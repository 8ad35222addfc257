"""What `inspect` prints of one namespace. A stranger wrote it: nothing of it reaches a terminal raw."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from operator import is_

from kubectl_skoop.model.errors import FormatError
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.inspect.conntrack import print_conntrack
from kubectl_skoop.report.inspect.ipsec import print_ipsec
from kubectl_skoop.report.inspect.links import print_links
from kubectl_skoop.report.inspect.neighbours import print_fdb, print_neighbours
from kubectl_skoop.report.inspect.nftables import print_nftables
from kubectl_skoop.report.inspect.routes import print_routes, print_rules
from kubectl_skoop.report.inspect.sockets import print_sockets
from kubectl_skoop.report.inspect.state import State
from kubectl_skoop.snapshot.dump import Table

DEPTH = 40
"""Of the JSON form: deeper than any section may nest."""


def print_sysctls(state: State) -> Iterator[str]:
    table = state.table("sysctls")
    if table is None or table.state != "ok":
        return
    if not isinstance(table.data, Mapping):
        raise FormatError("$.sysctls: a map is wanted")
    yield from (f"{key} = {value}" for key, value in sorted(table.data.items()))


def _print_texts(*names: str) -> Callable[[State], Iterator[str]]:
    """Tables that are the text of a tool, each under its name if there are several."""

    def print_them(state: State) -> Iterator[str]:
        for name in names:
            text = state.text(name).rstrip("\n")
            if text and len(names) > 1:
                yield f"# {name}"
            if text:
                yield from text.split("\n")

    return print_them


@dataclass(frozen=True, slots=True)
class What:
    printer: Callable[[State], Iterator[str]]
    tables: tuple[str, ...]
    """That are read; their state is told where it is not `ok`."""


IPTABLES = (
    "iptables-legacy",
    "ip6tables-legacy",
    "iptables-nft",
    "ip6tables-nft",
    "arptables",
    "arptables-legacy",
    "ebtables-nft",
)
_PRINTED: Mapping[str, What] = {
    "routes": What(print_routes, ("routes", "route_exceptions")),
    "rules": What(print_rules, ("rules",)),
    "neighbours": What(print_neighbours, ("neighbours", "proxy_neighbours")),
    "links": What(print_links, ("links", "addresses")),
    "fdb": What(print_fdb, ("fdb",)),
    "iptables": What(_print_texts(*IPTABLES), IPTABLES),
    "nftables": What(print_nftables, ("nft",)),
    "ipset": What(_print_texts("ipset"), ("ipset",)),
    "ipsec": What(print_ipsec, ("xfrm",)),
    "conntrack": What(print_conntrack, ("conntrack",)),
    "sockets": What(print_sockets, ("sockets",)),
    "sysctls": What(print_sysctls, ("sysctls",)),
}
WHATS: tuple[str, ...] = tuple(_PRINTED)


def tables_of(what: str) -> tuple[str, ...]:
    """Names of the tables that are read for it."""
    return _PRINTED[what].tables


def print_table(what: str, tables: Mapping[str, Table], *, headers: bool = True) -> str:
    """As the usual tool prints it; lines that begin with `#` say what could not be read."""
    return "\n".join(safe(line) for line in _lines(what, State(tables, headers)))


def table_data(what: str, tables: Mapping[str, Table]) -> dict[str, object]:
    """For JSON: the tables behind it, as they were collected; bytes as hexadecimal text."""
    return {
        name: {"state": table.state, "reason": table.reason, "time": table.time, "data": _plain(table.data)}
        for name in _PRINTED[what].tables
        if (table := tables.get(name)) is not None
    }


def _lines(what: str, state: State) -> Iterator[str]:
    printed = _PRINTED[what]
    for name in printed.tables:
        table = state.table(name)
        if table is None:
            yield f"# {name}: not collected"
        elif table.state != "ok":
            yield f"# {name}: {table.state}" + (f": {table.reason}" if table.reason else "")
        elif table.reason:
            yield f"# {name}: {table.reason}"
    try:
        yield from printed.printer(state)
    except FormatError as error:
        yield f"# unreadable: {error}"


def _plain(value: object, depth: int = 0) -> object:
    """What is plain already is not copied: a table may have a million maps."""
    if depth > DEPTH:
        return "…"
    match value:
        case bytes():
            return value.hex()
        case float() if not isfinite(value):
            return str(value)
        case Mapping():
            items = {str(key): _plain(item, depth + 1) for key, item in value.items()}
            same = all(key in items and items[key] is item for key, item in value.items())
            return value if same else items
        case list() | tuple():
            listed = [_plain(item, depth + 1) for item in value]
            return value if all(map(is_, listed, value)) else listed
        case _:
            return value

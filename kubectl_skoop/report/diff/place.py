"""Two namespaces: what changed in each table, and which tables cannot be compared."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from kubectl_skoop.model.errors import FormatError
from kubectl_skoop.report.diff import lines, rules
from kubectl_skoop.report.diff.change import TableChange, Uncompared, changed_lines
from kubectl_skoop.report.inspect.printer import tables_of
from kubectl_skoop.report.inspect.state import State
from kubectl_skoop.snapshot.dump import Table
from kubectl_skoop.snapshot.tables import Tables

Found = TableChange | Uncompared
Printer = Callable[[State], Iterator[str]]

_UNORDERED: Mapping[str, Printer] = {
    "links": lines.links,
    "routes": lines.routes,
    "rules": lines.rules,
    "neighbours": lines.neighbours,
    "fdb": lines.fdb,
    "ipset": lines.ipset,
    "sockets": lines.sockets,
    "sysctls": lines.sysctls,
}
_CHAINS: Mapping[str, Callable[[State], rules.Chains]] = {
    "iptables": rules.iptables_chains,
    "nftables": rules.nft_chains,
}
COMPARED = (*_UNORDERED, *_CHAINS)
"""Words of `inspect`; connections (`conntrack`) come and go."""


def compare_tables(where: str, before: Mapping[str, Table], after: Mapping[str, Table]) -> Iterator[Found]:
    """Without the tables that are the same."""
    for what in COMPARED:
        reason = _unread(what, before, after)
        if reason:
            yield Uncompared(f"{where} {what}", reason)
            continue
        if all(_same(before, after, name) for name in _decisive(what)):
            continue
        try:
            change = _compare(what, State(before), State(after))
        except FormatError as error:
            yield Uncompared(f"{where} {what}", str(error))
            continue
        if any(change.lines) or change.reordered:
            yield change


def _decisive(what: str) -> Sequence[str]:
    """Tables that the lines are made of: names of devices, too."""
    return *tables_of(what), "links"


def _same(before: Mapping[str, Table], after: Mapping[str, Table], name: str) -> bool:
    """What two files have by the same hash need not be read."""
    if isinstance(before, Tables) and isinstance(after, Tables):
        identity = before.identity(name)
        if identity is not None and identity == after.identity(name):
            return True
    return _data(before, name) == _data(after, name)


def _data(tables: Mapping[str, Table], name: str) -> object:
    return tables[name].data if name in tables else None


def _compare(what: str, before: State, after: State) -> TableChange:
    if (chains := _CHAINS.get(what)) is not None:
        return rules.compare(what, chains(before), chains(after))
    printer = _UNORDERED[what]
    old, new = list(printer(before)), list(printer(after))
    if what == "sysctls":
        old, new = _of_lasting_devices(old, new, before, after)
    return TableChange(what, changed_lines(old, new))


def _of_lasting_devices(
    old: list[str], new: list[str], before: State, after: State
) -> tuple[list[str], list[str]]:
    """Settings come and go with their device; that it did is told already."""
    names = [set(state.device_names.values()) for state in (before, after)]
    if not all(names):
        return old, new
    passing = names[0] ^ names[1]
    return (
        [line for line in old if lines.device_of_sysctl(line) not in passing],
        [line for line in new if lines.device_of_sysctl(line) not in passing],
    )


def _unread(what: str, before: Mapping[str, Table], after: Mapping[str, Table]) -> str:
    """A table that was not read on one side: nothing is known of its changes. Absent is known."""
    for name in tables_of(what):
        for when, tables in (("before", before), ("after", after)):
            table = tables.get(name)
            if table is None and (name in before or name in after):
                return f"{name} was not collected {when}"
            if table is not None and table.state not in ("ok", "absent"):
                return f"{name} {when}: {table.state}" + (f": {table.reason}" if table.reason else "")
    return ""

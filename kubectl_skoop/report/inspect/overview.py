"""What is in a snapshot: nodes, their namespaces, tables with states and sizes, objects."""

from collections.abc import Iterator
from datetime import UTC, datetime

from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.inspect.certificate import certificate_lines
from kubectl_skoop.snapshot.dump import NamespaceDump, NodeDump
from kubectl_skoop.snapshot.index import NamespaceEntry
from kubectl_skoop.snapshot.source import Snapshot
from kubectl_skoop.snapshot.tables import Tables, heads

_HEADERS = ("node", "place", "namespace", "tables", "size", "not read")

MOST_NODES = 50
"""Whose namespaces are listed for people: each one's section has to be read."""
WRONG_CLOCK = 3.0
"""Seconds; it is known to about one."""


def overview(snapshot: Snapshot, *, headers: bool = True) -> str:
    """For people."""
    from tabulate import tabulate

    named = _HEADERS if headers else ()
    header = snapshot.header
    lines = [
        f"format {header.format}, written {utc(header.time)} by kubectl-skoop {header.tool or '?'}",
        *moments(snapshot),
        f"objects: {', '.join(f'{count} {kind}' for kind, count in _counts(snapshot)) or 'none'}",
        *([f"cloud: {', '.join(clouds)}"] if (clouds := _clouds(snapshot)) else []),
        *certificate_lines(snapshot.file.index.certificate),
        "",
        *tabulate(list(_rows(snapshot)), headers=named, tablefmt="plain", disable_numparse=True).split("\n"),
    ]
    if (more := len(snapshot.nodes()) - MOST_NODES) > 0:
        lines += ["", f"and {more:,} more nodes: inspect node/NAME shows one, -o json all of them"]
    for kind in snapshot.kinds():
        if snapshot.count(kind) is None:
            snapshot.objects(kind)
    if snapshot.missing:
        lines += ["", "missing:", *(f"  {entry}" for entry in snapshot.missing)]
    return "\n".join(safe(line) for line in lines)


def overview_data(snapshot: Snapshot) -> dict[str, object]:
    """For JSON."""
    return {
        "format": snapshot.header.format,
        "tool": snapshot.header.tool,
        "time": snapshot.header.time,
        "moments": None if (read := snapshot.moments()) is None else read._asdict(),
        "objects": dict(_counts(snapshot)),
        "infra": _clouds(snapshot),
        "nodes": [{"name": name, **_node_data(snapshot.node_dump(name))} for name in snapshot.nodes()],
        "missing": [
            {"what": entry.what, "state": entry.state, "reason": entry.reason} for entry in snapshot.missing
        ],
        **({"certificate": certificate} if (certificate := snapshot.file.index.certificate) else {}),
    }


def moments(snapshot: Snapshot) -> Iterator[str]:
    """When the nodes were read, and whose clocks are wrong."""
    if (read := snapshot.moments()) is not None:
        yield f"nodes read within {read.skew:.1f} s, from {utc(read.first)}"
    for name in snapshot.nodes():
        node = snapshot.summary(name)
        ahead = None if isinstance(node, NotCollected) else node.clock_offset
        if ahead is not None and abs(ahead) >= WRONG_CLOCK:
            where = "ahead of" if ahead > 0 else "behind"
            yield f"the clock of {name} is {abs(ahead):.0f} s {where} the API server's"


def _clouds(snapshot: Snapshot) -> list[str]:
    """Providers that told something; the others are among what is missing."""
    return [name for name in snapshot.clouds() if not isinstance(snapshot.infra(name), NotCollected)]


def _node_data(dump: NodeDump | NotCollected) -> dict[str, object]:
    if isinstance(dump, NotCollected):
        return {"namespaces": []}
    return {
        "time": dump.time,
        "ended": dump.ended,
        "kernel": dump.kernel,
        "tools": dict(dump.tools),
        "facts": dump.facts._asdict(),
        "lost": list(dump.lost),
        "namespaces": [_namespace_data(namespace) for namespace in dump.namespaces],
    }


def _namespace_data(dump: NamespaceDump) -> dict[str, object]:
    tables = {
        name: {"state": table.state, "reason": table.reason, "time": table.time}
        for name, table in heads(dump.tables).items()
    }
    return {"id": dump.id, "kind": dump.kind, "pods": list(dump.pods), "tables": tables}


def _rows(snapshot: Snapshot) -> Iterator[list[str]]:
    for name in snapshot.nodes()[:MOST_NODES]:
        node = snapshot.node(name)
        if isinstance(node, NotCollected):
            yield [safe(name), "-", "-", "-", "-", safe(f"{node.state}: {node.reason}")]
            continue
        for entry in node.namespaces:
            place = ", ".join(entry.pods) if entry.kind == "pod" else "host"
            cells = [
                name,
                place or "-",
                entry.id,
                *_tables(snapshot.namespace_dump(f"{name}/{entry.id}"), entry),
            ]
            yield [safe(cell) for cell in cells]
        for line in node.lost:
            what, _, reason = line.partition(": ")
            yield [safe(cell) for cell in (name, what.removeprefix("pod/"), "-", "-", "-", reason or "lost")]


def _tables(dump: NamespaceDump | NotCollected, entry: NamespaceEntry) -> list[str]:
    """How many, their size before compression, and which could not be read."""
    if isinstance(dump, NotCollected):
        return ["-", "-", f"{dump.state}: {dump.reason}"]
    tables = dump.tables
    if not isinstance(tables, Tables):
        return [str(len(tables)), "-", ""]
    size = entry.section.length + sum(tables.size(name) for name in tables)
    # Absent is an answer, too: the kernel has no such thing.
    states = [(name, table.state) for name, table in heads(tables).items()]
    unread = [f"{name} ({state})" for name, state in states if state not in ("ok", "absent")]
    return [str(len(tables)), f"{size / 1024:.0f} KiB", ", ".join(unread)]


def _counts(snapshot: Snapshot) -> Iterator[tuple[str, int]]:
    counts = ((kind, snapshot.count(kind)) for kind in snapshot.kinds())
    return ((kind, count) for kind, count in counts if count is not None)


def utc(seconds: float) -> str:
    """UTC; as it stands where it is no time."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return str(seconds)

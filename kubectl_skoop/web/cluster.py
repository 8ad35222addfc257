"""The nodes of a snapshot: what was collected of each, and what was not and why."""

from collections.abc import Sequence

from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.report.html.cluster_page import NODES, ClusterView, NodeRow, pages_of
from kubectl_skoop.report.inspect.overview import utc
from kubectl_skoop.snapshot.source import Snapshot
from kubectl_skoop.snapshot.tables import heads
from kubectl_skoop.web.session import Session
from kubectl_skoop.web.words import Words, number_of


def cluster_view(session: Session, words: Words) -> ClusterView:
    searched = words.get("q", "").strip()
    only_missing = bool(words.get("missing"))
    held = session.contents
    nodes = held.lacking if only_missing else held.nodes
    fitting = [name for name in nodes if searched.lower() in name.lower()]
    page = min(max(1, number_of(words, "page")), pages_of(len(fitting)))
    with session.reading() as source:
        rows = [_row(source, name) for name in fitting[(page - 1) * NODES : page * NODES]]
    return ClusterView(
        facts=session.facts,
        about=held.about,
        rows=rows,
        found=len(fitting),
        searched=searched,
        only_missing=only_missing,
        page=page,
        lost=held.lost,
    )


def _row(source: Snapshot, name: str) -> NodeRow:
    node = source.node(name)
    if isinstance(node, NotCollected):
        return NodeRow(
            name, False, "", "", (), (f"{node.state}: {node.reason}" if node.reason else node.state,)
        )
    pods = [pod for entry in node.namespaces if entry.kind == "pod" for pod in entry.pods]
    unread = [
        f"{', '.join(entry.pods) if entry.kind == 'pod' else 'host'}: {line}"
        for entry in node.namespaces
        for line in _unread(source, f"{name}/{entry.id}")
    ]
    return NodeRow(name, True, utc(node.time), node.kernel, pods, (*node.lost, *unread))


def _unread(source: Snapshot, identity: str) -> Sequence[str]:
    """Absent is an answer, too: the kernel has no such thing."""
    dump = source.namespace_dump(identity)
    if isinstance(dump, NotCollected):
        return [f"{dump.state}: {dump.reason}"]
    gaps = [
        (name, table) for name, table in heads(dump.tables).items() if table.state not in ("ok", "absent")
    ]
    return [f"{name} {table.state}" + (f" ({table.reason})" if table.reason else "") for name, table in gaps]

"""Snapshots that lack something, made of shipped ones."""

from pathlib import Path

from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.assemble import new_header
from kubectl_skoop.snapshot.dump import Table
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.snapshot.write import writing
from tests.web.conftest import SNAPSHOTS


def lacking(path: Path) -> None:
    """Node n2 could not be reached, n1 lacks a pod's network and a table, policies were forbidden."""
    source = open_snapshot(SNAPSHOTS / "dead-backend.skoop")
    try:
        with writing(path, new_header(0.0)) as writer:
            for kind in source.kinds():
                found = source.objects(kind)
                assert not isinstance(found, NotCollected)
                writer.add_objects(kind, found)
            dump = source.node_dump("n1")
            assert not isinstance(dump, NotCollected)
            host, *pods = dump.namespaces
            unread = {**host.tables, "conntrack": Table(state="timeout", reason="30 s")}
            writer.add_node(
                dump._replace(namespaces=(host._replace(tables=unread), *pods[1:])),
                lost=("pod/default/a: no process of it was found",),
            )
            writer.add_missing_node("n2", "failed", "pods cannot be run there")
            writer.add_note("objects/NetworkPolicy", "forbidden", "the API server says no")
    finally:
        source.close()

"""Asks a snapshot for everything that it may have."""

from contextlib import suppress

from kubectl_skoop.model.errors import SectionDamaged
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.report.inspect import overview, overview_data
from kubectl_skoop.snapshot.source import Snapshot
from tests.fuzzing.printed import check_printed


def read_all(snapshot: Snapshot) -> None:
    """What is lost may be said, not raised; but for SectionDamaged where it is documented."""
    for name in snapshot.nodes():
        snapshot.node(name)
        dump = snapshot.node_dump(name)
        if not isinstance(dump, NotCollected):
            for namespace in dump.namespaces:
                dict(namespace.tables)
    for kind in snapshot.kinds():
        snapshot.objects(kind)
        snapshot.objects(kind, "default")
    with suppress(SectionDamaged):
        snapshot.owners("10.0.0.2")
        snapshot.keys("Pod")
        snapshot.namespaces_of("Pod", "b")
        snapshot.collected_pods()
    for provider in snapshot.clouds():
        snapshot.infra(provider)
    snapshot.moments()
    snapshot.raw_tables(Place("pod", "default/a"))
    assert all(str(gap) for gap in snapshot.missing)
    check_printed(overview(snapshot))
    overview_data(snapshot)

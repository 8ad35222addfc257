"""What a cluster is taken for: `plugins --detect`, `providers --detect`."""

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.diagnosis.context import Context
from kubectl_skoop.diagnosis.registry import set_up
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.report.installed import facts_text
from kubectl_skoop.snapshot.source import Snapshot


def detected(source: Snapshot, *, headers: bool) -> str:
    """Raises: InputError."""
    found = set_up(Context(source=source, cluster=Cluster(source), options=Options()))
    return facts_text(found.facts, headers=headers)

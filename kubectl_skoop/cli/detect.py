"""What a snapshot's cluster is taken for: `plugins --detect`, `providers --detect`."""

from pathlib import Path

from kubectl_skoop.cli import parameters
from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.diagnosis.context import Context
from kubectl_skoop.diagnosis.registry import set_up
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.report.installed import facts_text


def detected(path: Path | None) -> str:
    """Raises: InputError."""
    with parameters.opened(path) as source:
        return facts_text(set_up(Context(source=source, cluster=Cluster(source), options=Options())).facts)

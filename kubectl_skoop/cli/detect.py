"""What a cluster is taken for: `plugins --detect`, `providers --detect`."""

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.diagnosis.extension.detected import detected as settings_of
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.report.installed import settings_text
from kubectl_skoop.snapshot.source import Snapshot


def detected(source: Snapshot, *, headers: bool) -> str:
    """Raises: InputError."""
    settings = settings_of(Context(source=source, cluster=Cluster(source), options=Options()))
    return settings_text(settings, headers=headers)

"""The connectivity of all pods: of 100,000 it takes seconds, and several hundred MB until it is there."""

import pickle
import sys
from pathlib import Path

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.connectivity import Connectivity, connectivity
from kubectl_skoop.cluster.policy.evaluate import policy_set
from kubectl_skoop.cluster.policy.listed import check_listed
from kubectl_skoop.model.errors import NoVerdict
from kubectl_skoop.snapshot.read import open_file
from kubectl_skoop.snapshot.source import Snapshot
from kubectl_skoop.web.process import Process

COMMAND = "__connectivity"
"""First word of the process that makes it out; no command for people."""


class Connecting:
    """One run, by a process of its own."""

    def __init__(self, path: Path) -> None:
        self._process = Process(COMMAND, str(path))

    def result(self) -> Connectivity:
        """Waits for it. Raises: NoVerdict, with what it said."""
        # What is read comes from this program, not from the file that it read.
        found: Connectivity = pickle.loads(self._process.printed())
        return found

    def close(self) -> None:
        """Ends it."""
        self._process.close()


def connectivity_of(path: Path) -> Connectivity:
    """By a file of its own, so that others may read meanwhile. Raises: InputError, NoVerdict."""
    with open_file(path) as file:
        source = Snapshot(file)
        check_listed(source, source.kinds())
        cluster = Cluster(source)
        policies = policy_set(cluster)
        if policies.missing:
            raise NoVerdict(f"policies could not be read: {'; '.join(map(str, policies.missing))}")
        found = connectivity(cluster, policies)
        for gap in (*file.damage, *source.lost_objects):
            raise NoVerdict(f"what is left does not tell who may talk to whom: {gap}")
        return found


def write(path: str) -> None:
    """What the process does. Raises: InputError, NoVerdict."""
    pickle.dump(connectivity_of(Path(path)), sys.stdout.buffer, pickle.HIGHEST_PROTOCOL)

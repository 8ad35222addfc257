"""What the pages ask of one snapshot: answers, names, the connectivity. All that is kept is bounded."""

import gc
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TypeVar

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.connectivity import Connectivity
from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.diagnosis.extension.registry import set_up
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.result import Check, Diagnosis, Fact
from kubectl_skoop.model.errors import SkoopError
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.read import SnapshotFile, open_file
from kubectl_skoop.snapshot.source import Snapshot
from kubectl_skoop.web.checking import Checking
from kubectl_skoop.web.connecting import Connecting, connectivity_of
from kubectl_skoop.web.contents import Contents, contents_of
from kubectl_skoop.web.names import Names, names_of

ANSWERS = 16
"""That are kept: the tables of an answer are looked at one after another."""
PATIENCE = 0.5
"""Seconds that a page waits for the connectivity, or for `check`."""
MANY_PODS = 5_000
"""With more the connectivity is made out by a process of its own; with fewer that would only take longer."""
_WORKERS = 3
"""Two may wait for processes for long."""
T = TypeVar("T")


class Session:
    """One open file. Requests come in several threads; those that read the file wait for each other."""

    def __init__(self, path: Path, options: Options) -> None:
        """Raises: InputError, for options, too: later each question would be told of them."""
        self.path = path
        self.options = options
        self._file: SnapshotFile = open_file(path)
        self._lock = Lock()
        self._workers = ThreadPoolExecutor(max_workers=_WORKERS)
        self._contents: Future[Contents] | None = None
        self._connecting: Connecting | None = None
        self._connectivity: Future[Connectivity] | None = None
        self._checking: Checking | None = None
        self._check: Future[Check] | None = None
        self._answered = lru_cache(maxsize=ANSWERS)(self._answer)
        try:
            with self.reading() as source:
                self.facts: tuple[Fact, ...] = set_up(
                    Context(source=source, cluster=Cluster(source), options=options)
                ).facts
                """What was detected."""
        except SkoopError:
            self.close()
            raise
        self._names = self._workers.submit(self._read_names)

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """The snapshot, for one thread at a time; what is read of it is forgotten afterwards."""
        with self._lock:
            yield Snapshot(self._file)

    def diagnosis(self, request: Request) -> Diagnosis:
        """Raises: InputError, NoVerdict."""
        return self._answered(request)

    @property
    def names(self) -> Names:
        """Read from the beginning on, before anybody asks."""
        return self._names.result()

    @property
    def contents(self) -> Contents:
        """Read when first asked for. Raises: SkoopError (a file that is gone)."""
        with self._lock:
            if self._contents is None:
                self._contents = self._workers.submit(self._read_contents)
        return self._contents.result()

    def connectivity(self) -> Connectivity | None:
        """None: it takes longer than a page should, and is being worked on. Raises: NoVerdict."""
        many = len(self.names.pods) > MANY_PODS
        with self._lock:
            if self._connectivity is None and many:
                self._connecting = Connecting(self.path)
                self._connectivity = self._workers.submit(self._connecting.result)
            elif self._connectivity is None:
                self._connectivity = self._workers.submit(connectivity_of, self.path)
        return _soon(self._connectivity)

    def check(self) -> Check | None:
        """Each finding at its own place. None: it is being worked on. Raises: NoVerdict."""
        with self._lock:
            if self._check is None:
                self._checking = Checking(self.path, self.options)
                self._check = self._workers.submit(self._checking.result)
        return _soon(self._check)

    def checked(self) -> Check | None:
        """As `check`, where somebody asked for it before, and it is there."""
        return self.check() if self._check is not None and self._check.done() else None

    def pods_on(self, place: str) -> tuple[str, ...]:
        """`pod/shop/cart-0` of `node/n1`: those with a network of their own; none of anything else."""
        kind, _, name = place.partition("/")
        if kind != "node":
            return ()
        with self.reading() as source:
            node = source.node(name)
            entries = () if isinstance(node, NotCollected) else node.namespaces
            return tuple(f"pod/{pod}" for entry in entries if entry.kind == "pod" for pod in entry.pods)

    def close(self) -> None:
        for process in (self._connecting, self._checking):
            if process is not None:
                process.close()
        self._workers.shutdown(wait=False, cancel_futures=True)
        self._file.close()

    def _read_names(self) -> Names:
        with self.reading() as source:
            return names_of(source)

    def _read_contents(self) -> Contents:
        """By a file of its own, so that others may read meanwhile."""
        with open_file(self.path) as file:
            return contents_of(Snapshot(file), self.names)

    def _answer(self, request: Request) -> Diagnosis:
        """What was read for it goes only with a search for cycles: of a large node it is 100 MB."""
        answer = self._diagnosed(request)
        self._workers.submit(gc.collect)
        return answer

    def _diagnosed(self, request: Request) -> Diagnosis:
        with self.reading() as source:
            return diagnose(source, request, self.options)


def _soon(future: Future[T]) -> T | None:
    try:
        return future.result(timeout=PATIENCE)
    except TimeoutError:
        return None

"""A live cluster as a snapshot that grows: what a question lacks is collected, and it is asked again.

So live and file go one way: the answer is that of a snapshot, the one that is kept with `keep`.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread, current_thread
from types import TracebackType
from typing import Self, TypeVar

from kubectl_skoop.cluster.allow import Allowed
from kubectl_skoop.collect.live import rights
from kubectl_skoop.collect.live.api import Body
from kubectl_skoop.collect.live.checkpoint import Arrived, Checkpoint
from kubectl_skoop.collect.live.discovery import version_of
from kubectl_skoop.collect.live.errors import ClusterError
from kubectl_skoop.collect.live.estimate import Estimate, by_first, by_objects
from kubectl_skoop.collect.live.interrupts import Interrupts
from kubectl_skoop.collect.live.manifest import job_object, namespace_object
from kubectl_skoop.collect.live.objects import gather
from kubectl_skoop.collect.live.relevant import between
from kubectl_skoop.collect.live.run import NodeFailed, Run
from kubectl_skoop.model.errors import FormatError, NoVerdict
from kubectl_skoop.snapshot.assemble import Infra, add_infra, merge_dump, new_header
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from kubectl_skoop.snapshot.write import SnapshotWriter, writing

T = TypeVar("T")

PARALLEL = 16
"""Nodes that are collected at a time."""
ROUNDS = 20
"""Times that nodes are collected for one question: each answer may name some that the one before could not
know. What is wanted after that is left out, with the reason."""
LONGEST_CONNTRACK = 4000
"""Characters that say which connections are wanted: they are a part of the URL of `exec`, which proxies
before an API server limit (nginx: 8 KB for the line)."""
_LISTS = 8
"""Kinds of objects that are listed at a time."""
_TICK = 0.2
"""Seconds that the main thread waits at a time, so that a signal is heard."""


@contextmanager
def live(
    run: Run,
    allowed: Allowed,
    *,
    keep: Path | None = None,
    parallel: int = PARALLEL,
    namespaces: Sequence[str] = (),
    infra: Infra | None = None,
    checkpoint: Path | None = None,
) -> "Iterator[LiveSource]":
    """A live cluster to ask. Whatever happens, nothing of ours is left in it.

    `keep`: where the snapshot is to stay. `namespaces`: objects of these only; none: of all. `infra`: asks
    the cluster's cloud. `checkpoint`: a folder in which dumps stay until the snapshot is whole; those that
    are there are not collected again.
    Raises: ClusterError (the objects cannot be had).
    """
    with Interrupts() as interrupts:
        source = LiveSource(run, allowed, interrupts, keep, parallel, namespaces, infra, checkpoint)
        try:
            with source:
                yield source
        finally:
            # Once more: an interrupt, which is raised once only, may have broken off the first time.
            source.end()


class LiveSource:
    """Made by `live`."""

    def __init__(
        self,
        run: Run,
        allowed: Allowed,
        interrupts: Interrupts,
        keep: Path | None,
        parallel: int,
        namespaces: Sequence[str],
        infra: Infra | None,
        checkpoint: Path | None,
    ) -> None:
        self._run = run
        self._allowed = allowed
        self._interrupts = interrupts
        self._keep = keep
        self._parallel = parallel
        self._namespaces = namespaces
        self._infra = infra
        self._checkpoint = checkpoint
        self._threads: set[Thread] = set()
        self._workers = ThreadPoolExecutor(
            max(parallel, _LISTS), "cluster", initializer=lambda: self._threads.add(current_thread())
        )
        self._closing = ExitStack()
        self._tried: set[str] = set()
        self._may_collect = False
        self._ended = False
        self.failed: dict[str, str] = {}
        """Nodes that could not be collected, with the reason."""
        self.left = ""
        """What could not be removed from the cluster, in words; empty: nothing."""

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            self._folder = self._checkpoint or Path(
                opening.enter_context(TemporaryDirectory(prefix="kubectl-skoop-"))
            )
            self._dumps = Checkpoint(self._folder)
            self._writer = opening.enter_context(self._new_writer())
            # The threads end before what they write to is closed and removed.
            opening.callback(self.end)
            self._run.progress("", "reads the cluster's objects")
            self.objects = gather(
                self._run.api, self._allowed, self._workers, self._writer.objects, self._namespaces
            )
            for gap in self.objects.gaps:
                self._writer.add_note(gap.what, gap.state, gap.reason)
            self._closing = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._interrupts.hold()
        self._run.stop()
        self._closing.__exit__(kind, error, trace)

    def end(self) -> None:
        """Ends the threads, then removes what is ours from the cluster; interrupts wait meanwhile."""
        if self._ended:
            return
        self._interrupts.hold()
        self._run.stop()
        self._workers.shutdown(wait=True, cancel_futures=True)
        # The pool does not know a thread that it was starting when the interrupt came.
        for thread in tuple(self._threads):
            thread.join()
        try:
            self._run.clean_up()
        except ClusterError as error:
            self.left = f"namespace {self._run.namespace} may be left in the cluster: {error}"
        self._ended = True

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of all nodes of the cluster."""
        return tuple(sorted(self.objects.obstacles))

    def wanted(self, question: Callable[[Snapshot], object]) -> tuple[str, ...]:
        """The nodes that would be collected first for an answer."""
        snapshot = open_snapshot(self._writer.checkpoint())
        try:
            question(snapshot)
        except NoVerdict:
            pass
        finally:
            snapshot.close()
        return snapshot.wanted

    def plan(self, nodes: Iterable[str]) -> tuple[Sequence[rights.Right], Sequence[Body]]:
        """What the user must be allowed to do to collect nodes, and the objects that would be made."""
        options, namespace, run = self._run.options, self._run.namespace, self._run.name
        makes = self._makes_namespace()
        made = [namespace_object(namespace, run)] if makes else []
        made += [
            job_object(node, namespace, run, options)
            for node in nodes
            if not self.objects.obstacles.get(node)
        ]
        return (*rights.reading(), *rights.collecting(namespace, makes_namespace=makes)), made

    def ask(self, question: Callable[[Snapshot], T]) -> T:
        """The answer, once nothing that it needs is left to be collected. Raises: what the question does,
        ClusterError."""
        for again in count():
            snapshot = open_snapshot(self._writer.checkpoint())
            refused = None
            try:
                answer = question(snapshot)
            except NoVerdict as error:
                refused = error
            finally:
                snapshot.close()
            wanted = [name for name in snapshot.wanted if name not in self._tried]
            if snapshot.wanted_infra and self._infra is not None:
                self.ask_cloud()
            elif not wanted:
                break
            if again < ROUNDS:
                self.collect(wanted, _connections(snapshot.addresses))
            else:
                self._give_up(wanted)
        if refused is not None:
            raise refused
        return answer

    def estimate(self, nodes: Iterable[str]) -> Estimate:
        """Of the snapshot that collecting these would make."""
        ready = [name for name in nodes if not self.objects.obstacles.get(name)]
        pods = [len(self.objects.pods.get(name, ())) for name in ready]
        return by_objects(pods, self.objects.services, self._parallel)

    def collect(
        self,
        nodes: Iterable[str],
        conntrack: str = "all",
        watch: Callable[[Estimate], None] = lambda better: None,
    ) -> None:
        """Each node that has not been tried yet, several at a time; their dumps are written as they arrive.

        `conntrack`: `all`; `none`; `relevant`, connections between addresses of the cluster; or what the
        agent takes. `watch` is told once what to expect, when the first nodes are here and many are not.
        Raises: ClusterError (missing rights).
        """
        if conntrack == "relevant":
            conntrack = between((*self._writer.addresses, *self.objects.networks))
        fresh = [name for name in dict.fromkeys(nodes) if name not in self._tried]
        self._tried |= set(fresh)
        ready = [name for name in fresh if self._dumps.find(name) or not self._known_obstacle(name)]
        if ready and not self._may_collect:
            self.require()
        began, before = time.monotonic(), self._writer.size
        enough = min(2 * self._parallel, len(ready) // 2)
        for done, (node, result) in enumerate(self._results(ready, conntrack), start=1):
            self._take(node, result)
            if done == enough:
                took = time.monotonic() - began
                watch(by_first(done, len(ready), self._writer.size - before, took))

    def _give_up(self, nodes: Sequence[str]) -> None:
        """So that the next answer says why it lacks them."""
        self._tried |= set(nodes)
        for name in nodes:
            self._miss(name, f"after {ROUNDS} rounds of collecting, the question still led to further nodes")

    def ask_cloud(self) -> None:
        """Once: what it says, or why it says nothing, is in the snapshot from then on.

        Raises: InputError (files that were given in its place).
        """
        infra, self._infra = self._infra, None
        if infra is not None:
            add_infra(self._writer, infra)

    def leave_out(self, node: str, reason: str) -> None:
        """Says in the snapshot why the node is not in it."""
        self._writer.add_missing_node(node, "not collected", reason)

    def require(self) -> None:
        """Raises: ClusterError where the user may not run collectors."""
        needed = rights.collecting(self._run.namespace, makes_namespace=self._makes_namespace())
        rights.require(self._run.api, needed, self._workers)
        self._may_collect = True

    def _makes_namespace(self) -> bool:
        """A namespace that may not be looked at is taken to be there. Raises: ClusterError."""
        given = self._run.options.namespace
        if not given:
            return True
        try:
            self._run.api.get(f"/api/v1/namespaces/{given}")
        except ClusterError as error:
            if error.status not in (403, 404):
                raise
            return error.status == 404
        return False

    def _known_obstacle(self, node: str) -> bool:
        reason = self.objects.obstacles.get(node, "the cluster has no such node")
        if reason:
            self._miss(node, reason)
        return bool(reason)

    def _results(self, nodes: Sequence[str], conntrack: str) -> Iterator[tuple[str, Arrived | str]]:
        """Each node's file, or why there is none, in the order in which they are ready."""
        waiting = iter(nodes)
        running: dict[Future[Arrived], str] = {}
        while True:
            while len(running) < self._parallel and (node := next(waiting, None)) is not None:
                running[self._workers.submit(self._dump, node, conntrack)] = node
            if not running:
                return
            done, _ = wait(running, timeout=_TICK, return_when=FIRST_COMPLETED)
            for future in done:
                node = running.pop(future)
                try:
                    yield node, future.result()
                except NodeFailed as failed:
                    yield node, str(failed)

    def _dump(self, node: str, conntrack: str) -> Arrived:
        if (kept := self._dumps.find(node)) is not None:
            return kept
        target = self._dumps.target(node)
        told = self._run.dump(node, self.objects.pods.get(node, ()), conntrack, target)
        arrived = Arrived(target, told + (self._run.api.clock_offset or 0.0))
        self._dumps.keep(node, arrived)
        return arrived

    def _take(self, node: str, result: Arrived | str) -> None:
        if isinstance(result, str):
            self._miss(node, result)
            return
        try:
            lacking = merge_dump(self._writer, result.file, node, lambda began: began - result.told)
        except FormatError as error:
            self._dumps.drop(node)
            self._miss(node, f"its dump is damaged: {error}")
            return
        if self._checkpoint is None:
            self._dumps.drop(node)
        for gap in lacking:
            self._writer.add_note(gap.what, gap.state, gap.reason)
        self._run.progress(node, "is collected")

    def _miss(self, node: str, reason: str) -> None:
        self.failed[node] = reason
        self._writer.add_missing_node(node, "not collected", reason)
        self._run.progress(node, f"is not collected: {reason}")

    def _new_writer(self) -> AbstractContextManager[SnapshotWriter]:
        """Raises: ClusterError (the server does not answer)."""
        facts: dict[str, object] = {"version": version_of(self._run.api)}
        if (offset := self._run.api.clock_offset) is not None:
            facts["clock_offset"] = round(offset, 1)
        path = self._keep or self._folder / "live.skoop"
        return writing(path, new_header(time.time(), facts))


def _connections(addresses: Sequence[str]) -> str:
    """Those with these addresses, and between these pairs; all where nobody said, or there are too many."""
    written = ",".join(addresses)
    return written if 0 < len(written) <= LONGEST_CONNTRACK else "all"

"""Everything of ours in the cluster during one command: made when needed, gone at the end in every case."""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

from kubectl_skoop.cluster.raw import items, text
from kubectl_skoop.collect.live import parcel
from kubectl_skoop.collect.live.api import Api
from kubectl_skoop.collect.live.errors import ClusterError
from kubectl_skoop.collect.live.events import last_event
from kubectl_skoop.collect.live.execute import execute
from kubectl_skoop.collect.live.manifest import (
    CONTAINER,
    NAME,
    NODE_ANNOTATION,
    RUN_LABEL,
    CollectorOptions,
    collect_command,
    job_name,
    job_object,
)
from kubectl_skoop.collect.live.pod_state import PodState, pod_state
from kubectl_skoop.collect.live.run_namespace import RunNamespace
from kubectl_skoop.snapshot.output_file import create

POLL = 0.15
"""Seconds between two looks at our pods."""
SILENCE = 60.0
"""Seconds without a byte after which a node hangs."""
EXIT_INCOMPLETE = 3
"""`collect`: the dump is written, a table of it could not be read."""
_BACKGROUND = ("propagationPolicy", "Background")
_EXPLAINED_AFTER = 2.0
"""Seconds of waiting after which the events are looked at."""


class NodeFailed(Exception):
    """A node could not be collected; the message says why."""


Progress = Callable[[str, str], None]
"""(node, what happens there)."""


@dataclass(slots=True)
class Run:
    """Used from several threads, a node each; `clean_up` when none of them is at work any more."""

    api: Api
    options: CollectorOptions
    progress: Progress = lambda node, text: None
    name: str = field(default_factory=lambda: token_hex(4))
    _stop: threading.Event = field(default_factory=threading.Event)
    _place: RunNamespace = field(init=False)
    _pods: "PodPoll" = field(init=False)
    _parcel: bytes = field(init=False)
    """The agent, if the image does not have it."""

    def __post_init__(self) -> None:
        given = self.options.namespace
        self._place = RunNamespace(self.api, given or f"{NAME}-{self.name}", self.name, shared=bool(given))
        self._pods = PodPoll(self.api, self.namespace, self.name)
        self._parcel = parcel.pack() if self.options.sent else b""

    @property
    def namespace(self) -> str:
        return self._place.name

    def stop(self) -> None:
        """Tells every thread to end soon; those that wait raise NodeFailed."""
        self._stop.set()

    def dump(self, node: str, pods: Sequence[Mapping[str, object]], conntrack: str, target: Path) -> float:
        """Runs a collector on the node and writes its dump. Raises: NodeFailed; OSError where `target` cannot
        be written, which no other node would change.

        Returns when it was told to read, by this machine's clock.
        """
        job = job_object(node, self.namespace, self.name, self.options)
        try:
            self.progress(node, "starts a collector")
            self._place.create_job(job, self.options.wait, self._check)
            pod = self._running(node)
            self.progress(node, "reads the kernel's state")
            told = time.time()
            self._read(node, pod, pods, conntrack, target)
            self.api.delete(f"{self._jobs}/{job_name(node, self.name)}", [_BACKGROUND])
            return told
        except ClusterError as error:
            raise NodeFailed(str(error)) from error

    def clean_up(self) -> None:
        """Deletes all that this run made; does not wait until it is gone. Raises: ClusterError."""
        if not self._place.used:
            return
        selector = ("labelSelector", f"{RUN_LABEL}={self.name}")
        self.api.delete(self._jobs, [selector, _BACKGROUND])
        # At once: a pod on a node that does not answer would stay until the node comes back.
        self.api.delete(f"/api/v1/namespaces/{self.namespace}/pods", [selector, ("gracePeriodSeconds", "0")])
        self._place.remove()

    @property
    def _jobs(self) -> str:
        return f"/apis/batch/v1/namespaces/{self.namespace}/jobs"

    def _running(self, node: str) -> str:
        """The name of the node's pod, once it runs. Raises: ClusterError, NodeFailed."""
        began = time.monotonic()
        shown = ""
        while True:
            self._check()
            state = self._pods.state(node)
            if state is not None and state.running:
                return state.name
            if state is not None and state.trouble:
                raise NodeFailed(self._with_event(state.trouble, state.name))
            waited = time.monotonic() - began
            waits = state.waits if state is not None else "its pod"
            if waited > _EXPLAINED_AFTER and waits != shown:
                shown = waits
                event = self._last_event(state.name if state is not None else job_name(node, self.name))
                if state is None and event.startswith("FailedCreate"):
                    raise NodeFailed(f"no pod can be made: {event}")
                self.progress(node, f"waits for {waits}" + (f" ({event})" if event else ""))
            if waited > self.options.wait:
                late = f"no pod ran within {self.options.wait:.0f} s, it waits for {waits}"
                raise NodeFailed(
                    self._with_event(late, state.name if state is not None else job_name(node, self.name))
                )
            self._stop.wait(POLL)

    def _read(
        self, node: str, pod: str, pods: Sequence[Mapping[str, object]], conntrack: str, target: Path
    ) -> None:
        with create(target) as file:
            ended = execute(
                self.api,
                self.namespace,
                pod,
                CONTAINER,
                collect_command(node, conntrack, self.options),
                stdin=self._parcel + json.dumps(list(pods), separators=(",", ":")).encode() + b"\n",
                stdout=file,
                silence=SILENCE,
                go_on=lambda: not self._stop.is_set(),
            )
        if ended.code not in (0, EXIT_INCOMPLETE):
            lines = ended.errors.splitlines() or ["it says nothing"]
            raise NodeFailed(f"the collector failed with exit code {ended.code}: {lines[-1]}")

    def _check(self) -> None:
        if self._stop.is_set():
            raise NodeFailed("stopped")

    def _with_event(self, trouble: str, name: str) -> str:
        event = self._last_event(name)
        return (
            trouble
            if not event or event.partition(": ")[2] in trouble
            else f"{trouble} (last event: {event})"
        )

    def _last_event(self, name: str) -> str:
        return last_event(self.api, self.namespace, name)


class PodPoll:
    """The states of our pods by node. Who asks looks himself, if nobody has within `POLL` seconds."""

    def __init__(self, api: Api, namespace: str, run: str) -> None:
        self._api = api
        self._path = f"/api/v1/namespaces/{namespace}/pods"
        self._query = [("labelSelector", f"{RUN_LABEL}={run}")]
        self._states: dict[str, PodState] = {}
        self._looked = 0.0
        self._lock = threading.Lock()

    def state(self, node: str) -> PodState | None:
        """None: the node has no pod of ours yet. Raises: ClusterError."""
        with self._lock:
            if time.monotonic() - self._looked >= POLL:
                listed = items(self._api.get(self._path, self._query), "items")
                self._states = {
                    text(pod, "metadata", "annotations", NODE_ANNOTATION): pod_state(pod)
                    for pod in listed
                    if isinstance(pod, Mapping)
                }
                self._looked = time.monotonic()
            return self._states.get(node)

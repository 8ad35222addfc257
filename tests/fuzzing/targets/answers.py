"""What an API server answers: it may be another program, or a newer one."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from io import BytesIO
from typing import Any, cast

from kubectl_skoop.cluster.allow import BUILT_IN
from kubectl_skoop.collect.live import discovery, gathering, leftovers
from kubectl_skoop.collect.live.api import Api, Body
from kubectl_skoop.collect.live.checkpoint import Checkpoint
from kubectl_skoop.collect.live.errors import ClusterError
from kubectl_skoop.collect.live.events import last_event
from kubectl_skoop.collect.live.execute import exit_code
from kubectl_skoop.collect.live.objects import gather
from kubectl_skoop.snapshot.format import Header
from kubectl_skoop.snapshot.write import SnapshotWriter
from tests.fuzzing import scratch
from tests.fuzzing.codec import JSON
from tests.fuzzing.object_examples import examples
from tests.fuzzing.target import Target


class Answers:
    """Gives the answers in their order, again and again."""

    def __init__(self, answers: Sequence[object]) -> None:
        self._answers = [answer for answer in answers if isinstance(answer, dict)]
        """Of other JSON `Api` makes an empty object."""
        self._at = 0

    def get(self, path: str, query: object = (), accept: str = "") -> Body:
        if not self._answers:
            raise ClusterError("no answer", status=500)
        self._at += 1
        return cast("Body", self._answers[(self._at - 1) % len(self._answers)])

    def pages(self, path: str, query: object = (), version: str = "") -> Iterator[Body]:
        yield self.get(path)


class AtOnce(Executor):
    """No threads: one order of the questions."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done

    def map(
        self, fn: Any, *iterables: Any, timeout: float | None = None, chunksize: int = 1
    ) -> Iterator[Any]:
        return map(fn, *iterables)


def run(data: bytes) -> None:
    """A list of answers; the bytes themselves as the end of a command, and as a note of a checkpoint."""
    with suppress(ClusterError):
        exit_code(data)
    checkpoint = Checkpoint(scratch.folder())
    checkpoint.target("n1").with_suffix(".json").write_bytes(data)
    checkpoint.find("n1")
    value = JSON.read(data)
    answers = value if isinstance(value, list) else [value]
    api = cast("Api", Answers(answers))
    writer = SnapshotWriter(BytesIO(), Header())
    with suppress(ClusterError):
        gather(api, BUILT_IN, AtOnce(), writer.objects)
        writer.finish()
    with suppress(ClusterError):
        discovery.version_of(api)
    with suppress(ClusterError):
        for leftover in leftovers.leftovers(api):
            str(leftover)
    run_ = gathering.Gathering(api=api, run="r", given="", progress=lambda *_: None)
    with suppress(ClusterError):
        run_.pod()
        run_._check(None)
    last_event(api, "shop", "a")
    gathering.api_servers(api)


def seeds() -> Iterator[bytes]:
    listed = {"items": examples(), "metadata": {"resourceVersion": "7", "continue": ""}}
    groups = {
        "groups": [{"name": "apps", "preferredVersion": {"version": "v1"}, "versions": [{"version": "v1"}]}]
    }
    kinds = [("nodes", "Node"), ("pods", "Pod"), ("services", "Service"), ("endpoints", "Endpoints")]
    resources = {"resources": [{"name": name, "kind": kind, "verbs": ["list"]} for name, kind in kinds]}
    status = {
        "phase": "Failed",
        "containerStatuses": [{"state": {"terminated": {"exitCode": 2, "reason": "x"}}}],
    }
    jobs = {
        "items": [
            {"metadata": {"name": "j"}, "status": {"conditions": [{"type": "Failed", "status": "True"}]}}
        ]
    }
    yield JSON.encode([groups, resources, listed, {"gitVersion": "v1.36.3"}])
    yield JSON.encode([{"items": [{"metadata": {"name": "p"}, "status": status}]}, jobs])
    yield json.dumps(
        {"status": "Failure", "details": {"causes": [{"reason": "ExitCode", "message": "3"}]}}
    ).encode()
    yield json.dumps({"node": "n1", "told": 1.5}).encode()


TARGET = Target(name="answers", run=run, seeds=seeds, codec=JSON)

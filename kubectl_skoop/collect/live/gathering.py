"""A snapshot that the cluster gathers by itself, as the user's machine sees it: made, followed, removed."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import NamedTuple

from kubectl_skoop.cluster.raw import items, mapping, number, text, texts
from kubectl_skoop.collect.live import gather_job
from kubectl_skoop.collect.live.api import Api, Body
from kubectl_skoop.collect.live.errors import ClusterError, Unreachable
from kubectl_skoop.collect.live.events import last_event
from kubectl_skoop.collect.live.execute import execute
from kubectl_skoop.collect.live.manifest import NAME, NAME_LABEL, RUN_LABEL, namespace_object
from kubectl_skoop.collect.live.pod_state import HOPELESS, PodState, pod_state
from kubectl_skoop.collect.live.rights import Right
from kubectl_skoop.collect.live.run import SILENCE, Progress

POLL = 1.0
"""Seconds between two looks at how far it is."""
PATIENCE = 120.0
"""Seconds for which a cluster that does not answer is asked again."""
_SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"


class Whole(NamedTuple):
    """The snapshot as it waits in its pod."""

    size: int
    sha256: str
    collected: int
    """Nodes that are in it."""
    wanted: int
    gaps: tuple[str, ...]
    """What is not in it, in words."""


@dataclass(frozen=True, slots=True)
class Gathering:
    """One run. It goes on whether or not anybody follows it."""

    api: Api
    run: str
    given: str
    """The namespace, if it is not the run's own."""
    progress: Progress

    @property
    def namespace(self) -> str:
        return gather_job.namespace_of(self.run, self.given)

    def start(self, readable: Sequence[Right], options: gather_job.GatherOptions) -> None:
        """Makes the objects. Raises: ClusterError."""
        if options.owns_namespace:
            made = self.api.create("/api/v1/namespaces", namespace_object(self.namespace, self.run))
            for item in gather_job.account_objects(self.run, readable, text(made, "metadata", "uid")):
                self.api.create(_path(item), item)
        job = gather_job.gather_job(self.run, options)
        self.api.create(_path(job), job)

    def follow(self, wait: float) -> Whole:
        """Returns when the snapshot is whole. `wait`: seconds that the pod may take to run at first.

        Raises: ClusterError: the run has failed, or ended; Unreachable: it may go on, but nobody knows.
        """
        began = heard = time.monotonic()
        ran = False
        while True:
            try:
                pod = self.pod()
                heard = time.monotonic()
                if pod is not None and pod.running:
                    ran = True
                    if (whole := self._whole(pod.name)) is not None:
                        return whole
                else:
                    self._check(pod)
                    if not ran and heard - began > wait:
                        raise ClusterError(f"no pod ran within {wait:.0f} s{self._why(pod)}")
            except ClusterError as error:
                if not _is_away(error):
                    raise
                if time.monotonic() - heard > PATIENCE:
                    raise Unreachable(str(error)) from error
            time.sleep(POLL)

    def pod(self) -> PodState | None:
        """The newest one of the gatherer that nobody has deleted. Raises: ClusterError."""
        listed = self.api.get(f"/api/v1/namespaces/{self.namespace}/pods", [self._selector])
        pods = [pod for pod in items(listed, "items") if isinstance(pod, Mapping)]
        standing = [pod for pod in pods if not text(pod, "metadata", "deletionTimestamp")]
        standing.sort(key=lambda pod: text(pod, "metadata", "creationTimestamp"))
        return pod_state(standing[-1]) if standing else None

    def ask(self, pod: str, *where: int) -> bytes:
        """What `collect.held` says there. Raises: ClusterError."""
        heard = BytesIO()
        ended = execute(
            self.api,
            self.namespace,
            pod,
            gather_job.CONTAINER,
            gather_job.held_command(self.run, *where),
            stdin=b"",
            stdout=heard,
            silence=SILENCE,
            go_on=lambda: True,
        )
        if ended.code:
            raise ClusterError(f"the gatherer does not answer: {ended.errors or f'exit code {ended.code}'}")
        return heard.getvalue()

    def remove(self) -> None:
        """Deletes all that the run made; does not wait until it is gone. Raises: ClusterError."""
        jobs = f"/apis/batch/v1/namespaces/{self.namespace}/jobs"
        pods = f"/api/v1/namespaces/{self.namespace}/pods"
        # In a namespace of its own that of its collectors, too, which bear the names of other runs.
        ours = self._selector if self.given else ("labelSelector", f"{NAME_LABEL}={NAME}")
        self.api.delete(jobs, [ours, ("propagationPolicy", "Background")])
        self.api.delete(pods, [ours, ("gracePeriodSeconds", "0")])
        if not self.given:
            self.api.delete(f"/api/v1/namespaces/{self.namespace}")

    @property
    def _selector(self) -> tuple[str, str]:
        return "labelSelector", f"{RUN_LABEL}={self.run}"

    def _whole(self, pod: str) -> Whole | None:
        """None: not yet, or the container is being started anew. Raises: Unreachable."""
        try:
            status = json.loads(self.ask(pod))
        except Unreachable:
            raise
        except (ClusterError, ValueError) as error:
            self.progress("", f"waits for an answer: {error}")
            return None
        if not text(status, "sha256"):
            self.progress("", f"{number(status, 'dumps')} nodes are read")
            return None
        return Whole(
            size=number(status, "size"),
            sha256=text(status, "sha256"),
            collected=number(status, "collected"),
            wanted=number(status, "wanted"),
            gaps=texts(status, "gaps"),
        )

    def _check(self, pod: PodState | None) -> None:
        """Raises: ClusterError where there is nothing to wait for."""
        listed = self.api.get(f"/apis/batch/v1/namespaces/{self.namespace}/jobs", [self._selector])
        jobs = items(listed, "items")
        if not jobs:
            raise ClusterError(
                f"there is no run {self.run} in namespace {self.namespace}",
                hint="it was removed, or is older than its deadline",
            )
        for condition in items(jobs[0], "status", "conditions"):
            if text(condition, "type") == "Failed" and text(condition, "status") == "True":
                reason = f"{text(condition, 'reason')}: {text(condition, 'message')}"
                raise ClusterError(f"the run has failed ({reason}){self._why(pod)}")
        if pod is not None and pod.refused:
            raise ClusterError(f"the run has failed: {pod.refused}")
        if pod is not None and pod.trouble.partition(": ")[0] in HOPELESS:
            raise ClusterError(f"the run has failed: {pod.trouble}")
        waits = pod.trouble or pod.waits if pod is not None else "its pod"
        self.progress("", f"waits for {waits}")

    def _why(self, pod: PodState | None) -> str:
        if pod is not None and pod.trouble:
            return f": {pod.trouble}"
        name = pod.name if pod is not None else gather_job.gather_job_name(self.run)
        event = last_event(self.api, self.namespace, name)
        return f" (last event: {event})" if event else ""


def _is_away(error: ClusterError) -> bool:
    """It may answer later."""
    return isinstance(error, Unreachable) or error.status == 429 or error.status >= 500


def api_servers(api: Api) -> tuple[str, ...]:
    """`ADDRESS:PORT` of each; none: the cluster does not tell."""
    try:
        listed = api.get(_SLICES, [("labelSelector", "kubernetes.io/service-name=kubernetes")])
    except ClusterError:
        return ()
    found = []
    for part in items(listed, "items"):
        for port in items(part, "ports"):
            for endpoint in items(part, "endpoints"):
                if mapping(endpoint, "conditions").get("ready") is not False:
                    addresses = texts(endpoint, "addresses")
                    found += [_socket(address, number(port, "port")) for address in addresses]
    return tuple(found)


def _socket(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _path(item: Body) -> str:
    """Of the list that the object is to be in."""
    group, kind = text(item, "apiVersion"), text(item, "kind")
    root = f"/apis/{group}" if "/" in group else f"/api/{group}"
    namespace = text(item, "metadata", "namespace")
    return f"{root}/namespaces/{namespace}/{kind.lower()}s" if namespace else f"{root}/{kind.lower()}s"

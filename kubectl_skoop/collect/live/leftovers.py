"""What runs left in the cluster that could not clean up: their machine died, or lost the cluster."""

from typing import NamedTuple

from kubectl_skoop.cluster.raw import items, labels, number, text
from kubectl_skoop.collect.live.api import Api
from kubectl_skoop.collect.live.manifest import NAME, NAME_LABEL, RUN_LABEL

_OURS = ("labelSelector", f"{NAME_LABEL}={NAME},{RUN_LABEL}")


class Leftover(NamedTuple):
    """A namespace that a run made, or Jobs of a run in one that was there before."""

    namespace: str
    run: str
    whole: bool
    """The namespace itself is ours."""
    active: bool
    """A collector may still be at work there."""

    def __str__(self) -> str:
        return f"namespace {self.namespace}" if self.whole else f"Jobs of run {self.run} in {self.namespace}"


def leftovers(api: Api) -> tuple[Leftover, ...]:
    """Raises: ClusterError."""
    jobs = items(api.get("/apis/batch/v1/jobs", [_OURS]), "items")
    at_work = {
        (text(job, "metadata", "namespace"), _run_of(job)): bool(number(job, "status", "active"))
        for job in jobs
    }
    found = {}
    for namespace in items(api.get("/api/v1/namespaces", [_OURS]), "items"):
        if text(namespace, "status", "phase") != "Terminating":
            name = text(namespace, "metadata", "name")
            active = any(busy for (place, _), busy in at_work.items() if place == name)
            found[name] = Leftover(name, _run_of(namespace), True, active)
    others = [
        Leftover(place, run, False, busy) for (place, run), busy in at_work.items() if place not in found
    ]
    return (*found.values(), *others)


def remove(api: Api, leftover: Leftover) -> None:
    """Raises: ClusterError."""
    selector = ("labelSelector", f"{RUN_LABEL}={leftover.run}")
    background = ("propagationPolicy", "Background")
    api.delete(f"/apis/batch/v1/namespaces/{leftover.namespace}/jobs", [selector, background])
    api.delete(f"/api/v1/namespaces/{leftover.namespace}/pods", [selector, ("gracePeriodSeconds", "0")])
    if leftover.whole:
        api.delete(f"/api/v1/namespaces/{leftover.namespace}")


def _run_of(item: object) -> str:
    return labels(item, "metadata", "labels").get(RUN_LABEL, "")

"""The namespace that a run works in: one of its own, or one that others may use, too."""

import threading
import time
from collections.abc import Callable

from kubectl_skoop.cluster.raw import items, labels
from kubectl_skoop.collect.live.api import Api, Body
from kubectl_skoop.collect.live.errors import ClusterError
from kubectl_skoop.collect.live.manifest import NAME, NAME_LABEL, RUN_LABEL, namespace_object

AGAIN = 0.5
"""Seconds between two tries while another run's namespace is being removed."""


class RunNamespace:
    """Used from several threads. It exists from the first object that is made in it."""

    def __init__(self, api: Api, name: str, run: str, *, shared: bool) -> None:
        """`shared`: the user named it; perhaps it was there before, perhaps other runs are in it."""
        self.name = name
        self.used = False
        self._api = api
        self._run = run
        self._shared = shared
        self._lock = threading.Lock()

    def create_job(self, job: Body, patience: float, check: Callable[[], None]) -> None:
        """`patience`: seconds to wait while another run removes the namespace. `check` raises to give up.

        Raises: ClusterError.
        """
        end = time.monotonic() + patience
        while True:
            check()
            self._make()
            try:
                self._api.create(f"/apis/batch/v1/namespaces/{self.name}/jobs", job)
                return
            except ClusterError as error:
                if not (self._shared and _is_going(error)) or time.monotonic() > end:
                    raise
                self.used = False
                time.sleep(AGAIN)

    def remove(self) -> None:
        """If it is ours, and no other run is at work in it. Raises: ClusterError."""
        if not self._shared or (self._made_by_a_run() and not self._others()):
            self._api.delete(f"/api/v1/namespaces/{self.name}")

    def _make(self) -> None:
        with self._lock:
            if self.used:
                return
            # First: the answer may be lost after the server has done its work.
            self.used = True
            try:
                self._api.create("/api/v1/namespaces", namespace_object(self.name, self._run))
            except ClusterError as error:
                # Who may not make one may use one that is there.
                if not self._shared or error.status not in (403, 409):
                    raise

    def _made_by_a_run(self) -> bool:
        try:
            found = labels(self._api.get(f"/api/v1/namespaces/{self.name}"), "metadata", "labels")
        except ClusterError as error:
            if error.status not in (403, 404):
                raise
            return False
        return found.get(NAME_LABEL) == NAME and RUN_LABEL in found

    def _others(self) -> bool:
        selector = ("labelSelector", f"{RUN_LABEL},{RUN_LABEL}!={self._run}")
        listed = self._api.get(f"/apis/batch/v1/namespaces/{self.name}/jobs", [selector, ("limit", "1")])
        return bool(items(listed, "items"))


def _is_going(error: ClusterError) -> bool:
    """The namespace is being removed, or is gone (plugin/pkg/admission/namespace/lifecycle)."""
    return error.status == 404 or (error.status == 403 and "being terminated" in str(error))

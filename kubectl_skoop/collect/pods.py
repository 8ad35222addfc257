"""Where the network namespaces of a node's pods are, by their processes and by their runtime.

The kubelet names a pod's control group after its uid, a static one's after the hash of its manifest
(pkg/kubelet/cm/pod_container_manager_linux.go, GetPodContainerName; pkg/kubelet/kubetypes, pod_update.go).
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from kubectl_skoop.collect.cri.sandboxes import Sandboxes
from kubectl_skoop.model.errors import FormatError

PROC = Path("/proc")
NOT_ASKED = Sandboxes()
_POD_GROUP = re.compile(
    r"pod(?P<key>[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?![0-9a-f])(?P<below>.*)"
)
_STARTTIME = 19
"""Of /proc/PID/stat behind the name: field 22 (proc_pid_stat(5))."""


class ExpectedPod(NamedTuple):
    """A pod that the cluster says is on this node."""

    name: str
    """`namespace/name`."""
    uid: str
    hash: str = ""
    """Of the manifest of a static pod."""
    host_network: bool = False


@dataclass(slots=True)
class FoundPods:
    """Namespaces that are held open, so that they outlive their processes."""

    paths: dict[str, Path] = field(default_factory=dict)
    """Pod → its network namespace."""
    host: list[str] = field(default_factory=list)
    """Pods that live in the node's."""
    lost: dict[str, str] = field(default_factory=dict)
    """Pod → why it has no namespace."""
    watched: dict[str, str] = field(default_factory=dict)
    """Pod with processes → the key of its control group."""
    _proc: Path = PROC

    def hold(self, pod: str, netns: Path, *, again: bool = False) -> bool:
        """Opens the namespace of a pod that has none yet, or with `again` another one. False: it is not."""
        if pod in self.paths and not again:
            return False
        try:
            descriptor = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        if pod in self.paths:
            os.close(int(self.paths[pod].name))
        self.paths[pod] = Path(f"/proc/self/fd/{descriptor}")
        return True

    def ended(self) -> dict[str, str]:
        """Pods that had a process when they were found, and have none now, with that reason.

        What is read of a namespace after its pod's end is not the pod's: its devices are gone.
        """
        present = {process.key for process in _processes(self._proc)} if self.watched else set()
        reason = "it has ended while its node was read"
        return {pod: reason for pod, key in self.watched.items() if key not in present}


def parse_expected(text: str) -> tuple[ExpectedPod, ...]:
    """A JSON list of `{"pod", "uid", "hash", "hostNetwork"}`. Raises: FormatError."""
    try:
        listed = json.loads(text)
    except ValueError as error:
        raise FormatError(f"--pods: is no JSON: {error}") from error
    if not isinstance(listed, list):
        raise FormatError("--pods: is no JSON list")
    return tuple(_expected(entry) for entry in listed)


def find_pods(
    expected: Sequence[ExpectedPod], proc: Path = PROC, sandboxes: Sandboxes = NOT_ASKED
) -> FoundPods:
    """By processes first: /proc is always there. Where the runtime was asked too, its word outweighs: it made
    the namespace, and it knows those of pods without a process on the node (sandboxes that are machines).

    Whoever is found by neither is lost, with that reason.
    """
    found = FoundPods(host=[pod.name for pod in expected if pod.host_network], _proc=proc)
    by_group = {key: pod for pod in expected if not pod.host_network for key in (pod.uid, pod.hash) if key}
    for process in sorted(_processes(proc)):
        pod = by_group.get(process.key)
        if pod is not None and found.hold(pod.name, process.folder / "ns/net"):
            found.watched[pod.name] = process.key
    for key, path in sandboxes.paths.items():
        pod = by_group.get(key)
        if pod is not None:
            found.hold(pod.name, path, again=True)
    for pod in by_group.values():
        if pod.name not in found.paths:
            reason = "no process of it is on the node: it has ended, or not begun"
            found.lost[pod.name] = f"{reason} ({sandboxes.trouble})" if sandboxes.trouble else reason
    return found


class _Process(NamedTuple):
    """Of a pod. They sort by how much they speak for it: a program of the pod may have namespaces of its own,
    in a deeper control group, or made after the pod's own process had begun."""

    depth: int
    """Of the control group below the pod's."""
    began: int
    """Clock ticks after boot."""
    folder: Path
    key: str
    """The pod's uid or hash."""


def _processes(proc: Path) -> Iterator[_Process]:
    for folder in proc.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            match = _POD_GROUP.search((folder / "cgroup").read_text())
            if match is None:
                continue
            began = int((folder / "stat").read_text().rpartition(")")[2].split()[_STARTTIME])
        except (OSError, IndexError):
            continue
        yield _Process(match["below"].count("/"), began, folder, match["key"].replace("_", "-"))


def _expected(entry: object) -> ExpectedPod:
    match entry:
        case {"pod": str(name), "uid": str(uid), **rest} if isinstance(rest, Mapping):
            return ExpectedPod(name, uid, str(rest.get("hash", "")), rest.get("hostNetwork") is True)
        case _:
            raise FormatError("--pods: an entry without pod and uid")

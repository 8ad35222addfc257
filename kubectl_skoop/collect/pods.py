"""Where the network namespaces of a node's pods are, by their processes.

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

from kubectl_skoop.model.errors import FormatError

_POD_GROUP = re.compile(r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?![0-9a-f])")


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
    _watched: dict[str, str] = field(default_factory=dict)
    """Pod with processes → the key of its control group."""
    _proc: Path = Path("/proc")

    def ended(self) -> dict[str, str]:
        """Pods that had a process when they were found, and have none now, with that reason.

        What is read of a namespace after its pod's end is not the pod's: its devices are gone.
        """
        present = {key for _, key in _processes(self._proc)} if self._watched else set()
        reason = "it has ended while its node was read"
        return {pod: reason for pod, key in self._watched.items() if key not in present}


def parse_expected(text: str) -> tuple[ExpectedPod, ...]:
    """A JSON list of `{"pod", "uid", "hash", "hostNetwork"}`. Raises: FormatError."""
    try:
        listed = json.loads(text)
    except ValueError as error:
        raise FormatError(f"--pods: is no JSON: {error}") from error
    if not isinstance(listed, list):
        raise FormatError("--pods: is no JSON list")
    return tuple(_expected(entry) for entry in listed)


def find_pods(expected: Sequence[ExpectedPod], proc: Path = Path("/proc")) -> FoundPods:
    """Whoever has no process any more is lost, with that reason."""
    found = FoundPods(host=[pod.name for pod in expected if pod.host_network], _proc=proc)
    by_group = {key: pod for pod in expected if not pod.host_network for key in (pod.uid, pod.hash) if key}
    for process, key in _processes(proc):
        pod = by_group.get(key)
        if pod is not None and pod.name not in found.paths:
            try:
                descriptor = os.open(process / "ns" / "net", os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                continue
            found.paths[pod.name] = Path(f"/proc/self/fd/{descriptor}")
            found._watched[pod.name] = key
    for pod in by_group.values():
        if pod.name not in found.paths:
            found.lost[pod.name] = "no process of it is on the node: it has ended, or not begun"
    return found


def _processes(proc: Path) -> Iterator[tuple[Path, str]]:
    """Each process of a pod, with the pod's uid or hash."""
    for process in proc.iterdir():
        if not process.name.isdigit():
            continue
        try:
            groups = (process / "cgroup").read_text()
        except OSError:
            continue
        for key in _POD_GROUP.findall(groups):
            yield process, key.replace("_", "-")
            break


def _expected(entry: object) -> ExpectedPod:
    match entry:
        case {"pod": str(name), "uid": str(uid), **rest} if isinstance(rest, Mapping):
            return ExpectedPod(name, uid, str(rest.get("hash", "")), rest.get("hostNetwork") is True)
        case _:
            raise FormatError("--pods: an entry without pod and uid")

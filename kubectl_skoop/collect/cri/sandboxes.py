"""Where the container runtime says that the network namespaces of pods are.

The CRI is k8s.io/cri-api, pkg/apis/runtime/v1/api.proto, which has the numbers of the fields. What `verbose`
adds is the runtime's own: containerd (internal/cri/types, SandboxInfo) and CRI-O (server/sandbox_status.go)
give `info` with `pid` and the OCI specification, `runtimeSpec`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from kubectl_skoop.collect.cri import protobuf
from kubectl_skoop.collect.node_root import NODE_ROOT, inside

if TYPE_CHECKING:
    from kubectl_skoop.collect.cri.grpc import Channel

SOCKETS = (
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/k3s/containerd/containerd.sock",
    "/run/k0s/containerd.sock",
    "/run/cri-dockerd.sock",
    "/var/snap/microk8s/common/run/containerd.sock",
)
TIMEOUT = 5.0
"""Seconds for all that is asked."""
READY = 0


@dataclass(frozen=True, slots=True)
class Sandboxes:
    """The runtime's answer."""

    paths: Mapping[str, Path] = field(default_factory=dict)
    """Uid of a pod (hash of a static one) → its network namespace."""
    trouble: str = ""
    """Why no runtime could be asked."""


def read_sandboxes(named: str = "", root: Path = NODE_ROOT) -> Sandboxes:
    """Of the socket `named`, a path on the node, or of the first usual one that answers.

    A pod without an answer that can be used is left out.
    """
    try:
        from kubectl_skoop.collect.cri.grpc import CallFailed, Channel
    except ImportError:
        return Sandboxes(trouble="the package h2, by which a runtime is asked, is not installed")
    troubles = []
    for socket in _found(named, root):
        try:
            with Channel(socket, TIMEOUT) as channel:
                return Sandboxes(dict(_namespaces(channel, root)))
        except (CallFailed, protobuf.MalformedProtobuf) as error:
            troubles.append(f"{socket}: {error}")
    return Sandboxes(trouble="; ".join(troubles) or f"there is no {named or 'socket of a container runtime'}")


def _found(named: str, root: Path) -> Iterator[Path]:
    """In the agent's own file system, and in the node's."""
    seen = set()
    for name in (named,) if named else SOCKETS:
        for path in (Path(name), inside(PurePosixPath(name), root)):
            if path is not None and path.is_socket():
                status = path.stat()
                if (status.st_dev, status.st_ino) not in seen:
                    seen.add((status.st_dev, status.st_ino))
                    yield path


def _namespaces(channel: "Channel", root: Path) -> Iterator[tuple[str, Path]]:
    """Raises: CallFailed, MalformedProtobuf."""
    from kubectl_skoop.collect.cri.grpc import CallFailed

    listed = channel.call("/runtime.v1.RuntimeService/ListPodSandbox", b"")
    for sandbox in protobuf.messages(listed, 1):
        if protobuf.number(sandbox, 3) != READY:
            continue
        request = protobuf.text_field(1, protobuf.text(sandbox, 1)) + protobuf.true_field(2)
        try:
            status = channel.call("/runtime.v1.RuntimeService/PodSandboxStatus", request)
        except CallFailed:
            continue
        uid = protobuf.text(protobuf.message(sandbox, 2), 2)
        path = namespace_of(uid, _info(status), root)
        if path is not None:
            yield uid, path


def _info(status: bytes) -> object:
    """What `verbose` tells; None: nothing. Raises: MalformedProtobuf."""
    for entry in protobuf.messages(status, 2):
        if protobuf.text(entry, 1) == "info":
            try:
                return json.loads(protobuf.text(entry, 2))
            except (ValueError, RecursionError):
                return None
    return None


def namespace_of(uid: str, info: object, root: Path, proc: Path = Path("/proc")) -> Path | None:
    """None: it is not told, or gone, or the pod has none of its own."""
    match info:
        case {"netNamespaceClosed": True}:
            return None
        case {"runtimeSpec": {"linux": {"namespaces": list(namespaces)}}, **rest}:
            for namespace in namespaces:
                match namespace:
                    case {"type": "network", "path": str(path)} if path:
                        return _file(path, root)
                    case {"type": "network"}:
                        return _of_process(uid, rest.get("pid"), proc)
    return None


def _file(path: str, root: Path) -> Path | None:
    there = inside(PurePosixPath(path), root)
    here = Path(path)
    return there or (here if here.exists() else None)


def _of_process(uid: str, pid: object, proc: Path) -> Path | None:
    """By the number that the runtime knows it by; ours is another one where processes are not shared."""
    process = proc / str(pid)
    try:
        groups = (process / "cgroup").read_text()
    except OSError:
        return None
    return process / "ns/net" if uid in groups.replace("_", "-") else None

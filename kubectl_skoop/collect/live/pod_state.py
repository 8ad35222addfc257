"""What the status of a collector pod says: it runs, it never will, or there is something to wait for."""

from typing import NamedTuple

from kubectl_skoop.cluster.raw import Object, items, mapping, text

HOPELESS = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)
"""Reasons of a waiting container that time seldom mends (pkg/kubelet/kuberuntime, pkg/kubelet/images)."""


_WRONG_INPUT = 2
"""The exit code of this tool, and of Python, for what is wrong with the command."""


class PodState(NamedTuple):
    """One pod at one moment."""

    name: str
    running: bool
    trouble: str
    """Why it will not run; empty: nothing speaks against it yet."""
    waits: str
    """What it waits for, in a few words."""
    refused: str = ""
    """How a container ended that found its command or its input wrong: one that is started anew will, too."""


def pod_state(pod: Object) -> PodState:
    name = text(pod, "metadata", "name")
    status = mapping(pod, "status")
    phase = text(status, "phase")
    if phase in ("Failed", "Succeeded"):
        why = _joined(text(status, "reason"), text(status, "message")) or _ended(status)
        return PodState(name, False, f"the pod ended ({why or phase})", "")
    for container in items(status, "containerStatuses"):
        if mapping(container, "state", "running"):
            return PodState(name, True, "", "")
        refused = _ended(status) if _exit_code(container) == _WRONG_INPUT else ""
        if mapping(container, "state", "terminated"):
            return PodState(name, False, f"the container ended ({_ended(status)})", "", refused)
        waiting = mapping(container, "state", "waiting")
        reason, why = text(waiting, "reason"), _joined(text(waiting, "reason"), text(waiting, "message"))
        if reason in HOPELESS:
            return PodState(name, False, why, "")
        return PodState(name, False, "", reason or "its container", refused)
    for condition in items(status, "conditions"):
        if text(condition, "type") == "PodScheduled" and text(condition, "status") == "False":
            return PodState(name, False, "", _joined(text(condition, "reason"), text(condition, "message")))
    return PodState(name, False, "", "the kubelet")


def _exit_code(container: object) -> object:
    """Of its last end; None: it has not ended yet."""
    ends = (mapping(container, key, "terminated") for key in ("state", "lastState"))
    return next((ended.get("exitCode") for ended in ends if ended), None)


def _ended(status: Object) -> str:
    for container in items(status, "containerStatuses"):
        for key in ("state", "lastState"):
            if ended := mapping(container, key, "terminated"):
                code = ended.get("exitCode")
                return _joined(text(ended, "reason"), text(ended, "message")) + f", exit code {code}"
    return ""


def _joined(reason: str, message: str) -> str:
    return ": ".join(" ".join(part.split()) for part in (reason, message) if part)

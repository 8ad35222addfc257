"""The objects that a run makes in the cluster, as pure data. `--dry-run` prints them."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from kubectl_skoop.collect.live import parcel

if TYPE_CHECKING:
    from kubectl_skoop.collect.live.api import Body

NAME = "kubectl-skoop"
NAME_LABEL = "app.kubernetes.io/name"
RUN_LABEL = "kubectl-skoop/run"
NODE_ANNOTATION = "kubectl-skoop/node"
CONTAINER = "collector"
DEFAULT_IMAGE = "ghcr.io/kubectl-skoop/kubectl-skoop"
CAPABILITIES = ("DAC_READ_SEARCH", "NET_ADMIN", "NET_RAW", "SYS_ADMIN", "SYS_PTRACE")
"""SYS_ADMIN: setns(2) into namespaces, and BPF; SYS_PTRACE: /proc/PID/ns of others; NET_ADMIN: rules,
connections, IPsec; NET_RAW: iptables-legacy-save opens a raw socket; DAC_READ_SEARCH: files of pods in user
namespaces. The runtimes' seccomp profiles allow setns(2) and bpf(2) with SYS_ADMIN (containerd:
contrib/seccomp/seccomp_default.go)."""
SENT_CAPABILITIES = (*CAPABILITIES, "SYS_CHROOT")
"""An agent in an image that is not ours runs the tools of the node's own root."""
AFTER_END = 60
"""Seconds that the cluster keeps a Job that has ended."""
REQUESTS: Mapping[str, str] = {"cpu": "20m", "memory": "48Mi"}
LIMITS: Mapping[str, str] = {"memory": "1Gi"}
MAX_NAME = 63


class Owner(NamedTuple):
    """The pod that a run works in: what it made goes with it."""

    name: str
    uid: str


class CollectorOptions(NamedTuple):
    """How collector pods are made."""

    image: str
    sent: bool = False
    """The image has Python, but not the agent: it is sent there."""
    pull_policy: str = "IfNotPresent"
    pull_secrets: tuple[str, ...] = ()
    namespace: str = ""
    """Empty: one of its own for each run."""
    deadline: int = 300
    """Seconds after which the cluster ends a pod, whatever became of this machine."""
    wait: float = 60.0
    """Seconds that a pod may take to run."""
    privileged: bool = False
    runtime_socket: str = ""
    """Path on the node; empty: the usual ones are tried."""
    owner: Owner | None = None


def namespace_object(name: str, run: str) -> "Body":
    """Pods that may enter namespaces are `privileged` for Pod Security (KEP-2579)."""
    levels = {f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("enforce", "audit", "warn")}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {NAME_LABEL: NAME, RUN_LABEL: run, **levels}},
    }


def owner_reference(kind: str, owner: Owner) -> "Body":
    """To an object of the API group v1: the cluster removes what is owned when its owner is gone."""
    return {"apiVersion": "v1", "kind": kind, "name": owner.name, "uid": owner.uid}


def job_name(node: str, run: str) -> str:
    """Legal whatever the node is called, and another one for each node and each run."""
    tail = f"{hashlib.sha256(node.encode()).hexdigest()[:8]}-{run}"
    plain = "".join(letter if letter.isalnum() else "-" for letter in node.lower())
    kept = plain[: MAX_NAME - len(f"collect--{tail}")].strip("-")
    return f"collect-{kept}-{tail}" if kept else f"collect-{tail}"


def job_object(node: str, namespace: str, run: str, options: CollectorOptions) -> "Body":
    """The Job whose one pod waits on the node until it is told what to read, or its time is over."""
    labels = {NAME_LABEL: NAME, RUN_LABEL: run}
    owned = {} if options.owner is None else {"ownerReferences": [owner_reference("Pod", options.owner)]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(node, run),
            "namespace": namespace,
            "labels": labels,
            "annotations": {NODE_ANNOTATION: node},
            **owned,
        },
        "spec": {
            "activeDeadlineSeconds": options.deadline,
            "ttlSecondsAfterFinished": AFTER_END,
            "backoffLimit": 0,
            "template": {
                "metadata": {
                    "labels": dict(labels),
                    "annotations": {
                        NODE_ANNOTATION: node,
                        # Before 1.30 the field appArmorProfile is not known.
                        f"container.apparmor.security.beta.kubernetes.io/{CONTAINER}": "unconfined",
                    },
                },
                "spec": pod_spec(node, options),
            },
        },
    }


def pod_spec(node: str, options: CollectorOptions) -> dict[str, object]:
    """Bound to its node by name: no scheduler is asked, so a cordon or a taint does not keep it away."""
    return {
        "nodeName": node,
        "hostNetwork": True,
        "hostPID": True,
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        "tolerations": [{"operator": "Exists"}],
        "imagePullSecrets": [{"name": name} for name in options.pull_secrets],
        "containers": [
            {
                "name": CONTAINER,
                "image": options.image,
                "imagePullPolicy": options.pull_policy,
                "command": wait_command(options),
                "securityContext": security_context(options),
                "resources": {"requests": dict(REQUESTS), "limits": dict(LIMITS)},
            }
        ],
    }


def security_context(options: CollectorOptions) -> dict[str, object]:
    """`allowPrivilegeEscalation` is left out: the API takes no `false` beside CAP_SYS_ADMIN."""
    if options.privileged:
        return {"privileged": True, "readOnlyRootFilesystem": True, "runAsUser": 0}
    return {
        "runAsUser": 0,
        "runAsNonRoot": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {
            "drop": ["ALL"],
            "add": list(SENT_CAPABILITIES if options.sent else CAPABILITIES),
        },
        "seccompProfile": {"type": "RuntimeDefault"},
        # The default profile keeps a container from reading what belongs to processes outside of it.
        "appArmorProfile": {"type": "Unconfined"},
        "seLinuxOptions": {"type": "spc_t"},
    }


def wait_command(options: CollectorOptions) -> list[str]:
    """What the pod does until it is told what to read."""
    if options.sent:
        return ["python3", "-c", parcel.WAIT.format(seconds=options.deadline)]
    return ["python3", "-m", "kubectl_skoop.collect.wait", str(options.deadline)]


def collect_command(node: str, conntrack: str, options: CollectorOptions) -> Sequence[str]:
    """What is run in the pod; the pods of the node come by its standard input (after the agent itself, if it
    is sent), the dump by its output."""
    if options.sent:
        return ["python3", "-c", parcel.RECEIVE, node, conntrack, options.runtime_socket]
    command = ["kubectl-skoop", "collect", "--node", node, "--pods", "-", "--file", "-"]
    command += ["--conntrack", conntrack]
    return [*command, "--runtime-socket", options.runtime_socket] if options.runtime_socket else command

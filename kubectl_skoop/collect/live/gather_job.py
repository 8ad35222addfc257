"""The objects by which the cluster itself gathers a snapshot, as pure data. `--dry-run` prints them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kubectl_skoop.collect.live import rights
from kubectl_skoop.collect.live.api import Body
from kubectl_skoop.collect.live.manifest import (
    AFTER_END,
    NAME,
    NAME_LABEL,
    RUN_LABEL,
    CollectorOptions,
    Owner,
    namespace_object,
    owner_reference,
)
from kubectl_skoop.collect.live.pod_account import SERVERS

CONTAINER = "gatherer"
FOLDER = "/work"
"""Where the volume is."""
RESTARTS = 6
"""Times that the cluster starts the gatherer anew."""
USER = 65532
"""Nobody in particular, but not root."""
MEMORY = "1Gi"
"""The limit; it holds the index of the snapshot and one node's dump at a time."""
_GROUP = "rbac.authorization.k8s.io"
_API = f"{_GROUP}/v1"
OF_THE_NAMESPACE = "(that of the namespace)"
"""In place of a uid that is not known before the namespace is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatherOptions:
    """How the cluster gathers."""

    collector: CollectorOptions
    """Of the nodes' pods; the gatherer has the same image."""
    words: tuple[str, ...]
    """The options of `snapshot` in the pod."""
    until: int
    """Seconds since the epoch, when the file is given up."""
    deadline: int
    """Seconds after which the cluster ends the Job, whatever became of anybody."""
    account: str = ""
    """A ServiceAccount that is there; empty: one is made, in a namespace of the run's own."""
    claim: str = ""
    """A PersistentVolumeClaim; empty: the volume is the pod's own."""
    servers: tuple[str, ...] = ()
    """`ADDRESS:PORT` of the API servers."""

    @property
    def owns_namespace(self) -> bool:
        return not self.collector.namespace


def namespace_of(run: str, given: str) -> str:
    return given or f"{NAME}-{run}"


def gather_job_name(run: str) -> str:
    return f"gather-{run}"


def granted(namespace: str, readable: Iterable[rights.Right]) -> tuple[rights.Right, ...]:
    """What the gatherer may do in the whole cluster: read, and remove its own namespace in the end."""
    return (*rights.reading(), *readable, rights.Right("delete", "", "namespaces", name=namespace))


def account_objects(run: str, readable: Iterable[rights.Right], uid: str) -> Sequence[Body]:
    """The gatherer's account and roles. Those of the cluster belong to the namespace, and go with it.

    `uid`: of the namespace.
    """
    namespace = namespace_of(run, "")
    here = {"name": NAME, "namespace": namespace, "labels": _labels(run)}
    everywhere = {
        "name": namespace,
        "labels": _labels(run),
        "ownerReferences": [owner_reference("Namespace", Owner(namespace, uid))],
    }
    subjects = [{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}]
    own = rights.collecting(namespace, makes_namespace=False)
    return (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": here},
        {"apiVersion": _API, "kind": "Role", "metadata": here, "rules": [right.rule() for right in own]},
        {
            "apiVersion": _API,
            "kind": "RoleBinding",
            "metadata": here,
            "roleRef": {"apiGroup": _GROUP, "kind": "Role", "name": NAME},
            "subjects": subjects,
        },
        {
            "apiVersion": _API,
            "kind": "ClusterRole",
            "metadata": everywhere,
            "rules": [right.rule() for right in granted(namespace, readable)],
        },
        {
            "apiVersion": _API,
            "kind": "ClusterRoleBinding",
            "metadata": everywhere,
            "roleRef": {"apiGroup": _GROUP, "kind": "ClusterRole", "name": namespace},
            "subjects": subjects,
        },
    )


def gather_job(run: str, options: GatherOptions) -> Body:
    """The Job whose pod is `snapshot` in the cluster. Its container is started anew with the same volume."""
    namespace = namespace_of(run, options.collector.namespace)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": gather_job_name(run), "namespace": namespace, "labels": _labels(run)},
        "spec": {
            "activeDeadlineSeconds": options.deadline,
            "ttlSecondsAfterFinished": AFTER_END,
            "backoffLimit": RESTARTS,
            "template": {
                "metadata": {"labels": _labels(run)},
                "spec": gather_pod_spec(run, namespace, options),
            },
        },
    }


def gather_pod_spec(run: str, namespace: str, options: GatherOptions) -> dict[str, object]:
    """As Pod Security's `restricted` wants it, but for the node's network: the pods' is what is in doubt."""
    removes = namespace if options.owns_namespace else ""
    command = ["python3", "-m", "kubectl_skoop.cli.in_pod", FOLDER, run, str(options.until), removes]
    volume: dict[str, object] = {"emptyDir": {}}
    if options.claim:
        volume = {"persistentVolumeClaim": {"claimName": options.claim}}
    return {
        "hostNetwork": True,
        "restartPolicy": "OnFailure",
        "serviceAccountName": options.account or NAME,
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "node.kubernetes.io/network-unavailable", "operator": "Exists"}],
        "imagePullSecrets": [{"name": name} for name in options.collector.pull_secrets],
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumes": [{"name": "work", **volume}],
        "containers": [
            {
                "name": CONTAINER,
                "image": options.collector.image,
                "imagePullPolicy": options.collector.pull_policy,
                "command": [*command, *options.words],
                "env": [
                    {"name": "HOME", "value": FOLDER},
                    {"name": "TMPDIR", "value": FOLDER},
                    {"name": SERVERS, "value": ",".join(options.servers)},
                    {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                    {"name": "POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
                ],
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "resources": {
                    "requests": {"cpu": "100m", "memory": "128Mi"},
                    "limits": {"memory": MEMORY},
                },
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "volumeMounts": [{"name": "work", "mountPath": FOLDER}],
            }
        ],
    }


def all_objects(run: str, readable: Iterable[rights.Right], options: GatherOptions) -> Sequence[Body]:
    """In the order in which they are made."""
    job = gather_job(run, options)
    if not options.owns_namespace:
        return (job,)
    namespace = namespace_object(namespace_of(run, ""), run)
    return (namespace, *account_objects(run, readable, OF_THE_NAMESPACE), job)


def held_command(run: str, *where: int) -> Sequence[str]:
    """How far the run is; or, with an offset and a length, a piece of its file."""
    return ["python3", "-m", "kubectl_skoop.collect.held", FOLDER, run, *map(str, where)]


def _labels(run: str) -> dict[str, str]:
    return {NAME_LABEL: NAME, RUN_LABEL: run}

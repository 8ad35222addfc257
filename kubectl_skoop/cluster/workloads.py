"""Manifests without pods: a pod for each workload, made of its template, so that policies can be judged."""

from collections.abc import Iterator, Mapping, Sequence

from kubectl_skoop.cluster.allow import Allowed
from kubectl_skoop.cluster.pod import pod_info
from kubectl_skoop.cluster.raw import Object, items, labels, mapping, ref_of, text

_KINDS = {
    "Deployment.apps": "Deployment",
    "StatefulSet.apps": "StatefulSet",
    "ReplicaSet.apps": "ReplicaSet",
    "DaemonSet": "DaemonSet",
    "Job.batch": "Job",
    "CronJob.batch": "CronJob",
    "ReplicationController.": "ReplicationController",
}
WITH_WORKLOADS = Allowed(kinds=frozenset(_KINDS) - {"DaemonSet"})
"""For `read_objects`: templates are kept, too."""


def with_template_pods(objects: Mapping[str, Sequence[Object]]) -> dict[str, Sequence[Object]]:
    """The objects, with a pod for each workload that has none."""
    pods = objects.get("Pod", ())
    owned = {
        (owner.kind, owner.namespace, owner.name) for owner in (pod_info(pod).controller for pod in pods)
    }
    made = [
        pod
        for kind, name in _KINDS.items()
        for item in objects.get(kind, ())
        if (name, ref_of(item).namespace, ref_of(item).name) not in owned
        for pod in _pod(name, item)
    ]
    kept = {kind: found for kind, found in objects.items() if kind not in WITH_WORKLOADS.kinds}
    return {**kept, "Pod": (*pods, *made)} if made else kept


def _pod(kind: str, item: Object) -> Iterator[Object]:
    if any(
        text(owner, "kind") in ("Deployment", "CronJob")
        for owner in items(item, "metadata", "ownerReferences")
    ):
        return
    spec = mapping(item, "spec", "jobTemplate", "spec") if kind == "CronJob" else mapping(item, "spec")
    template = mapping(spec, "template")
    if not template:
        return
    ref = ref_of(item)
    yield {
        "kind": "Pod",
        "metadata": {
            "name": ref.name,
            "namespace": ref.namespace or "default",
            "labels": labels(template, "metadata", "labels"),
            "ownerReferences": [{"kind": kind, "name": ref.name}],
        },
        "spec": mapping(template, "spec"),
    }
